//! What lies outside of the API: the landing page and its files, what the service is, and the documents of the API.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::app::App;
use super::openapi;
use crate::serve::documents::Documents;

/// As the original's package is called; others look for it.
pub const NAME: &str = "governify-registry";
/// Of the original whose behaviour this is.
pub const VERSION: &str = "3.8.0";

struct File {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

static FILES: &[File] = &[
    File { path: "/", kind: "text/html; charset=utf-8", bytes: include_bytes!("public/index.html") },
    File { path: "/css/registry.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("public/registry.css") },
    File {
        path: "/js/registry.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("public/registry.js"),
    },
    File { path: "/img/registry.svg", kind: "image/svg+xml", bytes: include_bytes!("public/registry.svg") },
    File { path: "/favicon.ico", kind: "image/x-icon", bytes: include_bytes!("public/favicon.ico") },
];

/// Of everything here, as the router has it.
pub fn paths(version: u32) -> Vec<String> {
    let files = FILES.iter().map(|file| file.path.to_owned());
    let fixed = ["/api/info", "/api/latest/docs", "/api/latest/api-docs"].map(str::to_owned);
    let documents = ["docs", "docs/", "docs/{*file}", "api-docs", "api-docs/{*rest}"];
    files.chain(fixed).chain(documents.map(|path| format!("/api/v{version}/{path}"))).collect()
}

pub fn router(version: u32) -> Router<App> {
    let mut router = Router::new().route("/api/info", get(info));
    for file in FILES {
        router = router.route(file.path, get(async || ([(header::CONTENT_TYPE, file.kind)], file.bytes)));
    }
    let (docs, document) = (format!("/api/v{version}/docs"), format!("/api/v{version}/api-docs"));
    let (to_docs, to_document) = (docs.clone(), document.clone());
    router
        .route("/api/latest/docs", get(async move || found(&to_docs)))
        .route("/api/latest/api-docs", get(async move || found(&to_document)))
        .route(&document, any(api_document))
        .route(&format!("{document}/{{*rest}}"), any(api_document))
        .merge(Documents::of(document).router(&docs))
}

/// 302, which [`Redirect`] has no name for.
fn found(target: &str) -> Response {
    let mut response = Redirect::to(target).into_response();
    *response.status_mut() = axum::http::StatusCode::FOUND;
    response
}

async fn api_document(State(app): State<App>) -> Json<Value> {
    Json(openapi::document(&app.settings.prefix, app.settings.api_version))
}

async fn info() -> Json<Value> {
    Json(json!({
        "name": NAME,
        "version": VERSION,
        "description": "Agreements and the states of their guarantees",
        "main": "reeve serve registry",
        "license": env!("CARGO_PKG_LICENSE"),
        "implementation": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
        "dependencies": {},
    }))
}
