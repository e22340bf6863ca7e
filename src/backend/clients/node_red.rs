//! Node-RED: tokens for its editor, and the flows that compute metrics.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::UpstreamError;
use super::upstream::{Auth, ClientError, Upstream, UpstreamSpec};
use crate::backend::settings;

#[derive(Debug)]
pub struct NodeRed {
    pub(super) upstream: Upstream,
}

impl NodeRed {
    pub fn new(settings: &settings::NodeRed) -> Result<Self, ClientError> {
        let auth = match (&settings.user, &settings.password) {
            (None, None) => Auth::None,
            (user, password) => {
                Auth::Basic { user: user.clone().unwrap_or_default(), password: password.clone().unwrap_or_default() }
            }
        };
        let spec = UpstreamSpec { auth, ..UpstreamSpec::new("Node-RED", settings.url.as_deref()) };
        Ok(Self { upstream: Upstream::new(spec)? })
    }

    /// A token of the editor for a user who has the same name and password there; none when it gives none.
    pub async fn token(&self, user: &str, password: &str) -> Result<Option<String>, UpstreamError> {
        let body = json!({
            "client_id": "node-red-admin",
            "grant_type": "password",
            "scope": "*",
            "username": user,
            "password": password,
        });
        let answer: Value = self.upstream.post(&["auth", "token"]).body(&body).json().await?;
        Ok(answer["access_token"].as_str().filter(|token| !token.is_empty()).map(str::to_owned))
    }

    /// Starts a computation. The flow sends its rows to us later, with the token of the caller.
    pub async fn start(&self, flow: &Endpoint, token: Option<&str>, body: &Value) -> Result<(), UpstreamError> {
        let path: Vec<&str> = ["api", "v1"].into_iter().chain(flow.0.iter().map(String::as_str)).collect();
        self.upstream.post(&path).body(body).token(token).exactly(StatusCode::OK).await
    }
}

/// Where a flow listens, below `/api/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Vec<String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid endpoint. The specified endpoint is not allowed.")]
pub struct EndpointError;

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    /// A plain path: nothing that would change its meaning on the way.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let path = text.strip_prefix('/').ok_or(EndpointError)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let odd = |c: char| matches!(c, '?' | '#' | '%' | '\\') || c.is_control();
        let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        if text.contains("..") || text.contains(odd) || parts.iter().any(|part| part.is_empty() || part == ".") {
            return Err(EndpointError);
        }
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_path() {
        let parts = |text: &str| text.parse::<Endpoint>().map(|it| it.0);
        assert_eq!(parts("/test-endpoint"), Ok(vec!["test-endpoint".to_owned()]));
        assert_eq!(parts("/a/b c/"), Ok(vec!["a".to_owned(), "b c".to_owned()]));
        for bad in
            ["", "/", "flow", "//flow", "/a//b", "/a/../b", "/..", "/a?b", "/a#b", "/%2e%2e/a", "/a\\b", "/.", "/a\n"]
        {
            assert_eq!(parts(bad), Err(EndpointError), "{bad:?}");
        }
    }
}
