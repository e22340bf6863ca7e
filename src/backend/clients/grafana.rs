//! Grafana's HTTP API, as much of it as we use. Bodies are passed on unchanged in both directions.

use serde_json::Value;

use super::upstream::{Auth, ClientError, Upstream, UpstreamSpec};
use super::{Call, UpstreamError};
use crate::backend::settings;
use crate::serve::Secret;

type Answer = Result<Value, UpstreamError>;

#[derive(Debug)]
pub struct Grafana {
    upstream: Upstream,
    by_password: bool,
}

impl Grafana {
    pub fn new(settings: &settings::Grafana) -> Result<Self, ClientError> {
        let auth = auth(settings);
        let by_password = matches!(auth, Auth::Basic { .. });
        let spec = UpstreamSpec { auth, ..UpstreamSpec::new("Grafana", settings.url.as_deref()) };
        Ok(Self { upstream: Upstream::new(spec)?, by_password })
    }

    /// A key for the calls from now on. A user and password keep coming first.
    pub fn set_api_key(&self, key: Secret) {
        if !self.by_password {
            self.upstream.set_auth(Auth::Bearer(key));
        }
    }

    pub async fn create_service_account(&self, body: &Value) -> Answer {
        self.post(&["serviceaccounts"], body).await
    }

    pub async fn service_account(&self, id: &str) -> Answer {
        self.get(&["serviceaccounts", id]).json().await
    }

    pub async fn create_service_account_token(&self, id: &str, body: &Value) -> Answer {
        self.post(&["serviceaccounts", id, "tokens"], body).await
    }

    /// Those at the top.
    pub async fn folders(&self) -> Answer {
        self.get(&["folders"]).json().await
    }

    pub async fn create_folder(&self, body: &Value) -> Answer {
        self.post(&["folders"], body).await
    }

    pub async fn folder(&self, uid: &str) -> Answer {
        self.get(&["folders", uid]).json().await
    }

    pub async fn update_folder(&self, uid: &str, body: &Value) -> Answer {
        self.upstream.put(&["api", "folders", uid]).body(body).json().await
    }

    pub async fn delete_folder(&self, uid: &str) -> Answer {
        self.upstream.delete(&["api", "folders", uid]).json().await
    }

    /// Lists are given as the same name several times.
    pub async fn search<'a>(&'a self, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Answer {
        self.get(&["search"]).query(query).json().await
    }

    /// Creates a dashboard, or replaces the one of its uid.
    pub async fn save_dashboard(&self, body: &Value) -> Answer {
        self.post(&["dashboards", "db"], body).await
    }

    pub async fn import_dashboard(&self, body: &Value) -> Answer {
        self.post(&["dashboards", "import"], body).await
    }

    pub async fn dashboard(&self, uid: &str) -> Answer {
        self.get(&["dashboards", "uid", uid]).json().await
    }

    pub async fn delete_dashboard(&self, uid: &str) -> Answer {
        self.upstream.delete(&["api", "dashboards", "uid", uid]).json().await
    }

    pub async fn data_sources(&self) -> Answer {
        self.get(&["datasources"]).json().await
    }

    pub async fn create_data_source(&self, body: &Value) -> Answer {
        self.post(&["datasources"], body).await
    }

    fn get(&self, path: &[&str]) -> Call<'_> {
        self.upstream.get(&[&["api"], path].concat())
    }

    async fn post(&self, path: &[&str], body: &Value) -> Answer {
        self.upstream.post(&[&["api"], path].concat()).body(body).json().await
    }
}

/// A user, a password or both come before a key.
fn auth(settings: &settings::Grafana) -> Auth {
    match (&settings.user, &settings.password, &settings.api_key) {
        (None, None, None) => Auth::None,
        (None, None, Some(key)) => Auth::Bearer(key.clone()),
        (user, password, _) => {
            Auth::Basic { user: user.clone().unwrap_or_default(), password: password.clone().unwrap_or_default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_comes_before_a_key() {
        let secret = |text: Option<&str>| text.map(Secret::new);
        let auth = |user: Option<&str>, password, key| {
            let user = user.map(str::to_owned);
            super::auth(&settings::Grafana { url: None, user, password: secret(password), api_key: secret(key) })
        };
        let basic = |user: &str, password| Auth::Basic { user: user.to_owned(), password: Secret::new(password) };
        assert_eq!(auth(Some("admin"), Some("pass"), Some("key")), basic("admin", "pass"));
        assert_eq!(auth(Some("admin"), None, Some("key")), basic("admin", ""));
        assert_eq!(auth(None, None, Some("key")), Auth::Bearer(Secret::new("key")));
        assert_eq!(auth(None, None, None), Auth::None);
    }
}
