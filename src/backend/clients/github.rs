//! GitHub: a code of its OAuth page for a token.

use serde_json::Value;

use super::UpstreamError;
use super::upstream::{ClientError, Upstream, UpstreamSpec};
use crate::backend::settings;
use crate::serve::Secret;

#[derive(Debug)]
pub struct GitHub {
    pub(super) upstream: Upstream,
    client_id: String,
    client_secret: Secret,
    redirect: String,
}

impl GitHub {
    pub fn new(settings: &settings::GitHub) -> Result<Self, ClientError> {
        let settings::GitHub { url, client_id, client_secret, redirect } = settings.clone();
        let spec = UpstreamSpec {
            headers: vec![(axum::http::header::ACCEPT, "application/json".to_owned())],
            within: std::time::Duration::from_secs(10),
            answer: 64 * 1024,
            remote: true,
            ..UpstreamSpec::new("GitHub", Some(&url))
        };
        Ok(Self {
            upstream: Upstream::new(spec)?,
            client_id: client_id.unwrap_or_default(),
            client_secret: client_secret.unwrap_or_default(),
            redirect,
        })
    }

    /// GitHub's own JSON: the token, or with the same status an error object.
    pub async fn exchange(&self, code: &str) -> Result<Value, UpstreamError> {
        let query = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose()),
            ("code", code),
            ("redirect_uri", &self.redirect),
        ];
        self.upstream.post(&["login", "oauth", "access_token"]).query(query).json().await
    }
}
