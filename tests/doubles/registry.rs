//! A registry that keeps agreements (v6) and tells the guarantee states it was given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Json, Path, State};
use axum::http::Response;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};

use super::Server;
use super::server;

#[derive(Debug, Default)]
struct Kept {
    agreements: HashMap<String, Value>,
    states: Value,
}

type Shared = Arc<Mutex<Kept>>;

#[derive(Debug)]
pub struct Registry {
    pub server: Server,
    kept: Shared,
}

impl Registry {
    pub fn start() -> Self {
        let kept: Shared = Arc::new(Mutex::new(Kept { agreements: HashMap::new(), states: json!([]) }));
        let router = Router::new()
            .route("/api/v6/agreements", get(list).post(create))
            .route("/api/v6/agreements/{id}", get(one).put(replace))
            .route("/api/v6/states/{id}/guarantees", get(states))
            .with_state(Arc::clone(&kept));
        Self { server: Server::start(router), kept }
    }

    /// What every question for states is answered with from now on.
    pub fn tell_states(&self, states: Value) {
        lock(&self.kept).states = states;
    }

    pub fn agreement(&self, id: &str) -> Option<Value> {
        lock(&self.kept).agreements.get(id).cloned()
    }
}

fn lock(kept: &Shared) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unknown() -> Response<Body> {
    server::json(404, json!({ "code": 404, "message": "Agreement not found" }))
}

async fn list(State(kept): State<Shared>) -> Response<Body> {
    server::json(200, lock(&kept).agreements.values().cloned().collect())
}

async fn one(State(kept): State<Shared>, Path(id): Path<String>) -> Response<Body> {
    lock(&kept).agreements.get(&id).map_or_else(unknown, |found| server::json(200, found.clone()))
}

async fn create(State(kept): State<Shared>, Json(mut agreement): Json<Value>) -> Response<Body> {
    let Some(id) = agreement["id"].as_str().map(str::to_owned) else {
        return server::json(400, json!({ "code": 400, "message": "id is required" }));
    };
    // As the database behind it does.
    agreement["_id"] = json!(format!("{:024x}", lock(&kept).agreements.len()));
    agreement["__v"] = json!(0);
    lock(&kept).agreements.insert(id, agreement);
    "OK".into_response()
}

async fn replace(State(kept): State<Shared>, Path(id): Path<String>, Json(agreement): Json<Value>) -> Response<Body> {
    match lock(&kept).agreements.get_mut(&id) {
        Some(found) => {
            *found = agreement;
            "OK".into_response()
        }
        None => unknown(),
    }
}

async fn states(State(kept): State<Shared>, Path(id): Path<String>) -> Response<Body> {
    let kept = lock(&kept);
    if kept.agreements.contains_key(&id) { server::json(200, kept.states.clone()) } else { unknown() }
}
