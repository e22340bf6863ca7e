//! Grafana's HTTP API, as much of it as we use. Bodies are passed on unchanged in both directions.

use std::hash::{BuildHasher, RandomState};

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use super::upstream::{Auth, ClientError, Upstream, UpstreamSpec};
use super::{Call, UpstreamError};
use crate::backend::settings;

type Answer = Result<Value, UpstreamError>;

/// Dashboards share so many turns, whatever their number: few enough to cost nothing, enough that two dashboards seldom
/// wait for each other.
const TURNS: usize = 64;

#[derive(Debug)]
pub struct Grafana {
    pub(super) upstream: Upstream,
    turns: [Mutex<()>; TURNS],
    hasher: RandomState,
}

impl Grafana {
    pub fn new(settings: &settings::Grafana) -> Result<Self, ClientError> {
        let (auth, key_file) = (auth(settings), settings.key_file.clone());
        let spec = UpstreamSpec { auth, key_file, ..UpstreamSpec::new("Grafana", settings.url.as_deref()) };
        let turns = std::array::from_fn(|_| Mutex::default());
        Ok(Self { upstream: Upstream::new(spec)?, turns, hasher: RandomState::new() })
    }

    /// For whoever is about to read a dashboard and store it again: one after the other.
    pub async fn turn(&self, uid: &str) -> MutexGuard<'_, ()> {
        let place = self.hasher.hash_one(uid) % TURNS as u64;
        self.turns[place as usize].lock().await
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
    use crate::serve::Secret;

    #[test]
    fn a_password_comes_before_a_key() {
        let secret = |text: Option<&str>| text.map(Secret::new);
        let auth = |user: Option<&str>, password, key| {
            let user = user.map(str::to_owned);
            let (password, api_key) = (secret(password), secret(key));
            super::auth(&settings::Grafana { url: None, user, password, api_key, key_file: None })
        };
        let basic = |user: &str, password| Auth::Basic { user: user.to_owned(), password: Secret::new(password) };
        assert_eq!(auth(Some("admin"), Some("pass"), Some("key")), basic("admin", "pass"));
        assert_eq!(auth(Some("admin"), None, Some("key")), basic("admin", ""));
        assert_eq!(auth(None, None, Some("key")), Auth::Bearer(Secret::new("key")));
        assert_eq!(auth(None, None, None), Auth::None);
    }
}
