//! A collector as the registry's agreements name it: a computation is asked for, then fetched. It answers after a set time,
//! on a thread of its own, so that its cost is not the server's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};

pub struct Collector {
    pub address: String,
}

#[derive(Clone)]
struct Shared {
    /// What a computation's result is padded with.
    evidence: Arc<String>,
    /// For the whole exchange; spent where the computation is asked for.
    delay: Duration,
    asked: Arc<AtomicU64>,
}

impl Collector {
    /// Every computation takes `delay` and has one evidence of `evidence` bytes.
    pub fn start(delay: Duration, evidence: usize) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("its address").to_string();
        let shared = Shared { evidence: Arc::new("e".repeat(evidence)), delay, asked: Arc::default() };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let router = axum::Router::new()
                    .route("/api/v1/computations", post(ask))
                    .route("/api/v1/computations/{id}", get(fetch))
                    .with_state(shared);
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                axum::serve(listener, router).await.expect("it serves");
            });
        });
        Self { address }
    }
}

async fn ask(State(shared): State<Shared>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    tokio::time::sleep(shared.delay).await;
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let scope = body.pointer("/metric/scope/project").and_then(Value::as_str).unwrap_or("none");
    let path = format!("/api/v1/computations/{scope}");
    (StatusCode::CREATED, Json(json!({ "code": 201, "message": "OK", "computation": path })))
}

async fn fetch(State(shared): State<Shared>, Path(scope): Path<String>) -> Json<Value> {
    Json(json!({ "code": 200, "message": "OK", "computations": [{
        "id": "c0ffee00-0000-4000-8000-000000000000",
        "value": 87,
        "scope": { "project": scope },
        "evidences": [{ "computationGroup": "g", "text": *shared.evidence }],
        "period": { "from": "2024-01-01T00:00:00.000Z", "to": "2024-01-31T00:00:00.000Z" },
        "controlId": 1,
    }] }))
}
