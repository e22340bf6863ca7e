//! Node-RED: its token endpoint (<https://nodered.org/docs/api/admin/methods/post/auth/token/>) and HTTP nodes behind
//! `httpNodeAuth`.
//!
//! A flow accepts whatever it is given, answers 200, and then posts its rows to the `backendUrl` of the request with the
//! caller's token, batch by batch, the last one `done`. Without a word it posts nothing; [`NodeRed::when`] gives it rows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::Server;
use super::server;

pub const USER: &str = "status-user";
pub const PASSWORD: &str = "status-password";
/// The account of the editor.
pub const DEVELOPER: (&str, &str) = ("developer", "dev123");
pub const TOKEN: &str = "A_SECRET_TOKEN";

/// What a flow does once it has answered.
#[derive(Debug, Clone, Default)]
pub struct Play {
    /// Rows, batch by batch; what a row lacks is taken from the request.
    batches: Vec<Vec<Value>>,
    /// Before each batch.
    delay: Duration,
}

impl Play {
    /// No row, ever.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// One row, whose evidences have these results.
    pub fn results(results: &[bool]) -> Self {
        Self::batches(vec![vec![row(results)]])
    }

    pub fn batches(batches: Vec<Vec<Value>>) -> Self {
        Self { batches, ..Self::default() }
    }

    pub fn slowly(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// A row whose evidences have these results; everything else is the request's.
pub fn row(results: &[bool]) -> Value {
    let evidences: Vec<_> = results.iter().map(|result| json!({ "result": result })).collect();
    json!({ "evidences": evidences })
}

#[derive(Debug, Default)]
struct Kept {
    rules: Vec<(String, Play)>,
    posted: Vec<u16>,
    /// Of the thread that answers, made by the first flow that plays.
    http: Option<reqwest::Client>,
}

type Shared = Arc<Mutex<Kept>>;

#[derive(Debug)]
pub struct NodeRed {
    pub server: Server,
    kept: Shared,
}

impl NodeRed {
    pub fn start() -> Self {
        let kept: Shared = Arc::default();
        let flows = Router::new().route("/api/v1/{*flow}", post(flow)).with_state(Arc::clone(&kept));
        Self { server: Server::start(flows.route("/auth/token", post(token))), kept }
    }

    /// From now on, for requests whose flow or body contains the text; the latest rule that fits holds.
    pub fn when(&self, text: &str, play: Play) {
        lock(&self.kept).rules.push((text.to_owned(), play));
    }

    /// How the batches were answered, in the order they were posted.
    pub fn posted(&self) -> Vec<u16> {
        lock(&self.kept).posted.clone()
    }

    /// The bodies of all requests for flows.
    pub fn bodies(&self) -> Vec<Value> {
        self.server.asked().iter().filter(|asked| asked.path != "/auth/token").map(super::Asked::json).collect()
    }
}

/// With flows that post nothing.
pub fn start() -> Server {
    NodeRed::start().server
}

fn lock(kept: &Shared) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The editor looks at the body only.
async fn token(Json(body): Json<Value>) -> Response<Body> {
    let known = (body["username"].as_str(), body["password"].as_str()) == (Some(DEVELOPER.0), Some(DEVELOPER.1));
    if body["client_id"] != "node-red-admin" || body["grant_type"] != "password" || !known {
        return server::json(
            403,
            json!({ "error": "invalid_grant", "error_description": "Invalid resource owner credentials" }),
        );
    }
    server::json(200, json!({ "access_token": TOKEN, "expires_in": 604_800, "token_type": "Bearer" }))
}

async fn flow(
    State(kept): State<Shared>,
    Path(flow): Path<String>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response<Body> {
    if server::basic(&headers) != Some((USER.to_owned(), PASSWORD.to_owned())) {
        return server::json(401, json!("Unauthorized"));
    }
    let text = format!("/{flow} {request}");
    let rules = lock(&kept).rules.clone();
    if let Some((_, play)) = rules.into_iter().rev().find(|(part, _)| text.contains(part)) {
        let token = headers.get("x-access-token").cloned();
        tokio::spawn(async move {
            let client = || reqwest::Client::builder().no_proxy().build().expect("a client");
            let http = lock(&kept).http.get_or_insert_with(client).clone();
            let count = play.batches.len();
            for (place, rows) in play.batches.iter().enumerate() {
                tokio::time::sleep(play.delay).await;
                let rows: Vec<_> = rows.iter().map(|row| whole(row, &request)).collect();
                let body = json!({ "computations": rows, "done": place + 1 == count });
                let post = http.post(request["backendUrl"].as_str().expect("where to")).json(&body);
                let post = token.iter().fold(post, |post, token| post.header("x-access-token", token));
                // Whoever asked may be gone: that is what some tests are about.
                let status = post.send().await.map_or(0, |response| response.status().as_u16());
                lock(&kept).posted.push(status);
            }
        });
    }
    server::json(200, json!({}))
}

/// The row with everything that it does not say itself: one declaration within the scope, over the whole window.
fn whole(row: &Value, request: &Value) -> Value {
    let mut scope = request["scope"].as_object().cloned().unwrap_or_default();
    scope.insert("declaration".to_owned(), json!("1"));
    let mut whole = json!({
        "computationGroup": request["computationGroup"], "value": true, "scope": scope,
        "period": { "from": request["initial"], "to": request["to"] },
    });
    whole.as_object_mut().expect("an object").extend(row.as_object().cloned().unwrap_or_default());
    whole
}
