//! `/api-docs`, the OpenAPI document, and `/docs/`, a page to read and try it.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::app::App;
use super::openapi;
use crate::serve::documents::Documents;

pub fn router() -> Router<App> {
    Router::new().route("/api-docs", get(document)).merge(Documents::of("/api-docs").router("/docs"))
}

async fn document(State(app): State<App>) -> Json<serde_json::Value> {
    Json(openapi::document(&app.settings.prefix))
}
