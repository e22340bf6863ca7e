//! What lies outside of the tasks: the service's name, health and measurements.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::app::App;
use super::openapi;
use crate::serve::metrics;

/// What a router does not say of itself; for the canonical spelling.
pub const PATHS: &[&str] = &["/info", "/health/live", "/health/ready", "/metrics"];

pub fn router() -> Router<App> {
    Router::new()
        .route("/info", get(info))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics::scrape))
}

/// As the original answers, also to its container's health check.
async fn info() -> Json<Value> {
    Json(json!({ "info": "This API was generated using oas-generator!", "name": openapi::TITLE }))
}

/// The process answers.
async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// The folder can be read; off as soon as the stop is asked for.
async fn ready(State(app): State<App>) -> Response {
    let tasks = app.on_folder(|folder| folder.read()).await;
    let folder = match &tasks {
        Ok(tasks) => json!({ "status": "up", "tasks": tasks.len() }),
        Err(fault) => json!({ "status": "down", "error": fault.message }),
    };
    let is_ready = app.lifecycle.is_open() && tasks.is_ok();
    let status = match (app.lifecycle.is_stopping(), is_ready) {
        (true, _) => "stopping",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let runner = json!({ "engine": app.runner.name() });
    (code, Json(json!({ "status": status, "checks": { "folder": folder }, "runner": runner }))).into_response()
}
