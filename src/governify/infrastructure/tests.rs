//! Tests of the infrastructure as services meet it.

use serde_json::json;

use super::*;

fn infrastructure() -> Infrastructure {
    Infrastructure::from_tree(json!({
        "internal": { "database": { "mongo-registry": "mongodb://m:27017" }, "empty": "", "number": 3, "none": {} },
        "status-backend": { "default": "http://b:3001", "standard": "http://b:3001" },
    }))
}

#[test]
fn a_path_leads_to_an_address() {
    let infrastructure = infrastructure();
    assert_eq!(infrastructure.url("status-backend").unwrap(), "http://b:3001");
    assert_eq!(infrastructure.url("internal.database.mongo-registry").unwrap(), "mongodb://m:27017");
}

#[test]
fn a_path_to_nowhere_is_an_error_that_names_it() {
    let infrastructure = infrastructure();
    let error = |path: &str| infrastructure.url(path).unwrap_err().to_string();
    assert!(error("internal.assets").contains("has no \"internal.assets\""));
    assert!(error("").contains("has no \"\""));
    assert!(error("internal.number").contains("names no address"));
    assert!(error("internal.none").contains("names no address"));
    assert!(error("internal.empty").contains("is empty"));
}

#[tokio::test]
async fn a_change_of_the_file_is_seen_by_every_clone_and_a_broken_one_by_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("infrastructure.yml");
    std::fs::write(&file, "a: http://one").unwrap();
    let infrastructure = Infrastructure::load(file.to_str().unwrap()).await.unwrap();
    let clone = infrastructure.clone();
    std::fs::write(&file, "a: http://two").unwrap();
    assert_eq!(clone.url("a").unwrap(), "http://one");
    assert_eq!(*infrastructure.reload().await.unwrap(), json!({ "a": "http://two" }));
    assert_eq!(clone.url("a").unwrap(), "http://two");
    std::fs::write(&file, "a: [").unwrap();
    assert!(matches!(infrastructure.reload().await, Err(InfrastructureError::Content { .. })));
    assert_eq!(clone.url("a").unwrap(), "http://two");
}

#[tokio::test]
async fn a_file_that_was_named_must_be_there_and_the_default_need_not() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none.yaml");
    let error = Infrastructure::patiently(missing.to_str(), 2, Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(error, InfrastructureError::File { .. }), "{error}");
    // The tests' directory has no file of that name.
    let empty = Infrastructure::patiently(None, 1, Duration::ZERO).await.unwrap();
    assert_eq!(*empty.tree(), json!({}));
    assert_eq!(*empty.reload().await.unwrap(), json!({}));
}

#[tokio::test]
async fn a_file_that_appears_between_two_tries_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("late.json");
    let path = file.to_str().map(str::to_owned);
    let start =
        tokio::spawn(async move { Infrastructure::patiently(path.as_deref(), 500, Duration::from_millis(10)).await });
    std::fs::write(dir.path().join("new"), r#"{"a":"http://one"}"#).unwrap();
    std::fs::rename(dir.path().join("new"), &file).unwrap();
    assert_eq!(start.await.unwrap().unwrap().url("a").unwrap(), "http://one");
}

#[tokio::test]
async fn a_file_may_come_from_an_address() {
    let router = axum::Router::new()
        .route("/i.yaml", axum::routing::get(async || "a: http://one"))
        .route("/large", axum::routing::get(async || vec![b' '; LARGEST + 1]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let at = |path: &str| format!("http://user:secret@{address}{path}");
    let infrastructure = Infrastructure::load(&at("/i.yaml")).await.unwrap();
    assert_eq!(infrastructure.url("a").unwrap(), "http://one");
    let error = Infrastructure::load(&at("/none.yaml")).await.unwrap_err();
    assert!(matches!(error, InfrastructureError::Fetch { .. }) && !chain(&error).contains("secret"), "{error}");
    let error = Infrastructure::load(&at("/large")).await.unwrap_err();
    assert!(matches!(error, InfrastructureError::TooLarge { .. }) && !chain(&error).contains("secret"), "{error}");
}
