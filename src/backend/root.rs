//! What lies outside of the API's prefix: the welcome, health, measurements; and the end of the line for the rest.

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::app::App;
use super::error::{ApiError, Body};
use super::guard::{self, Guard};
use crate::serve::metrics;

/// A dependency that answers more slowly counts as away.
const ANSWER: Duration = Duration::from_secs(2);

pub fn router() -> Router<App> {
    Router::new()
        .route("/", get(welcome))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(measurements))
        .fallback(end_of_the_line)
        .method_not_allowed_fallback(end_of_the_line)
}

async fn welcome() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], "Welcome to the API!").into_response()
}

/// What is counted all the time, and what is looked at only now.
async fn measurements(State(app): State<App>) -> Response {
    app.store.measure();
    app.clients.measure();
    metrics::scrape().await
}

/// The process answers.
async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// Everything that requests need is there; off as soon as the stop is asked for.
async fn ready(State(app): State<App>) -> Response {
    let (database, cache) = tokio::join!(checked(app.store.ping()), checked(app.cache.ping()));
    let is_ready = app.lifecycle.is_open() && is_up(&database) && is_up(&cache);
    let status = match (app.lifecycle.is_stopping(), is_ready) {
        (true, _) => "stopping",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "status": status, "checks": { "database": database, "cache": cache } });
    (code, Json(body)).into_response()
}

fn is_up(check: &Value) -> bool {
    check["status"] == "up"
}

async fn checked<E: std::error::Error + 'static>(question: impl Future<Output = Result<(), E>>) -> Value {
    let began = Instant::now();
    let answer = tokio::time::timeout(ANSWER, question).await;
    let latency_ms = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    match answer {
        Ok(Ok(())) => json!({ "status": "up", "latency_ms": latency_ms }),
        Ok(Err(error)) => json!({ "status": "down", "latency_ms": latency_ms, "error": error.to_string() }),
        Err(_) => json!({ "status": "down", "latency_ms": latency_ms, "error": "no answer in time" }),
    }
}

/// An address that no route has: whoever is not signed in learns only that, whoever is no administrator neither.
async fn end_of_the_line(State(app): State<App>, mut request: Request) -> Result<Response, ApiError> {
    guard::admit(&app, Guard::UserThenAdmin, &mut request).await?;
    let line = format!("Cannot {} {}", request.method(), escaped(request.uri().path()));
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n\
         <pre>{line}</pre>\n</body>\n</html>\n"
    );
    Err(ApiError { status: StatusCode::NOT_FOUND, body: Body::Html(page) })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
