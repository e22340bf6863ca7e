//! What happens to every request before and after its handler, in the contract's order.
//!
//! Stages: id and clock → preflight → JSON body → health, welcome and documents → availability gate → canonical spelling
//! → router (guard, parameters, handler; or the end of the line) → CORS, id, measurement, log.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tracing::Instrument;

use super::app::App;
use super::cors;
use super::error::ApiError;
use super::extract::JsonBody;
use super::gate::Verdict;
use super::routes::Matched;
use crate::serve::body::{BodyError, is_kind, whole};
use crate::serve::traces::{self, Carried};
use crate::serve::{metrics, request_id};

/// Of the original.
pub const BODY: usize = 100 << 10;
/// Batches of computations are larger than anything else; the original's limit made flows split them.
const BULK_BODY: usize = 8 << 20;
const BULK_PATH: &str = "/computations/bulk";

/// As the original spells it.
static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Outside of the gate: not part of the API.
const ROOTS: &[&str] = &["/", "/docs", "/api-docs", "/metrics", "/health/live", "/health/ready"];

pub async fn front(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id::of(request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        %method,
        path = request.uri().path()
    );
    traces::continue_trace(&span, request.headers());
    let carried = Carried::of(&id, request.headers());
    let answered = async {
        let response = stages(&app, request, next).await.unwrap_or_else(ApiError::into_response);
        tracing::debug!(status = response.status().as_u16(), time_us = began.elapsed().as_micros() as u64, "answered");
        response
    };
    let mut response = carried.during(answered).instrument(span).await;
    let route = response.extensions_mut().remove::<Matched>().map_or("unmatched", |matched| matched.0);
    metrics::record(route, &method, response.status(), began.elapsed());
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        headers.insert(header::CONTENT_TYPE, JSON.clone());
    }
    cors::allow(origin, headers);
    headers.insert(request_id::HEADER, id);
    response
}

async fn stages(app: &App, request: Request, next: Next) -> Result<Response, ApiError> {
    if request.method() == Method::OPTIONS {
        return Ok(cors::preflight());
    }
    let mut request = with_body(request).await?;
    let path = request.uri().path();
    if ROOTS.contains(&path) || path.starts_with("/docs/") {
        return Ok(next.run(request).await);
    }
    let address = request.uri().path_and_query().map_or(path, PathAndQuery::as_str);
    match app.gate.verdict(address) {
        Verdict::Open => {}
        Verdict::Closed => return Err(ApiError::text(StatusCode::NOT_FOUND, "Endpoint not available")),
        Verdict::Unknown => return Err(ApiError::message(StatusCode::NOT_FOUND, "Endpoint not found")),
    }
    let spelled = path.strip_prefix(app.settings.prefix.as_str()).and_then(|path| app.spelling.canonical(path));
    if let Some(spelled) = spelled {
        *request.uri_mut() = respelled(request.uri(), &app.settings.prefix, &spelled)?;
    }
    Ok(next.run(request).await)
}

fn respelled(uri: &Uri, prefix: &str, path: &str) -> Result<Uri, ApiError> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let address = format!("{prefix}{path}{query}").parse::<PathAndQuery>();
    address.map(Uri::from).map_err(|_| ApiError::message(StatusCode::BAD_REQUEST, "the address cannot be read"))
}

/// A JSON body is read whole and parsed; of any other kind it is left to the handler.
async fn with_body(request: Request) -> Result<Request, ApiError> {
    if !is_kind(request.headers(), "application/json")? {
        return Ok(request);
    }
    let limit = if request.uri().path().to_ascii_lowercase().trim_end_matches('/').ends_with(BULK_PATH) {
        BULK_BODY
    } else {
        BODY
    };
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(JsonBody(parse(&whole(body, limit).await?)?));
    Ok(Request::from_parts(parts, Body::empty()))
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::message(error.status(), error.to_string())
    }
}

/// Objects and arrays only, nested to a depth that cannot hurt; nothing at all is an empty object.
fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    let refuse = |text: String| ApiError::message(StatusCode::BAD_REQUEST, text);
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        Ok(_) => Err(refuse("the body must be a JSON object or array".to_owned())),
        Err(error) => Err(refuse(format!("the body is not valid JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Value, u16> {
        parse(text.as_bytes()).map_err(|error| error.status.as_u16())
    }

    #[test]
    fn a_body_is_an_object_or_an_array() {
        assert_eq!(parsed("").unwrap(), Value::Object(Map::new()));
        assert_eq!(parsed("[]").unwrap(), Value::Array(Vec::new()));
        for bad in ["3", "null", "{", "{\"a\":}", "\u{feff}{}"] {
            assert_eq!(parsed(bad).unwrap_err(), 400, "{bad}");
        }
        assert_eq!(parsed(&"[".repeat(1000)).unwrap_err(), 400);
    }
}
