//! The service account of Grafana and its token, made through the backend, as the original's set-up does.
//!
//! What the backend has no endpoint for (is it there already, revoke a token) is asked of Grafana itself, as its
//! administrator.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::key_file;
use super::settings::Settings;
use crate::serve::Secret;

/// By these names what was made is found again.
pub const ACCOUNT: &str = "Status system";
pub const TOKEN: &str = "STATUS System Token";

/// A first start of Grafana still migrates its database while it answers already.
const WITHIN: Duration = Duration::from_secs(20);

/// As much of a refusal as helps.
const BODY_CHARS: usize = 300;

#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("cannot ask: {0}")]
    Client(#[source] reqwest::Error),
    #[error("{who} could not {what}")]
    Unreachable {
        who: &'static str,
        what: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("{who} refused to {what}: {status}{body}")]
    Refused { who: &'static str, what: &'static str, status: StatusCode, body: String },
    #[error("{who} was to {what}, and answered something else")]
    Answer { who: &'static str, what: &'static str },
    #[error("the account of the administrator {0:?} asks for a second factor")]
    SecondFactor(String),
    #[error("the service account {ACCOUNT:?} is disabled in Grafana")]
    Disabled,
    #[error("GRAFANA_API_KEY is not accepted by Grafana")]
    GivenKey,
    #[error("cannot keep the key in {}", path.display())]
    Keep {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl StepError {
    pub fn hint(&self) -> String {
        match self {
            Self::SecondFactor(_) => "make a token in Grafana and set it as GRAFANA_API_KEY in .env; then: reeve down and reeve up -d".to_owned(),
            Self::Disabled => {
                "enable it in Grafana (Administration, Service accounts), then: reeve start setup".to_owned()
            }
            Self::GivenKey => "correct it in .env, or leave it empty to have one made; then: reeve down and reeve up -d".to_owned(),
            Self::Refused { who: BACKEND, status: StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND, .. } => {
                "the administrator's password was changed in STATUS: make a token in Grafana and set it as \
                 GRAFANA_API_KEY in .env; then: reeve down and reeve up -d"
                    .to_owned()
            }
            Self::Refused { who: GRAFANA, status: StatusCode::UNAUTHORIZED, .. } => {
                "the administrator's password was changed in Grafana: set GRAFANA_PASSWORD in .env to it; then: reeve down and \
                 reeve up -d"
                    .to_owned()
            }
            _ => "reeve start setup goes on where it stopped; reeve logs setup tells more".to_owned(),
        }
    }
}

const BACKEND: &str = "the backend";
const GRAFANA: &str = "Grafana";

/// How somebody is asked.
struct Asker<'a> {
    settings: &'a Settings,
    http: reqwest::Client,
    /// The administrator's, from the first request that needs it.
    access: OnceCell<String>,
}

/// Makes sure that there is one account with one token whose key is kept. What was done, in a few words.
pub async fn account(settings: &Settings) -> Result<String, StepError> {
    let http = reqwest::Client::builder()
        .no_proxy()
        // A redirect could carry credentials elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .timeout(WITHIN)
        .build()
        .map_err(StepError::Client)?;
    let asker = Asker { settings, http, access: OnceCell::new() };
    let path = &settings.key_file;
    let keep = |source| StepError::Keep { path: path.clone(), source };
    let kept = key_file::read(path).map_err(keep)?;
    if let Some(given) = &settings.given_key {
        if !asker.is_good(given).await? {
            return Err(StepError::GivenKey);
        }
        if kept.as_ref().is_none_or(|kept| kept.expose() != given.expose()) {
            key_file::write(path, given).map_err(keep)?;
            return Ok("GRAFANA_API_KEY is used, nothing was made".to_owned());
        }
        return Ok("GRAFANA_API_KEY is used already".to_owned());
    }
    if let Some(kept) = &kept
        && asker.is_good(kept).await?
    {
        return Ok("there already, nothing was changed".to_owned());
    }
    let (id, found) = match asker.find().await? {
        Some(id) => (id, "found"),
        None => (asker.create().await?, "made"),
    };
    let revoked = asker.revoke(id).await?;
    let key = asker.token(id).await?;
    key_file::write(path, &key).map_err(keep)?;
    let revoked = if revoked > 0 { format!(", {revoked} token without a kept key revoked") } else { String::new() };
    Ok(format!("{found} (id {id}){revoked}, token made and kept"))
}

impl Asker<'_> {
    /// Whether Grafana takes a key.
    async fn is_good(&self, key: &Secret) -> Result<bool, StepError> {
        let asked = self.at_grafana(Method::GET, "/api/org").bearer_auth(key.expose());
        match send(GRAFANA, "look at a token", asked).await {
            Ok(_) => Ok(true),
            Err(StepError::Refused { status: StatusCode::UNAUTHORIZED, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The account of our name.
    async fn find(&self) -> Result<Option<u64>, StepError> {
        const WHAT: &str = "list its service accounts";
        // The search looks for parts of names; more than a page of names that contain ours nobody has.
        let path = format!("/api/serviceaccounts/search?perpage=1000&page=1&query={}", ACCOUNT.replace(' ', "%20"));
        let answer = send(GRAFANA, WHAT, self.as_administrator(Method::GET, &path)).await?;
        let Some(accounts) = answer["serviceAccounts"].as_array() else {
            return Err(StepError::Answer { who: GRAFANA, what: WHAT });
        };
        let Some(account) = accounts.iter().find(|account| account["name"] == ACCOUNT) else { return Ok(None) };
        if account["isDisabled"] == true {
            return Err(StepError::Disabled);
        }
        account["id"].as_u64().map(Some).ok_or(StepError::Answer { who: GRAFANA, what: WHAT })
    }

    async fn create(&self) -> Result<u64, StepError> {
        const WHAT: &str = "make a service account in Grafana";
        let body = json!({ "name": ACCOUNT, "role": "Admin" });
        let asked = self.at_backend("/grafana/serviceaccount").await?.json(&body);
        send(BACKEND, WHAT, asked).await?["id"].as_u64().ok_or(StepError::Answer { who: BACKEND, what: WHAT })
    }

    /// Takes back tokens of our name: their keys were told once, and not kept. The number of them.
    async fn revoke(&self, account: u64) -> Result<usize, StepError> {
        const WHAT: &str = "list the tokens of the service account";
        let path = format!("/api/serviceaccounts/{account}/tokens");
        let answer = send(GRAFANA, WHAT, self.as_administrator(Method::GET, &path)).await?;
        let Some(tokens) = answer.as_array() else { return Err(StepError::Answer { who: GRAFANA, what: WHAT }) };
        let ours = tokens.iter().filter(|token| token["name"] == TOKEN);
        let ids: Vec<u64> = ours.filter_map(|token| token["id"].as_u64()).collect();
        for id in &ids {
            let asked = self.as_administrator(Method::DELETE, &format!("{path}/{id}"));
            send(GRAFANA, "revoke a token", asked).await?;
        }
        Ok(ids.len())
    }

    async fn token(&self, account: u64) -> Result<Secret, StepError> {
        const WHAT: &str = "make a token in Grafana";
        let asked = self.at_backend(&format!("/grafana/serviceaccount/{account}/token")).await?;
        let answer = send(BACKEND, WHAT, asked.json(&json!({ "name": TOKEN }))).await?;
        let key = answer["key"].as_str().filter(|key| !key.is_empty());
        key.map(Secret::new).ok_or(StepError::Answer { who: BACKEND, what: WHAT })
    }

    fn at_grafana(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.settings.grafana))
    }

    fn as_administrator(&self, method: Method, path: &str) -> RequestBuilder {
        let Settings { grafana_user, grafana_password, .. } = self.settings;
        self.at_grafana(method, path).basic_auth(grafana_user, Some(grafana_password.expose()))
    }

    /// A POST in the name of the administrator.
    async fn at_backend(&self, path: &str) -> Result<RequestBuilder, StepError> {
        let access = self.access.get_or_try_init(|| self.sign_in()).await?;
        Ok(self.http.post(format!("{}{path}", self.settings.backend)).bearer_auth(access))
    }

    async fn sign_in(&self) -> Result<String, StepError> {
        const WHAT: &str = "sign the administrator in";
        let Settings { backend, admin, admin_password, .. } = self.settings;
        let body = json!({ "username": admin, "password": admin_password.expose() });
        match send(BACKEND, WHAT, self.http.post(format!("{backend}/users/signIn")).json(&body)).await {
            Err(StepError::Refused { body, .. }) if body.contains("requires2FA") => {
                Err(StepError::SecondFactor(admin.clone()))
            }
            Err(error) => Err(error),
            Ok(answer) => {
                answer["accessToken"].as_str().map(str::to_owned).ok_or(StepError::Answer { who: BACKEND, what: WHAT })
            }
        }
    }
}

/// The JSON of a success.
async fn send(who: &'static str, what: &'static str, request: RequestBuilder) -> Result<Value, StepError> {
    let failed = |source: reqwest::Error| StepError::Unreachable { who, what, source: source.without_url() };
    let answer = request.send().await.map_err(failed)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(failed)?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| StepError::Answer { who, what });
    }
    // What was sent is not part of it: neither of them repeats a password.
    let words: String = String::from_utf8_lossy(&body).trim().chars().take(BODY_CHARS).collect();
    let body = if words.is_empty() { words } else { format!(" {words}") };
    Err(StepError::Refused { who, what, status, body })
}
