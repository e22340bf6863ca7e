//! `/api-docs`, the OpenAPI document, and `/docs/`, a page to read and try it.

use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa_swagger_ui::Config;

use super::app::App;
use super::openapi;

pub fn router() -> Router<App> {
    Router::new()
        .route("/api-docs", get(document))
        .route("/docs", get(moved))
        .route("/docs/", get(index))
        .route("/docs/{*file}", get(file))
}

async fn document(State(app): State<App>) -> Json<serde_json::Value> {
    Json(openapi::document(&app.settings.prefix))
}

async fn moved() -> Response {
    let mut response = Redirect::permanent("/docs/").into_response();
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response
}

async fn index() -> Response {
    asset("")
}

async fn file(Path(file): Path<String>) -> Response {
    asset(&file)
}

fn asset(file: &str) -> Response {
    static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("/api-docs")));
    match utoipa_swagger_ui::serve(file, CONFIG.clone()) {
        Ok(Some(file)) => {
            let mut headers = HeaderMap::new();
            let kind = HeaderValue::from_str(&file.content_type);
            headers.insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
            if file.gzpipped {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            (headers, file.bytes.into_owned()).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, file, "a page of the documents cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
