//! Tests of what every request meets.

use std::convert::Infallible;
use std::io::Read;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::routing::{get, post};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

const LIMIT: usize = 100;

fn service(any_json: bool) -> Router {
    let inner = Router::new()
        .route("/Api/v6/things/{id}", get(async |Path(id): Path<String>| axum::Json(json!({ "id": id }))))
        .route("/Api/v6/things", post(async |JsonBody(body): JsonBody| axum::Json(body)))
        .route("/docs", get(async || "moved"))
        .route("/docs/", get(async || "page"))
        .route("/large", get(async || axum::Json(json!({ "text": "x".repeat(5000) }))))
        .route("/stream", get(stream));
    let patterns = ["/Api/v6/things/{id}", "/Api/v6/things", "/docs", "/docs/", "/large", "/stream"];
    let spelling = Spelling::of_prefixed(patterns.map(str::to_owned)).unwrap();
    wrap(inner, Front { body_limit: LIMIT, form: true, any_json, spelling })
}

/// One piece, and then never an end.
async fn stream() -> Response {
    let first = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"[\n1\n,\n"))]);
    let endless = first.chain(futures_util::stream::pending());
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], Body::from_stream(endless)).into_response()
}

async fn send(request: axum::http::request::Builder, body: impl Into<Body>) -> (Response, Bytes) {
    let response = service(false).oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(parts, Body::empty()), bytes)
}

async fn asked(method: &str, path: &str) -> (u16, String) {
    let (response, body) = send(Request::builder().method(method).uri(path), Body::empty()).await;
    (response.status().as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

async fn posted(kind: Option<&str>, body: &str) -> (u16, Value) {
    let mut request = Request::post("/Api/v6/things");
    if let Some(kind) = kind {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let (response, bytes) = send(request, body.to_owned()).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], JSON);
    (response.status().as_u16(), serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn an_answer_carries_its_id_its_type_and_its_origin() {
    let request = Request::get("/Api/v6/things/1").header(request_id::HEADER, "id-of-the-caller");
    let (response, body) = send(request, Body::empty()).await;
    let headers = response.headers();
    assert_eq!((response.status().as_u16(), &*body), (200, &br#"{"id":"1"}"#[..]));
    assert_eq!(headers[request_id::HEADER], "id-of-the-caller");
    assert_eq!(headers[header::CONTENT_TYPE], "application/json; charset=utf-8");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let (response, _) = send(Request::get("/nothing"), Body::empty()).await;
    assert_eq!(response.headers()[request_id::HEADER].len(), 32);
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

#[tokio::test]
async fn case_and_a_last_slash_of_an_address_do_not_matter() {
    for path in ["/api/v6/things/AbC", "/API/V6/Things/AbC/", "/Api/v6/things/AbC?x=1"] {
        assert_eq!(asked("GET", path).await, (200, r#"{"id":"AbC"}"#.to_owned()), "{path}");
    }
    assert_eq!(asked("GET", "/api/v6/things/a%2Fb%20c").await.1, r#"{"id":"a/b c"}"#);
    assert_eq!(asked("GET", "/DOCS").await.1, "moved");
    assert_eq!(asked("GET", "/Docs/").await.1, "page");
    assert_eq!(asked("HEAD", "/Api/v6/things/1").await, (200, String::new()));
}

#[tokio::test]
async fn a_preflight_is_answered_whatever_its_path() {
    let request = Request::options("/nothing").header(header::ACCESS_CONTROL_REQUEST_HEADERS, "x-access-token,x-b");
    let (response, body) = send(request, Body::empty()).await;
    let headers = response.headers();
    assert_eq!((response.status().as_u16(), body.len()), (204, 0));
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_METHODS], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_HEADERS], "x-access-token,x-b");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

#[tokio::test]
async fn an_address_or_a_method_without_a_route_is_a_page_that_names_it() {
    for (method, path, line) in [
        ("GET", "/Nothing/", "Cannot GET /Nothing/"),
        ("DELETE", "/API/v6/things", "Cannot DELETE /API/v6/things"),
        ("GET", "/a'b&c?q=1", "Cannot GET /a&#39;b&amp;c"),
        ("GET", "/commonsense", "Cannot GET /commonsense"),
        ("GET", "/commons", "Cannot GET /commons"),
    ] {
        let (status, page) = asked(method, path).await;
        assert!(status == 404 && page.contains(&format!("<pre>{line}</pre>")), "{page}");
    }
    let (response, _) = send(Request::get("/nothing"), Body::empty()).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_body_is_json_or_a_form_or_an_empty_object() {
    let json = Some("application/json");
    assert_eq!(posted(json, r#"{"b":1,"a":[2]}"#).await, (200, json!({ "b": 1, "a": [2] })));
    assert_eq!(posted(json, "").await, (200, json!({})));
    assert_eq!(posted(None, r#"{"a":1}"#).await, (200, json!({})));
    assert_eq!(posted(Some("text/plain"), r#"{"a":1}"#).await, (200, json!({})));
    assert_eq!(
        posted(Some("application/x-www-form-urlencoded"), "a=1&b=x+y").await,
        (200, json!({ "a": "1", "b": "x y" }))
    );
}

#[tokio::test]
async fn a_body_that_cannot_be_is_refused() {
    let json = Some("application/json");
    for (kind, body, status) in [
        (json, "{".to_owned(), 400),
        (json, "3".to_owned(), 400),
        (json, format!("\"{}\"", "x".repeat(LIMIT)), 413),
        (Some("application/x-www-form-urlencoded"), "x".repeat(LIMIT + 1), 413),
        (Some("application/json; charset=latin1"), "{}".to_owned(), 415),
    ] {
        let (code, answer) = posted(kind, &body).await;
        assert_eq!((code, &answer["code"]), (status, &json!(status)), "{answer}");
        assert!(answer["message"].is_string());
    }
}

#[tokio::test]
async fn any_json_may_come_where_the_service_takes_it() {
    let request = Request::post("/Api/v6/things").header(header::CONTENT_TYPE, "application/json");
    let response = service(true).oneshot(request.body(Body::from("3")).unwrap()).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "3");
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_who_can_read_it() {
    let (response, bytes) =
        send(Request::get("/large").header(header::ACCEPT_ENCODING, "gzip, br"), Body::empty()).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    assert!(text.len() > 5000 && bytes.len() < 500, "{} of {}", bytes.len(), text.len());
    let (response, bytes) =
        send(Request::get("/large").header(header::ACCEPT_ENCODING, "deflate"), Body::empty()).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "deflate");
    let mut text = String::new();
    flate2::read::ZlibDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    assert!(text.len() > 5000);
    for (path, accepted) in [("/large", "identity"), ("/Api/v6/things/1", "gzip")] {
        let (response, _) = send(Request::get(path).header(header::ACCEPT_ENCODING, accepted), Body::empty()).await;
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING), "{path}");
    }
}

#[tokio::test]
async fn an_answer_is_not_sent_again_to_who_has_it() {
    let ask = |known: Option<HeaderValue>| {
        let request = Request::get("/large").header(header::ACCEPT_ENCODING, "gzip");
        send(
            match known {
                Some(known) => request.header(header::IF_NONE_MATCH, known),
                None => request,
            },
            Body::empty(),
        )
    };
    let (response, _) = ask(None).await;
    let tag = response.headers()[header::ETAG].clone();
    assert!(tag.to_str().unwrap().starts_with("W/\"139"), "{tag:?}");
    let (response, body) = ask(Some(tag.clone())).await;
    assert_eq!((response.status().as_u16(), body.len(), &response.headers()[header::ETAG]), (304, 0, &tag));
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let (response, body) = ask(Some(HeaderValue::from_static("\"another\""))).await;
    assert!(response.status() == 200 && !body.is_empty());
    let (response, _) = send(Request::get("/nothing"), Body::empty()).await;
    assert!(!response.headers().contains_key(header::ETAG));
}

#[tokio::test]
async fn a_stream_is_passed_on_as_it_comes() {
    for accepted in ["identity", "gzip"] {
        let request = Request::get("/stream").header(header::ACCEPT_ENCODING, accepted).body(Body::empty()).unwrap();
        let response = service(false).oneshot(request).await.unwrap();
        let mut pieces = response.into_body().into_data_stream();
        let mut sent = Vec::new();
        let first = async {
            loop {
                sent.extend_from_slice(&pieces.next().await.unwrap().unwrap());
                let mut text = Vec::new();
                if accepted == "gzip" {
                    // The end is missing, which is an error after what is there.
                    let _ = flate2::read::GzDecoder::new(&*sent).read_to_end(&mut text);
                } else {
                    text.clone_from(&sent);
                }
                if text == b"[\n1\n,\n" {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(5), first).await.unwrap_or_else(|_| panic!("{accepted}: kept back"));
    }
}
