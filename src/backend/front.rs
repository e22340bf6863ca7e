//! What happens to every request before and after its handler, in the contract's order.
//!
//! Stages: id and clock → preflight → JSON body → health, welcome and documents → availability gate → canonical spelling
//! → router (guard, parameters, handler; or the end of the line) → CORS, id, measurement, log.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tracing::Instrument;

use super::app::App;
use super::cors;
use super::error::ApiError;
use super::extract::JsonBody;
use super::gate::Verdict;
use super::routes::Matched;
use crate::serve::{metrics, request_id, traces};

/// Of the original.
pub const BODY: usize = 100 << 10;
/// Batches of computations are larger than anything else; the original's limit made flows split them.
const BULK_BODY: usize = 8 << 20;
const BULK_PATH: &str = "/computations/bulk";

/// So much beyond a limit is still read.
const SURPLUS: usize = 2 << 20;

/// For a body to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

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
    let mut response = async {
        let response = stages(&app, request, next).await.unwrap_or_else(ApiError::into_response);
        tracing::debug!(status = response.status().as_u16(), time_us = began.elapsed().as_micros() as u64, "answered");
        response
    }
    .instrument(span)
    .await;
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

/// A body of no more than so many bytes.
pub async fn whole(body: Body, limit: usize) -> Result<BytesMut, ApiError> {
    let refuse = |status, text: &str| ApiError::message(status, text);
    match tokio::time::timeout(ARRIVAL, collect(body, limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is larger than {limit} bytes"))),
        Ok(Err(_)) => Err(refuse(StatusCode::BAD_REQUEST, "the body could not be read")),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

/// The whole body, or `None` if it is too large. Some of what is too much is read and thrown away: a caller that is still
/// sending when the connection is closed never sees the answer.
async fn collect(mut body: Body, limit: usize) -> Result<Option<BytesMut>, axum::Error> {
    let mut bytes = BytesMut::new();
    let mut surplus = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if surplus > 0 || bytes.len() + data.len() > limit {
            bytes.clear();
            surplus += data.len();
            if surplus > SURPLUS {
                break;
            }
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    Ok((surplus == 0).then_some(bytes))
}

/// Whether the body is of that type; then it is in UTF-8.
pub fn is_kind(headers: &HeaderMap, wanted: &str) -> Result<bool, ApiError> {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return Ok(false) };
    let (kind, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    if !kind.trim().eq_ignore_ascii_case(wanted) {
        return Ok(false);
    }
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(true),
        Some(other) => {
            let text = format!("the charset {other:?} is not supported, send UTF-8");
            Err(ApiError::message(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
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

    #[test]
    fn only_json_in_utf_8_is_read_as_json() {
        let kind = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            is_kind(&headers, "application/json").map_err(|error| error.status.as_u16())
        };
        assert_eq!(kind("application/json"), Ok(true));
        assert_eq!(kind("Application/JSON; charset=\"UTF-8\""), Ok(true));
        assert_eq!(kind("text/plain"), Ok(false));
        assert_eq!(kind("application/json; charset=latin1"), Err(415));
    }
}
