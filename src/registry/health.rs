//! Whether the process lives, whether it can work, and what it measured; besides the API.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::app::App;
use crate::serve::metrics;
use crate::telemetry::chain;

pub const PATHS: &[&str] = &["/health/live", "/health/ready", "/metrics", "/heapStats"];

/// A database that answers more slowly counts as away.
const ANSWER: Duration = Duration::from_secs(2);

pub fn router() -> Router<App> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics::scrape))
        .route("/heapStats", get(memory))
}

/// The process answers.
async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// MongoDB is there; off as soon as the stop is asked for.
async fn ready(State(app): State<App>) -> Response {
    let database = database(&app).await;
    let is_ready = app.lifecycle.is_open() && database["status"] == "up";
    let status = match (app.lifecycle.is_stopping(), is_ready) {
        (true, _) => "stopping",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!({ "status": status, "checks": { "database": database } }))).into_response()
}

async fn database(app: &App) -> Value {
    let began = Instant::now();
    let answer = tokio::time::timeout(ANSWER, app.store.ping()).await;
    let latency_ms = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    match answer {
        Ok(Ok(())) => json!({ "status": "up", "latency_ms": latency_ms }),
        Ok(Err(error)) => {
            tracing::debug!(error = chain(&error), "not ready");
            json!({ "status": "down", "latency_ms": latency_ms, "error": error.to_string() })
        }
        Err(_) => json!({ "status": "down", "latency_ms": latency_ms, "error": "no answer in time" }),
    }
}

/// What the kernel says of this process; the original tells of its engine's heap.
async fn memory() -> Json<Value> {
    let status = tokio::fs::read_to_string("/proc/self/status").await.unwrap_or_default();
    let megabytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: f64 = line.trim_start_matches(':').split_whitespace().next()?.parse().ok()?;
        Some((kilobytes / 1024.0 * 1e3).round() / 1e3)
    };
    let figures = ["VmRSS", "VmHWM", "VmData", "VmSize"].map(|name| megabytes(name).unwrap_or_default());
    let [resident, peak, data, size] = figures;
    Json(json!({ "rss": resident, "rss_peak": peak, "data": data, "virtual": size, "units": "MB" }))
}
