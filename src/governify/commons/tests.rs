//! Tests of the addresses as an operator meets them.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::governify::front::{Front, wrap};
use crate::serve::spelling::Spelling;

fn service(infrastructure: Infrastructure) -> (Router, Commons) {
    let commons = Commons {
        service: "governify-tests",
        version: "1.2.3",
        infrastructure,
        logger: Logger::detached("governify-tests"),
        request_logging: Commons::request_logging(None),
    };
    let front = Front { body_limit: 1024, form: true, any_json: true, spelling: Spelling::new([]).unwrap() };
    (wrap(router(commons.clone()), front), commons)
}

fn tests() -> (Router, Commons) {
    service(Infrastructure::from_tree(json!({ "b": "http://b", "a": { "default": "http://a" } })))
}

async fn ask(router: &Router, method: &str, path: &str, body: Option<Value>) -> (u16, String, String) {
    let request = Request::builder().method(method).uri(path);
    let request = match body {
        Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn every_method_is_welcome() {
    let (router, _) = tests();
    let expected = r#"{"title":"Governify Commons","version":"1.21.1","requestLogging":"true","#.to_owned()
        + r#""serviceName":"governify-tests","serviceVersion":"1.2.3"}"#;
    for (method, path) in [("GET", "/commons"), ("POST", "/commons/"), ("DELETE", "/COMMONS"), ("PATCH", "/Commons/")] {
        let answer = ask(&router, method, path, None).await;
        assert_eq!(answer, (200, "application/json; charset=utf-8".to_owned(), expected.clone()), "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_no_address_says_so() {
    let (router, _) = tests();
    for (method, path) in [
        ("GET", "/commons?x=1"),
        ("GET", "/commons/nothing"),
        ("GET", "/commons/infrastructures"),
        ("GET", "/commons/infrastructure/update"),
        ("PUT", "/commons/infrastructure"),
        ("POST", "/commons/infrastructure"),
        ("POST", "/commons/infrastructure/UPDATE"),
        ("POST", "/commons/requestLogging"),
        ("POST", "/commons/requestLogging/ENABLE"),
        ("POST", "/commons/requestLogging/enable/"),
        ("GET", "/commons/logger"),
        ("GET", "/commons/logger/config/"),
        ("GET", "/commons/logger/Config"),
        ("PUT", "/commons/logger/config"),
    ] {
        let answer = ask(&router, method, path, None).await;
        let expected = (400, "text/html; charset=utf-8".to_owned(), "Method not implemented".to_owned());
        assert_eq!(answer, expected, "{method} {path}");
    }
    assert_eq!(ask(&router, "GET", "/commonsense", None).await.0, 404);
}

#[tokio::test]
async fn the_infrastructure_is_shown_as_it_is() {
    let (router, _) = tests();
    let (status, kind, text) = ask(&router, "GET", "/commons/Infrastructure/", None).await;
    assert_eq!((status, kind.as_str()), (200, "application/json; charset=utf-8"));
    assert_eq!(text, r#"{"b":"http://b","a":{"default":"http://a"}}"#);
}

#[tokio::test]
async fn the_infrastructure_is_read_again_or_stays() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("i.yaml");
    std::fs::write(&file, "a: http://one").unwrap();
    let (router, commons) = service(Infrastructure::load(file.to_str().unwrap()).await.unwrap());
    std::fs::write(&file, "a: http://two").unwrap();
    let (status, kind, text) = ask(&router, "POST", "/commons/infrastructure/update", None).await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    assert_eq!(text, r#"Updated infrastructure: {"a":"http://two"}"#);
    std::fs::write(&file, "- a").unwrap();
    let (status, _, text) = ask(&router, "POST", "/commons/infrastructure/update?now", None).await;
    assert_eq!(status, 500);
    assert!(text.starts_with("Internal error reloading infrastructure, please reload this service: "), "{text}");
    assert!(text.ends_with("it must be an object at the top"), "{text}");
    assert_eq!(commons.infrastructure.url("a").unwrap(), "http://two");
}

#[tokio::test]
async fn outgoing_calls_are_logged_or_not() {
    let (router, commons) = tests();
    for (method, path, now) in [
        ("GET", "/commons/requestlogging", "Enabled"),
        ("POST", "/commons/requestLogging/disable", "Disabled"),
        ("GET", "/commons/requestLogging/whatever?x", "Disabled"),
        ("GET", "/commons/requestLogging?x", "Disabled"),
        ("POST", "/commons/requestlogging/swap", "Enabled"),
        ("POST", "/commons/requestLogging/swap", "Disabled"),
        ("POST", "/commons/requestLogging/enable", "Enabled"),
        ("POST", "/commons/requestLogging/enable", "Enabled"),
    ] {
        let answer = ask(&router, method, path, None).await;
        assert_eq!(answer, (200, "text/html; charset=utf-8".to_owned(), now.to_owned()), "{method} {path}");
    }
    assert!(commons.request_logging.load(Ordering::Relaxed));
    let at_start = |set| Commons::request_logging(set).load(Ordering::Relaxed);
    assert_eq!([at_start(Some("true")), at_start(Some("false")), at_start(None)], [true, false, true]);
}

#[tokio::test]
async fn the_logger_is_shown_and_changed() {
    let (router, commons) = tests();
    let (status, kind, text) = ask(&router, "GET", "/commons/logger/config", None).await;
    assert_eq!((status, kind.as_str()), (200, "application/json; charset=utf-8"));
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["mongodb"]["uri"], "mongodb://localhost:27017/statuslogs");
    let wanted = json!({ "level": 3, "mongodb": { "uri": "mongodb://u:hidden@h/logs" } });
    let answer = ask(&router, "POST", "/commons/Logger/config", Some(wanted)).await;
    assert_eq!(answer, (200, "text/html; charset=utf-8".to_owned(), "Updated".to_owned()));
    let (_, _, text) = ask(&router, "GET", "/commons/logger/config", None).await;
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["level"], &shown["storage"]["level"]), (&json!(3), &json!(2)));
    assert_eq!(shown["mongodb"]["uri"], "mongodb://***:***@h/logs");
    assert_eq!(commons.logger.configuration(), shown);
    let (status, _, text) = ask(&router, "POST", "/commons/logger/config", Some(json!({ "level": 9 }))).await;
    assert_eq!((status, text.as_str()), (400, "level must be a number from 1 (debug) to 5 (fatal)"));
    assert_eq!(ask(&router, "POST", "/commons/logger/config", Some(json!([]))).await.0, 400);
}
