//! Grafana's HTTP API: <https://grafana.com/docs/grafana/latest/developers/http_api/>.
//!
//! Service accounts, folders, search, dashboards and data sources, behind basic authentication or a token of a service
//! account. The process that the preset starts is another double, in `tests/doubles/grafana`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::{delete, get, post};
use serde_json::{Value, json};

use super::Server;
use super::server;

mod accounts;
mod dashboards;
mod folders;
mod search;
mod sources;

pub const USER: &str = "admin";
pub const PASSWORD: &str = "a password of Grafana";

#[derive(Debug, Default)]
struct Kept {
    made: u64,
    accounts: Vec<Value>,
    /// With the account they belong to.
    tokens: Vec<(u64, Value)>,
    folders: Vec<Value>,
    dashboards: Vec<Dashboard>,
    sources: Vec<Value>,
    /// So many times yet somebody else is faster.
    meddling: u32,
}

#[derive(Debug, Clone)]
struct Dashboard {
    id: u64,
    uid: String,
    folder: String,
    model: Value,
}

type Shared = Arc<Mutex<Kept>>;

#[derive(Debug)]
pub struct Grafana {
    pub server: Server,
    kept: Shared,
}

impl Grafana {
    pub fn start() -> Self {
        let kept: Shared = Arc::default();
        let router = Router::new()
            .route("/api/serviceaccounts", post(accounts::create))
            .route("/api/org", get(async || server::json(200, json!({ "id": 1, "name": "Main Org." }))))
            .route("/api/serviceaccounts/search", get(accounts::search))
            .route("/api/serviceaccounts/{id}", get(accounts::one))
            .route("/api/serviceaccounts/{id}/tokens", get(accounts::tokens).post(accounts::create_token))
            .route("/api/serviceaccounts/{id}/tokens/{token}", delete(accounts::delete_token))
            .route("/api/folders", get(folders::top).post(folders::create))
            .route("/api/folders/{uid}", get(folders::one).put(folders::update).delete(folders::delete))
            .route("/api/search", get(search::search))
            .route("/api/dashboards/db", post(dashboards::save))
            .route("/api/dashboards/import", post(dashboards::import))
            .route("/api/dashboards/uid/{uid}", get(dashboards::one).delete(dashboards::delete))
            .route("/api/datasources", get(sources::list).post(sources::create))
            .fallback(async || refused(404, "Not found"))
            .layer(from_fn_with_state(Arc::clone(&kept), admit))
            .with_state(Arc::clone(&kept));
        Self { server: Server::start(router), kept }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Names of the service accounts, and of the tokens.
    pub fn accounts(&self) -> (Vec<String>, Vec<String>) {
        let kept = lock(&self.kept);
        let name = |it: &Value| it["name"].as_str().unwrap_or_default().to_owned();
        (kept.accounts.iter().map(name).collect(), kept.tokens.iter().map(|(_, token)| name(token)).collect())
    }

    /// A dashboard as it is kept.
    pub fn dashboard(&self, uid: &str) -> Option<Value> {
        lock(&self.kept).dashboards.iter().find(|it| it.uid == uid).map(|it| it.model.clone())
    }

    /// The next so many times that a dashboard is read, somebody else puts a panel into it right afterwards.
    pub fn meddle(&self, times: u32) {
        lock(&self.kept).meddling = times;
    }

    pub fn dashboards(&self) -> usize {
        lock(&self.kept).dashboards.len()
    }
}

impl Kept {
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// In the manner of Grafana's: 14 letters and digits.
    fn uid(&mut self) -> String {
        format!("be{:012x}", self.number())
    }

    fn folder(&self, uid: &str) -> Option<&Value> {
        self.folders.iter().find(|it| it["uid"] == uid)
    }
}

fn lock(kept: &Shared) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(status: u16, message: &str) -> Response<Body> {
    server::json(status, json!({ "message": message }))
}

/// The form of errors that newer parts of it have.
fn refused_with_id(status: u16, id: &str, message: &str) -> Response<Body> {
    let body = json!({ "extra": null, "message": message, "messageId": id, "statusCode": status, "traceID": "" });
    server::json(status, body)
}

fn slug(title: &str) -> String {
    title
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

async fn admit(State(kept): State<Shared>, request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    let refusal = if let Some(key) = server::credentials(headers, "Bearer") {
        let known = lock(&kept).tokens.iter().any(|(_, token)| token["key"] == key);
        (!known).then_some(("api-key.invalid", "Invalid API key"))
    } else if headers.contains_key(header::AUTHORIZATION) {
        let known = server::basic(headers) == Some((USER.to_owned(), PASSWORD.to_owned()));
        (!known).then_some(("password-auth.failed", "Invalid username or password"))
    } else {
        Some(("auth.unauthorized", "Unauthorized"))
    };
    match refusal {
        Some((id, message)) => refused_with_id(401, id, message),
        None => next.run(request).await,
    }
}
