//! `/commons` and everything below it: what an operator asks of and tells every Governify service.
//!
//! The originals match by mount points, whose case does not matter, and by what remains of the address, query included,
//! which has to be exact; so does [`answer`], rather than the router.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::json;

use super::body::JsonBody;
use super::infrastructure::Infrastructure;
use super::logger::Logger;
use crate::telemetry::chain;

/// The release of the original's package whose addresses these are.
const COMMONS: &str = "1.21.1";

/// What the addresses are about.
#[derive(Debug, Clone)]
pub struct Commons {
    pub service: &'static str,
    pub version: &'static str,
    pub infrastructure: Infrastructure,
    pub logger: Logger,
    /// Whether outgoing calls are to be logged.
    pub request_logging: Arc<AtomicBool>,
}

impl Commons {
    /// `GOV_LOG_REQUESTS`: on, unless it is set to anything but `true`.
    pub fn request_logging(set: Option<&str>) -> Arc<AtomicBool> {
        Arc::new(AtomicBool::new(set.is_none_or(|set| set == "true")))
    }
}

/// Serves `/commons` in that spelling; [`super::front`] brings every other to it.
pub fn router(commons: Commons) -> Router {
    Router::new()
        .route("/commons", any(answer))
        .route("/commons/", any(answer))
        .route("/commons/{*rest}", any(answer))
        .with_state(commons)
}

async fn answer(State(commons): State<Commons>, JsonBody(body): JsonBody, request: Request) -> Response {
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
    // Whoever asks for the head gets that of the answer to GET.
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_post = request.method() == Method::POST;
    let rest = below(address, "/commons").unwrap_or_default();
    if rest == "/" {
        return welcome(&commons);
    }
    if let Some(rest) = below(rest, "/infrastructure") {
        if is_get && rest == "/" {
            return Json(&*commons.infrastructure.tree()).into_response();
        }
        if is_post && rest.starts_with("/update") {
            return update(&commons).await;
        }
    } else if let Some(rest) = below(rest, "/requestLogging") {
        let flag = &commons.request_logging;
        let is_on = match rest {
            _ if is_get => Some(flag.load(Ordering::Relaxed)),
            "/enable" if is_post => Some(set(flag, true)),
            "/disable" if is_post => Some(set(flag, false)),
            "/swap" if is_post => Some(!flag.fetch_not(Ordering::Relaxed)),
            _ => None,
        };
        if let Some(is_on) = is_on {
            return text(StatusCode::OK, if is_on { "Enabled" } else { "Disabled" });
        }
    } else if let Some("/config") = below(rest, "/logger") {
        if is_get {
            return Json(commons.logger.configuration()).into_response();
        }
        if is_post {
            return match commons.logger.change(&body) {
                Ok(()) => text(StatusCode::OK, "Updated"),
                Err(error) => text(StatusCode::BAD_REQUEST, chain(&error)),
            };
        }
    }
    text(StatusCode::BAD_REQUEST, "Method not implemented")
}

/// What remains of an address behind a mount point; nothing is a slash.
fn below<'a>(address: &'a str, mount: &str) -> Option<&'a str> {
    let (start, rest) = address.split_at_checked(mount.len())?;
    match (start.eq_ignore_ascii_case(mount), rest) {
        (true, "") => Some("/"),
        (true, rest) if rest.starts_with(['/', '?']) => Some(rest),
        _ => None,
    }
}

fn set(flag: &AtomicBool, is_on: bool) -> bool {
    flag.store(is_on, Ordering::Relaxed);
    is_on
}

fn welcome(commons: &Commons) -> Response {
    let is_on = commons.request_logging.load(Ordering::Relaxed);
    Json(json!({
        "title": "Governify Commons",
        "version": COMMONS,
        "requestLogging": if is_on { "true" } else { "false" },
        "serviceName": commons.service,
        "serviceVersion": commons.version,
    }))
    .into_response()
}

async fn update(commons: &Commons) -> Response {
    match commons.infrastructure.reload().await {
        Ok(tree) => text(StatusCode::OK, format!("Updated infrastructure: {tree}")),
        Err(error) => {
            let reason = chain(&error);
            tracing::error!(error = reason, "the infrastructure could not be read again; the old one stays");
            let message = format!("Internal error reloading infrastructure, please reload this service: {reason}");
            text(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }
}

/// As the originals send texts.
fn text(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text.into()).into_response()
}

#[cfg(test)]
mod tests;
