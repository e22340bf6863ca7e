//! OpenAI's assistants, threads and runs, version 2: <https://platform.openai.com/docs/api-reference/assistants>.
//!
//! A run is `queued` until it is told to complete; then the assistant has answered `Hello!`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Json, Path, Request, State};
use axum::http::Response;
use axum::middleware::{Next, from_fn};
use axum::routing::{delete, get, post};
use serde_json::{Value, json};

use super::Server;
use super::server;

pub const KEY: &str = "sk-test-key";
pub const ORGANISATION: &str = "org-test";

#[derive(Debug, Default)]
struct Kept {
    assistants: Vec<Value>,
    threads: Vec<Value>,
    messages: Vec<Value>,
    runs: Vec<Value>,
    made: u32,
}

type Shared = Arc<Mutex<Kept>>;

#[derive(Debug)]
pub struct OpenAi {
    pub server: Server,
    kept: Shared,
}

impl OpenAi {
    pub fn start() -> Self {
        let kept: Shared = Arc::default();
        let router = Router::new()
            .route("/v1/assistants", post(create_assistant))
            .route("/v1/assistants/{id}", get(assistant).post(update_assistant).delete(delete_assistant))
            .route("/v1/threads/runs", post(create_thread_and_run))
            .route("/v1/threads/{id}", delete(delete_thread))
            .route("/v1/threads/{id}/messages", get(messages).post(add_message))
            .route("/v1/threads/{id}/runs", post(create_run))
            .route("/v1/threads/{id}/runs/{run}", get(run))
            .layer(from_fn(admit))
            .with_state(Arc::clone(&kept));
        Self { server: Server::start(router), kept }
    }

    /// The address that clients are given.
    pub fn url(&self) -> String {
        format!("{}/v1", self.server.url())
    }

    /// Every run is over, with an answer on its thread.
    pub fn complete_runs(&self) {
        let mut kept = lock(&self.kept);
        let mut open: Vec<Value> = Vec::new();
        for run in kept.runs.iter_mut().filter(|run| run["status"] == "queued") {
            run["status"] = json!("completed");
            open.push(run["thread_id"].clone());
        }
        for thread in open {
            kept.add_message(&thread, "assistant", "Hello!");
        }
    }

    /// An assistant as it is there.
    pub fn assistant(&self, id: &str) -> Option<Value> {
        lock(&self.kept).assistants.iter().find(|it| it["id"] == id).cloned()
    }

    pub fn assistants(&self) -> usize {
        lock(&self.kept).assistants.len()
    }

    pub fn threads(&self) -> usize {
        lock(&self.kept).threads.len()
    }
}

impl Kept {
    fn id(&mut self, prefix: &str) -> Value {
        self.made += 1;
        json!(format!("{prefix}_{:024}", self.made))
    }

    fn add_message(&mut self, thread: &Value, role: &str, text: &str) -> Value {
        let id = self.id("msg");
        let content = json!([{ "type": "text", "text": { "value": text, "annotations": [] } }]);
        let message = json!({
            "id": id, "object": "thread.message", "created_at": 1_700_000_000, "assistant_id": null, "thread_id": thread,
            "run_id": null, "role": role, "content": content, "attachments": [], "metadata": {},
        });
        self.messages.push(message.clone());
        message
    }

    fn add_run(&mut self, thread: &Value, assistant: &Value) -> Value {
        let id = self.id("run");
        let run = json!({
            "id": id, "object": "thread.run", "created_at": 1_700_000_000, "assistant_id": assistant, "thread_id": thread,
            "status": "queued", "started_at": null, "completed_at": null, "last_error": null, "tools": [], "metadata": {},
        });
        self.runs.push(run.clone());
        run
    }

    fn has(&self, kind: &[Value], id: &Value) -> bool {
        kind.iter().any(|it| it["id"] == *id)
    }
}

fn lock(kept: &Shared) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(status: u16, kind: &str, message: &str) -> Response<Body> {
    server::json(status, json!({ "error": { "message": message, "type": kind, "param": null, "code": null } }))
}

fn unknown(what: &str, id: &Value) -> Response<Body> {
    let id = id.as_str().unwrap_or("");
    refused(404, "invalid_request_error", &format!("No {what} found with id '{id}'."))
}

async fn admit(request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    if server::credentials(headers, "Bearer") != Some(KEY) {
        return refused(401, "invalid_request_error", "Incorrect API key provided.");
    }
    if headers.get("openai-beta").is_none_or(|value| value != "assistants=v2") {
        let text = "You must provide the 'OpenAI-Beta' header to access the Assistants API.";
        return refused(400, "invalid_request_error", text);
    }
    next.run(request).await
}

async fn create_assistant(State(kept): State<Shared>, Json(body): Json<Value>) -> Response<Body> {
    if !body["model"].is_string() {
        return refused(400, "invalid_request_error", "Missing required parameter: 'model'.");
    }
    let mut kept = lock(&kept);
    let id = kept.id("asst");
    let assistant = json!({
        "id": id, "object": "assistant", "created_at": 1_700_000_000, "name": body["name"], "description": null,
        "model": body["model"], "instructions": body["instructions"], "tools": body["tools"], "metadata": {},
        "top_p": 1.0, "temperature": 1.0, "response_format": "auto",
    });
    kept.assistants.push(assistant.clone());
    server::json(200, assistant)
}

async fn assistant(State(kept): State<Shared>, Path(id): Path<String>) -> Response<Body> {
    let found = lock(&kept).assistants.iter().find(|it| it["id"] == *id).cloned();
    found.map_or_else(|| unknown("assistant", &json!(id)), |found| server::json(200, found))
}

async fn update_assistant(
    State(kept): State<Shared>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response<Body> {
    let mut kept = lock(&kept);
    let Some(found) = kept.assistants.iter_mut().find(|it| it["id"] == *id) else {
        return unknown("assistant", &json!(id));
    };
    for key in ["name", "instructions", "tools", "model"] {
        if let Some(value) = body.get(key) {
            found[key] = value.clone();
        }
    }
    server::json(200, found.clone())
}

async fn delete_assistant(State(kept): State<Shared>, Path(id): Path<String>) -> Response<Body> {
    let (mut kept, id) = (lock(&kept), json!(id));
    if !kept.has(&kept.assistants, &id) {
        return unknown("assistant", &id);
    }
    kept.assistants.retain(|assistant| assistant["id"] != id);
    server::json(200, json!({ "id": id, "object": "assistant.deleted", "deleted": true }))
}

async fn create_thread_and_run(State(kept): State<Shared>, Json(body): Json<Value>) -> Response<Body> {
    let mut kept = lock(&kept);
    if !kept.has(&kept.assistants, &body["assistant_id"]) {
        return unknown("assistant", &body["assistant_id"]);
    }
    let thread = kept.id("thread");
    kept.threads.push(json!({ "id": thread, "object": "thread" }));
    for message in body["thread"]["messages"].as_array().into_iter().flatten() {
        let (role, text) = (message["role"].as_str().unwrap_or(""), message["content"].as_str().unwrap_or(""));
        kept.add_message(&thread, role, text);
    }
    let run = kept.add_run(&thread, &body["assistant_id"]);
    server::json(200, run)
}

async fn delete_thread(State(kept): State<Shared>, Path(id): Path<String>) -> Response<Body> {
    let mut kept = lock(&kept);
    let id = json!(id);
    if !kept.has(&kept.threads, &id) {
        return unknown("thread", &id);
    }
    kept.threads.retain(|thread| thread["id"] != id);
    server::json(200, json!({ "id": id, "object": "thread.deleted", "deleted": true }))
}

/// The newest first.
async fn messages(State(kept): State<Shared>, Path(id): Path<String>) -> Response<Body> {
    let (kept, id) = (lock(&kept), json!(id));
    if !kept.has(&kept.threads, &id) {
        return unknown("thread", &id);
    }
    let data: Vec<&Value> = kept.messages.iter().rev().filter(|message| message["thread_id"] == id).collect();
    let ends = (data.first().map(|it| it["id"].clone()), data.last().map(|it| it["id"].clone()));
    let list = json!({ "object": "list", "data": data, "first_id": ends.0, "last_id": ends.1, "has_more": false });
    server::json(200, list)
}

async fn add_message(State(kept): State<Shared>, Path(id): Path<String>, Json(body): Json<Value>) -> Response<Body> {
    let (mut kept, id) = (lock(&kept), json!(id));
    if !kept.has(&kept.threads, &id) {
        return unknown("thread", &id);
    }
    if kept.runs.iter().any(|run| run["thread_id"] == id && run["status"] == "queued") {
        return refused(400, "invalid_request_error", "Can't add messages to a thread while a run is active.");
    }
    match (body["role"].as_str(), body["content"].as_str()) {
        (Some(role @ ("user" | "assistant")), Some(text)) => server::json(200, kept.add_message(&id, role, text)),
        _ => refused(400, "invalid_request_error", "Missing required parameter: 'role' or 'content'."),
    }
}

async fn create_run(State(kept): State<Shared>, Path(id): Path<String>, Json(body): Json<Value>) -> Response<Body> {
    let (mut kept, id) = (lock(&kept), json!(id));
    if !kept.has(&kept.threads, &id) {
        return unknown("thread", &id);
    }
    if !kept.has(&kept.assistants, &body["assistant_id"]) {
        return unknown("assistant", &body["assistant_id"]);
    }
    server::json(200, kept.add_run(&id, &body["assistant_id"]))
}

async fn run(State(kept): State<Shared>, Path((thread, run)): Path<(String, String)>) -> Response<Body> {
    let kept = lock(&kept);
    let found = kept.runs.iter().find(|it| it["id"] == *run && it["thread_id"] == *thread);
    found.map_or_else(|| unknown("run", &json!(run)), |found| server::json(200, found.clone()))
}
