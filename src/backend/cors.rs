//! Cross-origin answers: any origin, with credentials, a fixed list of methods and headers.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

static METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
static HEADERS: HeaderValue = HeaderValue::from_static("Content-Type,Authorization,Set-Cookie");

/// The answer to every preflight, whatever its path.
pub fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS.clone()),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS.clone()),
        (header::CONTENT_LENGTH, HeaderValue::from_static("0")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Nothing is said to a caller that names no origin.
pub fn allow(origin: Option<HeaderValue>, answer: &mut HeaderMap) {
    let Some(origin) = origin else { return };
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
}
