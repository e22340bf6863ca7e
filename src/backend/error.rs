//! From what went wrong to the body that the contract promises.
//!
//! The API has no single form of error: every endpoint names its own key and text. A [`Promise`] is that form, written
//! once beside the handler; a [`Fault`] is what happened, whatever the place. The two meet here and nowhere else, and so
//! do status codes: what the caller sent wrong is 4xx, a store of ours that is away 503, what we did wrong 500, and so what
//! a service did that we asked.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::clients::UpstreamError;
use super::extract::Invalid;
use crate::telemetry::chain;

/// After so many seconds it is worth another try when a database was away.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// A refused or failed request, ready to be sent.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub body: Body,
}

#[derive(Debug)]
pub enum Body {
    Json(Value),
    /// Not before so many seconds.
    Later(Value, u64),
    Text(Cow<'static, str>),
    Html(String),
}

impl ApiError {
    /// `{"message": …}`
    pub fn message(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, body: Body::Json(json!({ "message": text.into() })) }
    }

    /// `{"error": …}`
    pub fn error(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, body: Body::Json(json!({ "error": text.into() })) }
    }

    pub fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Body::Json(body) }
    }

    /// Too often: 429, and when it is worth another try.
    pub fn too_often(text: impl Into<String>, retry_after: Duration) -> Self {
        let seconds = retry_after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1);
        Self { status: StatusCode::TOO_MANY_REQUESTS, body: Body::Later(json!({ "message": text.into() }), seconds) }
    }

    pub fn text(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, body: Body::Text(text.into()) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut wait = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        let (kind, bytes) = match self.body {
            Body::Json(value) => ("application/json; charset=utf-8", value.to_string()),
            Body::Later(value, seconds) => {
                wait = Some(HeaderValue::from(seconds));
                ("application/json; charset=utf-8", value.to_string())
            }
            Body::Text(text) => ("text/html; charset=utf-8", text.into_owned()),
            Body::Html(page) => ("text/html; charset=utf-8", page),
        };
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], bytes).into_response();
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

/// What happened, apart from where.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The caller sent what cannot be: 400.
    #[error("{0}")]
    Invalid(String),
    /// What is asked for is not there: 404.
    #[error("{0}")]
    Missing(String),
    /// It cannot be at the same time as what is there: 409.
    #[error("{0}")]
    Conflict(String),
    /// A database or the cache is away: 503.
    #[error("{what} cannot be reached")]
    Unavailable {
        what: &'static str,
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// Too much at once: 503.
    #[error("too busy: {0}")]
    Busy(&'static str),
    /// A service that we asked is away, or failed: 500, as the contract has it at every endpoint.
    #[error(transparent)]
    Upstream(UpstreamError),
    /// Ours: 500.
    #[error("{what}")]
    Internal {
        what: &'static str,
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl Fault {
    pub fn unavailable(what: &'static str, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Unavailable { what, source: Some(Box::new(source)) }
    }

    pub fn internal(what: &'static str, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Internal { what, source: Some(Box::new(source)) }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Missing(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Unavailable { .. } | Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream(_) | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Invalid> for Fault {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid.to_string())
    }
}

/// How an endpoint tells of a failure.
#[derive(Debug, Clone, Copy)]
pub struct Promise {
    form: Form,
    text: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// `{"message": text}`
    Message,
    /// `{"message": text + detail}`
    MessageWithDetail,
    /// `{"error": text}`
    Error,
    /// `{"error": text + detail}`
    ErrorWithDetail,
    /// `{"message": text, "error": detail}`
    Both,
}

impl Promise {
    pub const fn message(text: &'static str) -> Self {
        Self { form: Form::Message, text }
    }

    /// The text ends as the contract writes it, usually in `, error: `.
    pub const fn message_with_detail(text: &'static str) -> Self {
        Self { form: Form::MessageWithDetail, text }
    }

    pub const fn error(text: &'static str) -> Self {
        Self { form: Form::Error, text }
    }

    /// The text ends as the contract writes it, usually in `Error: `.
    pub const fn error_with_detail(text: &'static str) -> Self {
        Self { form: Form::ErrorWithDetail, text }
    }

    pub const fn both(text: &'static str) -> Self {
        Self { form: Form::Both, text }
    }

    /// The promised answer. What is ours to repair is logged with its causes.
    pub fn fault(self, fault: impl Into<Fault>) -> ApiError {
        let fault = fault.into();
        let status = fault.status();
        if status.is_server_error() {
            let error = chain(&fault);
            if matches!(fault, Fault::Internal { .. }) {
                tracing::error!(error, "{}", self.text);
            } else {
                tracing::warn!(error, "{}", self.text);
            }
        }
        let detail = fault.to_string();
        let body = match self.form {
            Form::Message => json!({ "message": self.text }),
            Form::MessageWithDetail => json!({ "message": format!("{}{detail}", self.text) }),
            Form::Error => json!({ "error": self.text }),
            Form::ErrorWithDetail => json!({ "error": format!("{}{detail}", self.text) }),
            Form::Both => json!({ "message": self.text, "error": detail }),
        };
        // Whoever sent something wrong is told which field, also where the promised text names none.
        let body = match (self.form, &fault) {
            (Form::Message | Form::Error, Fault::Invalid(_) | Fault::Missing(_) | Fault::Conflict(_)) => {
                with_detail(body, &detail)
            }
            _ => body,
        };
        ApiError::json(status, body)
    }
}

fn with_detail(mut body: Value, detail: &str) -> Value {
    body["detail"] = detail.into();
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(error: ApiError) -> (u16, Value) {
        let Body::Json(value) = error.body else { panic!("JSON") };
        (error.status.as_u16(), value)
    }

    #[test]
    fn each_form_tells_what_its_endpoint_promises() {
        let fault = || Fault::Invalid("name is too long".to_owned());
        let text = "Failed to create catalog, error: ";
        assert_eq!(
            body(Promise::message_with_detail(text).fault(fault())),
            (400, json!({ "message": "Failed to create catalog, error: name is too long" }))
        );
        assert_eq!(
            body(Promise::both("Error creating control").fault(fault())),
            (400, json!({ "message": "Error creating control", "error": "name is too long" }))
        );
        assert_eq!(
            body(Promise::error_with_detail("Error al crear el hilo, error: Error: ").fault(fault())),
            (400, json!({ "error": "Error al crear el hilo, error: Error: name is too long" }))
        );
        assert_eq!(
            body(Promise::error("Failed to create scope").fault(fault())),
            (400, json!({ "error": "Failed to create scope", "detail": "name is too long" }))
        );
    }

    #[test]
    fn what_comes_too_often_is_429_and_told_how_long_to_wait() {
        let response = ApiError::too_often("slowly", Duration::from_millis(2001)).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::RETRY_AFTER]),
            (429, &"3".parse().unwrap())
        );
        let response = ApiError::too_often("slowly", Duration::ZERO).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn what_is_away_is_503_and_says_when_to_come_back() {
        let away = Fault::Unavailable { what: "the database", source: None };
        let response = Promise::message("Internal server error").fault(away).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
