//! What happens to every request of both services before and after its handler.
//!
//! Stages: id, span, clock → preflight → body → canonical spelling → compression → entity tag → router, or the end of the line → CORS,
//! id, measurement, log. A refusal is `{"code", "message"}` with the status of both; an address that no route has is a page.

mod etag;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tower::Layer;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tracing::Instrument;

use super::body::{self, JsonBody};
use crate::serve::body::{BodyError, is_kind, whole};
use crate::serve::spelling::Spelling;
use crate::serve::traces::{self, Carried};
use crate::serve::{metrics, request_id};

/// Smaller answers are sent as they are.
const COMPRESSED: u64 = 1024;

/// As the originals spell it.
static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
static METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
static ANY: HeaderValue = HeaderValue::from_static("*");

/// What differs between the services.
#[derive(Debug, Clone)]
pub struct Front {
    /// Bytes; more is refused with 413.
    pub body_limit: usize,
    /// Whether a URL-encoded form is taken as a JSON object.
    pub form: bool,
    /// Whether a JSON body may be any value, and not only an object or an array.
    pub any_json: bool,
    /// Every route of the service but those below `/commons`, with prefixes, as the router has them.
    pub spelling: Spelling,
}

/// The path as the caller wrote it.
#[derive(Debug, Clone)]
struct Asked(Uri);

/// The router with everything around it. A route that it does not have ends here, also if it had a fallback.
pub fn wrap(inner: Router, options: Front) -> Router {
    let inner = inner.fallback(end_of_the_line).method_not_allowed_fallback(end_of_the_line);
    let inner = inner.layer(from_fn(etag::tagged));
    let worth_it = SizeAbove::new(COMPRESSED).and(NotForContentType::IMAGES).and(NotForContentType::SSE);
    // Callers are close by: a little smaller is not worth waiting longer.
    let compressed = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_it);
    let front = from_fn_with_state(Arc::new(options), front);
    Router::new().fallback_service(front.layer(compressed.layer(inner)))
}

async fn front(State(options): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id::of(request.headers());
    let method = request.method().clone();
    // At the level of errors, so that the id is there for whatever is logged within, however little that is.
    let span = tracing::error_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        %method,
        path = request.uri().path()
    );
    traces::continue_trace(&span, request.headers());
    let carried = Carried::of(&id, request.headers());
    let mut route = "unmatched";
    let answered = async {
        let response = stages(&options, request, next, &mut route).await.unwrap_or_else(IntoResponse::into_response);
        tracing::debug!(status = response.status().as_u16(), time_us = began.elapsed().as_micros() as u64, "answered");
        response
    };
    let mut response = carried.during(answered).instrument(span).await;
    metrics::record(route, &method, response.status(), began.elapsed());
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        headers.insert(header::CONTENT_TYPE, JSON.clone());
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY.clone());
    headers.insert(request_id::HEADER, id);
    response
}

async fn stages(options: &Front, request: Request, next: Next, route: &mut &'static str) -> Result<Response, Refusal> {
    if request.method() == Method::OPTIONS {
        return Ok(preflight(request.headers()));
    }
    let mut request = with_body(options, request).await?;
    let asked = request.uri().clone();
    let path = asked.path();
    let spelled = if let Some(rest) = below_commons(path) {
        *route = if rest.is_empty() || rest == "/" { "/commons" } else { "/commons/{*rest}" };
        Some(format!("/commons{rest}")).filter(|spelled| spelled != path)
    } else {
        *route = options.spelling.pattern(path).unwrap_or("unmatched");
        options.spelling.canonical(path)
    };
    if let Some(spelled) = spelled {
        *request.uri_mut() = respelled(&asked, &spelled)?;
    }
    request.extensions_mut().insert(Asked(asked));
    Ok(next.run(request).await)
}

/// What follows `/commons`, however that is spelled: `/commonsense` is something else.
fn below_commons(path: &str) -> Option<&str> {
    const MOUNT: &str = "/commons";
    let (mount, rest) = path.split_at_checked(MOUNT.len())?;
    (mount.eq_ignore_ascii_case(MOUNT) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

fn respelled(uri: &Uri, path: &str) -> Result<Uri, Refusal> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let address = format!("{path}{query}").parse::<PathAndQuery>();
    address.map(Uri::from).map_err(|_| Refusal::bad("the address cannot be read"))
}

/// The answer to every preflight, whatever its path.
fn preflight(asked: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS.clone());
    headers.insert(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Read whole and parsed, if it is of a type that is; of any other it is left unread.
async fn with_body(options: &Front, request: Request) -> Result<Request, Refusal> {
    let is_json = is_kind(request.headers(), "application/json")?;
    let is_form = !is_json && options.form && is_kind(request.headers(), "application/x-www-form-urlencoded")?;
    if !is_json && !is_form {
        return Ok(request);
    }
    let (mut parts, sent) = request.into_parts();
    let bytes = whole(sent, options.body_limit).await?;
    let value = if is_json { body::json(&bytes, options.any_json) } else { body::form(&bytes) };
    parts.extensions.insert(JsonBody(value.map_err(Refusal::bad)?));
    Ok(Request::from_parts(parts, axum::body::Body::empty()))
}

/// An address or a method that no route has.
async fn end_of_the_line(request: Request) -> Response {
    let asked = request.extensions().get::<Asked>().map_or(request.uri(), |asked| &asked.0);
    let line = format!("Cannot {} {}", request.method(), escaped(asked.path()));
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n\
         <pre>{line}</pre>\n</body>\n</html>\n"
    );
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (StatusCode::NOT_FOUND, kind, page).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A request that does not reach its handler.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self { status: error.status(), message: error.to_string() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "code": self.status.as_u16(), "message": self.message });
        (self.status, axum::Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests;
