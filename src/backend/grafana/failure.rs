//! How the Grafana routes tell that something failed. Four styles, and no other place that knows them.
//!
//! What Grafana says of its credentials or ours is never part of an answer: of a failed request only its status, and
//! where the style asks for it Grafana's own body, is passed on.

use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::IntoResponses;

use super::panel::PanelError;
use crate::backend::clients::UpstreamError;
use crate::backend::error::ApiError;
use crate::backend::extract::Invalid;
use crate::telemetry::chain;

/// What can go wrong behind such a route.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Panel(#[from] PanelError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// How a route tells of an error status of Grafana's. The status itself is always Grafana's.
#[derive(Debug, Clone, Copy)]
enum Style {
    /// As the original's HTTP client writes its own error down, without what it carried besides.
    Dump,
    /// Grafana's own body; without one like `Dump`.
    Pass,
    /// The status in words and Grafana's message.
    Wrap,
}

/// How a route fails: its style, and what it failed to do.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    style: Style,
    text: &'static str,
}

impl Failure {
    pub const fn dump(text: &'static str) -> Self {
        Self { style: Style::Dump, text }
    }

    pub const fn pass(text: &'static str) -> Self {
        Self { style: Style::Pass, text }
    }

    pub const fn wrap(text: &'static str) -> Self {
        Self { style: Style::Wrap, text }
    }

    /// The promised answer. What an operator can repair is logged.
    pub fn of(self, cause: impl Into<Cause>) -> ApiError {
        match cause.into() {
            Cause::Invalid(invalid) => self.failed(StatusCode::BAD_REQUEST, &invalid),
            Cause::Panel(error @ (PanelError::NotFound | PanelError::NoPanels)) => {
                ApiError::message(StatusCode::NOT_FOUND, error.to_string())
            }
            Cause::Panel(error @ PanelError::Kind(_)) => self.failed(StatusCode::BAD_REQUEST, &error),
            Cause::Panel(error @ PanelError::NoDashboard) => self.failed(StatusCode::INTERNAL_SERVER_ERROR, &error),
            Cause::Upstream(error @ UpstreamError::NoSuchPath { .. }) => self.failed(StatusCode::BAD_REQUEST, &error),
            Cause::Upstream(error) => self.upstream(error),
        }
    }

    fn upstream(self, error: UpstreamError) -> ApiError {
        let refused = error.status().filter(|status| status.is_client_error() || status.is_server_error());
        // A missing dashboard is the caller's concern; credentials that Grafana does not take are the operator's.
        let is_ours = refused.is_none_or(|status| status.is_server_error() || is_about_credentials(status));
        if is_ours {
            tracing::warn!(error = chain(&error), told = error.told(), "{}", self.text);
        }
        match refused {
            Some(status) => ApiError::json(status, self.refusal(status, &error)),
            None => self.failed(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }

    /// Grafana answered with an error status.
    fn refusal(self, status: StatusCode, error: &UpstreamError) -> Value {
        match (self.style, error.body()) {
            (Style::Pass, Some(body)) => body.clone(),
            (Style::Wrap, _) => json!({
                "message": format!("{}: {}", self.text, error.reason()),
                "error": error.told().unwrap_or(&in_words(status)),
            }),
            (Style::Dump | Style::Pass, _) => dump(status),
        }
    }

    fn failed(self, status: StatusCode, detail: &dyn std::error::Error) -> ApiError {
        let message = format!("{} due to server error", self.text);
        ApiError::json(status, json!({ "message": message, "error": detail.to_string() }))
    }
}

fn in_words(status: StatusCode) -> String {
    format!("Request failed with status code {}", status.as_u16())
}

/// The original's HTTP client on an answer with that status.
pub fn dump(status: StatusCode) -> Value {
    json!({
        "message": in_words(status),
        "name": "AxiosError",
        "code": if status.is_client_error() { "ERR_BAD_REQUEST" } else { "ERR_BAD_RESPONSE" },
        "status": status.as_u16(),
    })
}

fn is_about_credentials(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// In the API's document: what every route that asks Grafana can answer besides.
#[derive(Debug, IntoResponses)]
#[expect(dead_code, reason = "only told of in the API's document")]
pub enum Refusal {
    #[response(status = "default", description = "an error status of Grafana's")]
    Grafana,
    #[response(status = 500, description = "Grafana cannot be reached, does not answer in time, or is not configured")]
    Away,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::error::Body;

    const TEXT: &str = "Failed to delete folder in Grafana";

    fn told(error: ApiError) -> (u16, Value) {
        let Body::Json(body) = error.body else { panic!("JSON") };
        (error.status.as_u16(), body)
    }

    fn status(status: u16, body: Option<Value>) -> UpstreamError {
        UpstreamError::Status { upstream: "Grafana", status: StatusCode::from_u16(status).unwrap(), body }
    }

    fn dumped(status: u16, code: &str) -> Value {
        let message = format!("Request failed with status code {status}");
        json!({ "message": message, "name": "AxiosError", "code": code, "status": status })
    }

    #[test]
    fn each_style_has_its_body() {
        let grafana = || Some(json!({ "message": "folder not found", "extra": 1 }));
        let of = |failure: Failure, code, body| told(failure.of(status(code, body)));
        assert_eq!(of(Failure::dump(TEXT), 404, grafana()), (404, dumped(404, "ERR_BAD_REQUEST")));
        assert_eq!(of(Failure::dump(TEXT), 502, None), (502, dumped(502, "ERR_BAD_RESPONSE")));
        assert_eq!(of(Failure::pass(TEXT), 412, grafana()), (412, grafana().unwrap()));
        assert_eq!(of(Failure::pass(TEXT), 500, None), (500, dumped(500, "ERR_BAD_RESPONSE")));
        let wrapped = json!({ "message": format!("{TEXT}: Not Found"), "error": "folder not found" });
        assert_eq!(of(Failure::wrap(TEXT), 404, grafana()), (404, wrapped));
        let wrapped =
            json!({ "message": format!("{TEXT}: Bad Gateway"), "error": "Request failed with status code 502" });
        assert_eq!(of(Failure::wrap(TEXT), 502, None), (502, wrapped));
    }

    #[test]
    fn without_an_error_status_every_style_is_the_same() {
        for failure in [Failure::dump(TEXT), Failure::pass(TEXT), Failure::wrap(TEXT)] {
            let of = |cause: Cause| told(failure.of(cause));
            let body = |detail: &str| json!({ "message": format!("{TEXT} due to server error"), "error": detail });
            let away = UpstreamError::NotConfigured { upstream: "Grafana" };
            assert_eq!(of(away.into()), (500, body("Grafana is not configured")));
            let open = UpstreamError::CircuitOpen { upstream: "Grafana" };
            assert_eq!(of(open.into()).0, 500);
            // A redirect is no answer that a caller could use.
            assert_eq!(of(status(302, None).into()), (500, body("Grafana answered 302")));
            let elsewhere = UpstreamError::NoSuchPath { upstream: "Grafana" };
            assert_eq!(of(elsewhere.into()), (400, body("Grafana has no such path")));
            assert_eq!(of(Invalid::new("name", "is required").into()), (400, body("name is required")));
            let kind = PanelError::Kind("text".to_owned());
            assert_eq!(of(kind.into()), (400, body("Panel type not supported: text")));
            assert_eq!(of(PanelError::NoDashboard.into()), (500, body("Grafana's reply holds no dashboard")));
            let missing = json!({ "message": "Panel not found in dashboard" });
            assert_eq!(of(PanelError::NotFound.into()), (404, missing));
        }
    }
}
