//! Node-RED: tokens for its editor, and the flows that compute metrics.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::UpstreamError;
use super::upstream::{Auth, ClientError, Upstream, UpstreamSpec};
use crate::backend::settings;

#[derive(Debug)]
pub struct NodeRed {
    upstream: Upstream,
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

/// What a flow is told: later keys replace earlier ones of the same name.
pub fn computation(group: &str, config: &Value, metric: &Value) -> Value {
    let mut body = Map::new();
    body.insert("computationGroup".to_owned(), group.into());
    body.insert("backendUrl".to_owned(), config["backendUrl"].clone());
    let mut spread = |value: &Value| body.extend(value.as_object().cloned().unwrap_or_default());
    spread(&metric["params"]);
    let mut window = metric["window"].as_object().cloned().unwrap_or_default();
    let end = window.shift_remove("end");
    for (key, value) in [("scope", metric.get("scope").cloned()), ("to", end)] {
        if let Some(value) = value {
            spread(&json!({ key: value }));
        }
    }
    spread(&Value::Object(window));
    Value::Object(body)
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

    #[test]
    fn parameters_and_window_are_spread_over_the_body() {
        let metric = json!({
            "endpoint": "/flow",
            "params": { "period": "of the parameters", "project": "p1", "computationGroup": "theirs" },
            "scope": { "project": "p1" },
            "window": { "type": "static", "period": "daily", "initial": "2022-01-01", "end": "2024-02-01", "from": "2024-01-01" },
        });
        let body = computation("group", &json!({ "backendUrl": "http://here/bulk" }), &metric);
        assert_eq!(
            body,
            json!({
                "computationGroup": "theirs",
                "backendUrl": "http://here/bulk",
                "period": "daily",
                "project": "p1",
                "scope": { "project": "p1" },
                "to": "2024-02-01",
                "type": "static",
                "initial": "2022-01-01",
                "from": "2024-01-01",
            })
        );
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let body = computation("group", &json!({}), &json!({ "params": null }));
        assert_eq!(body, json!({ "computationGroup": "group", "backendUrl": null }));
    }
}
