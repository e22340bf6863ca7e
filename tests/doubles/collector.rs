//! A collector as STATUS has one: `POST /api/v1/computations` names a computation, `GET` on it tells its rows once they
//! are there.
//!
//! Without a word it answers each request at once with one row: value 87, the request's scope and window as scope and
//! period. [`Collector::when`] changes that for requests whose body contains a text; trouble of every other kind (wrong
//! JSON, floods, closed connections) is the server's, by [`Collector::server`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::Server;
use super::server;

/// Where computations are asked for.
pub const ENDPOINT: &str = "/api/v1/computations";

/// How a request is answered.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// The `computations`; without them, one row made from the request.
    pub rows: Option<Value>,
    /// Before every answer, to the POST and to each GET.
    pub delay: Duration,
    /// How often the computation is not found before anything else.
    pub missing: usize,
    /// How often it is not ready after that.
    pub late: usize,
    /// The answer comes in pieces of so many bytes, with pauses.
    pub pieces: Option<usize>,
}

impl Behaviour {
    pub fn rows(rows: Value) -> Self {
        Self { rows: Some(rows), ..Self::default() }
    }

    pub fn delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }
}

/// One computation under way.
#[derive(Debug)]
struct Running {
    behaviour: Behaviour,
    request: Value,
}

#[derive(Debug, Default)]
struct Kept {
    rules: Vec<(String, Behaviour)>,
    token: Option<String>,
    running: HashMap<String, Running>,
    busy: usize,
    busiest: usize,
    answered: usize,
}

type Shared = Arc<Mutex<Kept>>;

#[derive(Debug)]
pub struct Collector {
    pub server: Server,
    kept: Shared,
}

impl Collector {
    pub fn start() -> Self {
        let kept: Shared = Arc::default();
        let router = Router::new()
            .route(ENDPOINT, post(create))
            .route("/api/v1/computations/{id}", get(result))
            .with_state(Arc::clone(&kept));
        Self { server: Server::start(router), kept }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// From now on, for requests whose body contains the text; the latest rule that fits holds.
    pub fn when(&self, text: &str, behaviour: Behaviour) {
        lock(&self.kept).rules.push((text.to_owned(), behaviour));
    }

    /// Only this token is let in from now on, as a cookie or in `x-access-token`.
    pub fn admit(&self, token: &str) {
        lock(&self.kept).token = Some(token.to_owned());
    }

    /// The bodies of all requests for computations, in the order they came.
    pub fn bodies(&self) -> Vec<Value> {
        self.server.asked().iter().filter(|asked| asked.method == "POST").map(super::Asked::json).collect()
    }

    /// The most POSTs that were under way at one time.
    pub fn busiest(&self) -> usize {
        lock(&self.kept).busiest
    }

    /// How many POSTs were answered to their end: those whose client went away before are not.
    pub fn answered(&self) -> usize {
        lock(&self.kept).answered
    }
}

fn lock(kept: &Shared) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request under way, for as long as somebody waits for it.
struct Busy(Shared);

impl Busy {
    fn begin(kept: &Shared) -> Self {
        let mut it = lock(kept);
        it.busy += 1;
        it.busiest = it.busiest.max(it.busy);
        drop(it);
        Self(Arc::clone(kept))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        lock(&self.0).busy -= 1;
    }
}

fn is_admitted(kept: &Shared, headers: &HeaderMap) -> bool {
    let Some(wanted) = lock(kept).token.clone() else { return true };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let cookie = format!("accessToken={wanted}");
    text("cookie").split("; ").any(|it| it == cookie) || text("x-access-token") == wanted
}

fn refused() -> Response<Body> {
    server::json(401, json!({ "message": "No token provided" }))
}

async fn create(State(kept): State<Shared>, headers: HeaderMap, Json(request): Json<Value>) -> Response<Body> {
    if !is_admitted(&kept, &headers) {
        return refused();
    }
    let text = request.to_string();
    let rules = lock(&kept).rules.clone();
    let behaviour = rules.into_iter().rev().find(|(part, _)| text.contains(part)).map(|(_, it)| it).unwrap_or_default();
    let busy = Busy::begin(&kept);
    tokio::time::sleep(behaviour.delay).await;
    drop(busy);
    let mut it = lock(&kept);
    it.answered += 1;
    let id = format!("00000000-0000-4000-8000-{:012}", it.answered);
    it.running.insert(id.clone(), Running { behaviour, request });
    server::json(201, json!({ "code": 201, "message": "OK", "computation": format!("{ENDPOINT}/{id}") }))
}

async fn result(State(kept): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    if !is_admitted(&kept, &headers) {
        return refused();
    }
    let unknown = || server::json(404, json!({ "code": 404, "message": "Computation not found" }));
    let Some(delay) = lock(&kept).running.get(&id).map(|running| running.behaviour.delay) else { return unknown() };
    tokio::time::sleep(delay).await;
    let mut it = lock(&kept);
    let Some(Running { behaviour, request }) = it.running.get_mut(&id) else { return unknown() };
    if behaviour.missing > 0 {
        behaviour.missing -= 1;
        return unknown();
    }
    if behaviour.late > 0 {
        behaviour.late -= 1;
        return server::json(202, json!({ "message": "Not ready yet" }));
    }
    let rows = behaviour.rows.clone().unwrap_or_else(|| json!([row(request)]));
    let body = json!({ "code": 200, "message": "OK", "computations": rows });
    match behaviour.pieces {
        None => server::json(200, body),
        Some(size) => in_pieces(&body.to_string(), size),
    }
}

/// As the backend makes it from its rows.
fn row(request: &Value) -> Value {
    let metric = &request["metric"];
    let scope = metric.get("scope").cloned().unwrap_or_else(|| json!({}));
    let period = json!({ "from": metric["window"]["initial"], "to": metric["window"]["end"] });
    json!({
        "id": "g", "value": 87, "scope": scope, "period": period, "controlId": 1,
        "evidences": [{ "computationGroup": "g", "value": true }],
    })
}

fn in_pieces(text: &str, size: usize) -> Response<Body> {
    let pieces: Vec<Bytes> = text.as_bytes().chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
    let paused = stream::iter(pieces).then(async |piece| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok::<_, std::io::Error>(piece)
    });
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (StatusCode::OK, kind, Body::from_stream(paused)).into_response()
}
