//! What can become of a call to an upstream.
//!
//! Never names an address or a credential: addresses may hold either. What an upstream said of an error is kept as JSON
//! for the endpoints that pass it on.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::Value;

use crate::backend::error::Fault;

#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The settings name no address for it.
    #[error("{upstream} is not configured")]
    NotConfigured { upstream: &'static str },
    /// A part of the path that would lead elsewhere; nothing was asked.
    #[error("{upstream} has no such path")]
    NoSuchPath { upstream: &'static str },
    #[error("{upstream} cannot be reached")]
    Unreachable {
        upstream: &'static str,
        /// Whether it may have got the request, or a part of it.
        sent: bool,
        #[source]
        source: reqwest::Error,
    },
    #[error("{upstream} did not answer within {} s", within.as_secs_f64())]
    TimedOut { upstream: &'static str, within: Duration },
    /// It failed so often that it is left alone for a while.
    #[error("{upstream} has failed repeatedly and is not asked for now")]
    CircuitOpen { upstream: &'static str },
    /// It answered, with a status that the call does not count as success.
    #[error("{upstream} answered {}", status.as_u16())]
    Status {
        upstream: &'static str,
        status: StatusCode,
        /// What it said, if that was JSON.
        body: Option<Value>,
    },
    #[error("{upstream} gave an answer that cannot be understood")]
    BadAnswer {
        upstream: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("{upstream} answered with more than {limit} bytes")]
    TooLarge { upstream: &'static str, limit: usize },
    /// Ours: what we meant to ask is no request.
    #[error("the request to {upstream} cannot be made")]
    BadRequest {
        upstream: &'static str,
        #[source]
        source: reqwest::Error,
    },
}

impl UpstreamError {
    /// The status it answered with, if it answered.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The words that belong to that status, such as `Not Found`.
    pub fn reason(&self) -> &'static str {
        self.status().and_then(|status| status.canonical_reason()).unwrap_or("")
    }

    /// What it said of the error, if that was JSON.
    pub fn body(&self) -> Option<&Value> {
        match self {
            Self::Status { body, .. } => body.as_ref(),
            _ => None,
        }
    }

    /// The upstream's own words, under the key that most APIs use.
    pub fn told(&self) -> Option<&str> {
        self.body()?.get("message")?.as_str()
    }

    /// Whether it is away or overloaded, which says nothing of the request.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Status { status, .. } => is_outage(*status),
            _ => false,
        }
    }

    /// Whether the same request may fare better in a moment. A time-out has used up the time there was.
    pub(super) fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Unreachable { sent, .. } => !sent,
            Self::Status { status, .. } => is_outage(*status),
            _ => false,
        }
    }

    /// A label with few values, for measurements.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => "not_configured",
            Self::NoSuchPath { .. } | Self::BadRequest { .. } => "bad_request",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Status { status, .. } if status.is_client_error() => "client_error",
            Self::Status { status, .. } if status.is_server_error() => "server_error",
            Self::Status { .. } => "unexpected_status",
            Self::BadAnswer { .. } => "bad_answer",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

/// Said by proxies and overloaded servers, not by applications about a request.
fn is_outage(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// For endpoints whose contract has no words of the upstream's own.
impl From<UpstreamError> for Fault {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::NoSuchPath { .. } => Self::Invalid(error.to_string()),
            error => Self::Upstream(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(code: u16, body: Option<Value>) -> UpstreamError {
        UpstreamError::Status { upstream: "Grafana", status: StatusCode::from_u16(code).unwrap(), body }
    }

    #[test]
    fn only_an_outage_is_an_outage() {
        for code in [502, 503, 504] {
            assert!(status(code, None).is_outage() && status(code, None).is_worth_repeating(), "{code}");
        }
        for code in [301, 400, 401, 404, 412, 429, 500, 501] {
            assert!(!status(code, None).is_outage() && !status(code, None).is_worth_repeating(), "{code}");
        }
        let slow = UpstreamError::TimedOut { upstream: "Grafana", within: Duration::from_secs(3) };
        assert!(slow.is_outage() && !slow.is_worth_repeating());
        assert_eq!(slow.to_string(), "Grafana did not answer within 3 s");
    }

    #[test]
    fn the_upstreams_words_are_kept_apart_from_ours() {
        let error = status(412, Some(json!({ "message": "A dashboard with the same name", "status": "name-exists" })));
        assert_eq!(error.told(), Some("A dashboard with the same name"));
        assert_eq!((error.reason(), error.label()), ("Precondition Failed", "client_error"));
        assert_eq!(error.to_string(), "Grafana answered 412");
        assert_eq!(status(500, Some(json!(["message"]))).told(), None);
    }

    #[test]
    fn what_is_away_or_broken_is_500() {
        let code = |error: UpstreamError| Fault::from(error).status().as_u16();
        assert_eq!(code(UpstreamError::NotConfigured { upstream: "Grafana" }), 500);
        assert_eq!(code(UpstreamError::CircuitOpen { upstream: "Grafana" }), 500);
        assert_eq!(code(status(503, None)), 500);
        assert_eq!(code(status(500, None)), 500);
        assert_eq!(code(status(404, None)), 500);
        assert_eq!(code(UpstreamError::TooLarge { upstream: "Grafana", limit: 1 }), 500);
        assert_eq!(code(UpstreamError::NoSuchPath { upstream: "Grafana" }), 400);
    }
}
