//! Answers that `reeve serve registry` never gives: states that make no point, that repeat themselves, or that cannot be
//! stored, and every kind of failure ([`super::Trouble`]); also the requests as they came. What a right registry answers
//! is asked of a real one.
//!
//! It keeps no agreement but the last, under whatever id.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Json, State};
use axum::http::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::Server;
use super::server;

#[derive(Debug)]
struct Kept {
    agreement: Option<Value>,
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
        let kept: Shared = Arc::new(Mutex::new(Kept { agreement: None, states: json!([]) }));
        let router = Router::new()
            .route("/api/v6/agreements", post(keep))
            .route("/api/v6/agreements/{id}", get(kept_agreement).put(keep))
            .route("/api/v6/states/{id}/guarantees", get(states))
            .with_state(Arc::clone(&kept));
        Self { server: Server::start(router), kept }
    }

    /// What every question for states is answered with from now on.
    pub fn tell_states(&self, states: Value) {
        lock(&self.kept).states = states;
    }
}

fn lock(kept: &Shared) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn kept_agreement(State(kept): State<Shared>) -> Response<Body> {
    let unknown = || server::json(404, json!({ "code": 404, "message": "Agreement not found" }));
    lock(&kept).agreement.clone().map_or_else(unknown, |found| server::json(200, found))
}

async fn keep(State(kept): State<Shared>, Json(agreement): Json<Value>) -> &'static str {
    lock(&kept).agreement = Some(agreement);
    "OK"
}

async fn states(State(kept): State<Shared>) -> Response<Body> {
    server::json(200, lock(&kept).states.clone())
}
