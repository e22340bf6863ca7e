//! The supervisor's side of the control socket.
//!
//! Each connection is a task of its own with bounded time, header and body; whatever goes wrong on one ends that one. A
//! peer is known by the kernel (`SO_PEERCRED`): the stack's own user and root may do everything, others nothing; on the
//! socket for services, a process of a service may do what that service was granted (see [`super::peer`]).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use http_body_util::{BodyExt, Limited};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tower::Layer;

use super::peer::{self, Asker};
use super::show::{event_of, log_text, service_of, stack_of, stale_of, why_of};
use super::socket::Bound;
use super::wire::{self, Answer, ProblemKind};
use crate::engine::Command;
use crate::engine::snapshot::Record;
use crate::supervisor::handle::{EventStep, Events, ServiceId, SupervisorHandle, View};

/// A name list of a stack with a thousand services fits several times.
pub const BODY_LIMIT: usize = 64 << 10;
/// People and their tools; each costs a few kilobytes.
pub const CONNECTIONS: usize = 64;
/// A local peer sends its request in a millisecond.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Lines of a log when nobody says how many: a screen and some.
const LOG_LINES: usize = 100;
/// Of a name that somebody gives for themselves.
const BY_CHARS: usize = 128;
const NDJSON: &str = "application/x-ndjson";
/// For telling a peer why it is not served.
const FAREWELL: Duration = Duration::from_secs(1);

/// Bounds of a connection, smaller in tests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub connections: usize,
    pub read_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: CONNECTIONS, read_timeout: READ_TIMEOUT }
    }
}

/// Serves the stack's owner until the future is dropped.
pub async fn serve(bound: Bound, handle: SupervisorHandle, limits: Limits) -> Infallible {
    accept(bound, Audience::Owner, handle, limits).await
}

/// Serves services what they were granted, until the future is dropped.
pub async fn serve_services(bound: Bound, handle: SupervisorHandle, limits: Limits) -> Infallible {
    accept(bound, Audience::Services, handle, limits).await
}

#[derive(Debug, Clone, Copy)]
enum Audience {
    Owner,
    Services,
}

async fn accept(bound: Bound, audience: Audience, handle: SupervisorHandle, limits: Limits) -> Infallible {
    let places = Arc::new(Semaphore::new(limits.connections));
    let shares = Arc::new(Shares::default());
    let router = router(handle.clone(), limits);
    loop {
        let stream = match bound.listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, usually: serving those that are there frees some.
                tracing::warn!(%error, "cannot accept a control connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            let reason = format!("{} control connections are open already", limits.connections);
            tokio::spawn(busy(stream, reason));
            continue;
        };
        let (router, handle, shares) = (router.clone(), handle.clone(), shares.clone());
        tokio::spawn(async move {
            let admitted = match audience {
                Audience::Owner => peer::owner(&stream).map(|()| None),
                Audience::Services => peer::service(&stream, handle).await.map(Some),
            };
            let caller = match admitted {
                Ok(caller) => caller,
                Err(reason) => {
                    match audience {
                        Audience::Owner => tracing::warn!(reason, "control connection refused"),
                        // Anybody may knock here, as often as they like.
                        Audience::Services => tracing::debug!(reason, "control connection refused"),
                    }
                    return refuse(stream, reason).await;
                }
            };
            let Ok(share) = shares.take(&caller, limits.connections / 2) else {
                let reason = "half of all control connections are open from this service already".to_owned();
                return busy(stream, reason).await;
            };
            let service = TowerToHyperService::new(Extension(caller).layer(router));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.read_timeout)
                .max_headers(32)
                .max_buf_size(16 << 10)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "control connection ended early");
            }
            drop((place, share));
        });
    }
}

/// Connections of each service, so that none can take the places of the others.
#[derive(Debug, Default)]
struct Shares(Mutex<BTreeMap<String, Arc<Semaphore>>>);

impl Shares {
    fn take(&self, caller: &Asker, most: usize) -> Result<Option<OwnedSemaphorePermit>, TryAcquireError> {
        let Some(caller) = caller else { return Ok(None) };
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares.entry(caller.service.clone()).or_insert_with(|| Arc::new(Semaphore::new(most)));
        share.clone().try_acquire_owned().map(Some)
    }
}

async fn busy(mut stream: UnixStream, reason: String) {
    farewell(&mut stream, StatusCode::SERVICE_UNAVAILABLE, ProblemKind::Busy, reason).await;
}

/// Some clients look whether they are still connected before they write: they are given the time to ask, although the
/// answer is known.
async fn refuse(mut stream: UnixStream, reason: String) {
    farewell(&mut stream, StatusCode::FORBIDDEN, ProblemKind::Forbidden, reason).await;
    let unread = async {
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whatever they still say, or how they go, changes nothing.
    let _ = tokio::time::timeout(FAREWELL, unread).await;
}

/// An answer to whoever is not served, without reading anything from them.
async fn farewell(stream: &mut UnixStream, status: StatusCode, kind: ProblemKind, message: String) {
    let problem = wire::Problem { kind, message, hint: None };
    let body = serde_json::to_string(&Answer::new(wire::ErrorAnswer { error: problem })).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = tokio::time::timeout(FAREWELL, stream.write_all(text.as_bytes())).await;
}

#[derive(Debug, Clone)]
struct Context {
    handle: SupervisorHandle,
    limits: Limits,
}

fn router(handle: SupervisorHandle, limits: Limits) -> Router {
    Router::new()
        .route("/v1/stack", get(stack))
        .route("/v1/services/{name}", get(service))
        .route("/v1/services/{name}/why", get(why))
        .route("/v1/services/{name}/logs", get(logs))
        .route("/v1/services/{name}/signal", post(signal))
        .route("/v1/events", get(events))
        .route("/v1/start", post(start))
        .route("/v1/stop", post(stop))
        .route("/v1/restart", post(restart))
        .route("/v1/shutdown", post(shutdown))
        .route("/health", get(health))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(granted))
        .with_state(Context { handle, limits })
}

/// Any refusal, and how it looks on the wire.
struct Refused(StatusCode, wire::Problem);

impl Refused {
    fn new(status: StatusCode, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self(status, wire::Problem { kind, message: message.into(), hint: None })
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ProblemKind::BadRequest, message)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.1.hint = Some(hint.into());
        self
    }

    fn ending() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ProblemKind::Ending, "reeve is ending")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        json(self.0, wire::ErrorAnswer { error: self.1 })
    }
}

type Reply = Result<Response, Refused>;

fn json<T: Serialize>(status: StatusCode, body: T) -> Response {
    (status, axum::Json(Answer::new(body))).into_response()
}

fn ok<T: Serialize>(body: T) -> Reply {
    Ok(json(StatusCode::OK, body))
}

/// What the asking service was granted, before anything else; the owner may do everything.
async fn granted(Extension(caller): Extension<Asker>, request: Request, next: Next) -> Response {
    match caller.map_or(Ok(()), |caller| peer::may(&caller, request.method(), request.uri().path())) {
        Ok(()) => next.run(request).await,
        Err(reason) => Refused::new(StatusCode::FORBIDDEN, ProblemKind::Forbidden, reason).into_response(),
    }
}

async fn unknown(method: Method, uri: Uri) -> Refused {
    let message = format!("unknown request: {method} {}", uri.path());
    Refused::new(StatusCode::NOT_FOUND, ProblemKind::UnknownRequest, message)
        .hint(format!("this is reeve {}", env!("CARGO_PKG_VERSION")))
}

async fn stack(
    State(context): State<Context>,
    Extension(caller): Extension<Asker>,
    query: Query<wire::StackQuery>,
) -> Reply {
    let view = context.handle.snapshot();
    let mut stack = stack_of(&view);
    stack.caller = caller.map(|caller| caller.service);
    if query.usage {
        let usage = context.handle.usage(Arc::clone(&view)).await;
        for (service, usage) in stack.services.iter_mut().zip(usage) {
            service.memory_bytes = usage.map(|usage| usage.memory_bytes);
            let alive = service.uptime_ms.filter(|alive| *alive > 0);
            let share = usage.zip(alive).map(|(usage, alive)| 100.0 * usage.cpu.as_secs_f64() * 1000.0 / alive as f64);
            service.cpu_percent = share.map(|share| share as f32);
        }
    }
    if query.stale {
        let found = context.handle.stale(view).await;
        stack.outdated = found.stack;
        for (service, fate) in stack.services.iter_mut().zip(found.services) {
            service.stale = fate.map(stale_of);
        }
    }
    ok(stack)
}

async fn service(State(context): State<Context>, Path(name): Path<String>) -> Reply {
    let view = context.handle.snapshot();
    let (snapshot, extra) = view.service(&name).ok_or_else(|| unknown_service(&view, &name))?;
    ok(service_of(&view, snapshot, extra))
}

async fn why(State(context): State<Context>, Path(name): Path<String>) -> Reply {
    let view = context.handle.snapshot();
    let report = context.handle.why(&name).ok_or_else(|| unknown_service(&view, &name))?;
    let (snapshot, extra) = view.service(&name).ok_or_else(|| unknown_service(&view, &name))?;
    ok(why_of(report, service_of(&view, snapshot, extra)))
}

async fn logs(State(context): State<Context>, Path(name): Path<String>, query: Query<wire::LogsQuery>) -> Reply {
    let view = context.handle.snapshot();
    let service = view.id(&name).ok_or_else(|| unknown_service(&view, &name))?;
    let logs = context.handle.logs().ok_or_else(Refused::ending)?;
    let count = query.lines.unwrap_or(LOG_LINES);
    if query.follow {
        let lines = stream::unfold(logs.follow(service, count), |mut follow| async move {
            let line = follow.next().await?;
            Some((Ok::<_, Infallible>(line_of_json(log_text(line))), follow))
        });
        return Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response());
    }
    let since = query.since;
    let read = tokio::task::spawn_blocking(move || logs.read(&name, count, since)).await;
    let (lines, more) = read.map_err(|_| Refused::ending())?.map_err(|error| {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, ProblemKind::Other, format!("the log cannot be read: {error}"))
    })?;
    ok(wire::Logs { lines: lines.into_iter().map(log_text).collect(), more })
}

async fn signal(State(context): State<Context>, Path(name): Path<String>, request: Request) -> Reply {
    let body: wire::SignalRequest = read(&context, request).await?;
    let service = ids(&context.handle.snapshot(), std::slice::from_ref(&name))?[0];
    let signal = wire::parse_signal(&body.signal).ok_or_else(|| {
        Refused::bad(format!("unknown signal {:?}", body.signal)).hint("a name such as HUP or SIGHUP, or a number")
    })?;
    change(&context, Command::Signal { service, signal }).await
}

async fn start(State(context): State<Context>, caller: Extension<Asker>, request: Request) -> Reply {
    let (services, by) = requested(&context, request).await?;
    asked_for(&context, "start", &caller, &services, by);
    change(&context, Command::Start { services }).await
}

async fn stop(State(context): State<Context>, caller: Extension<Asker>, request: Request) -> Reply {
    let (services, by) = requested(&context, request).await?;
    let services = named(services)?;
    asked_for(&context, "stop", &caller, &services, by);
    change(&context, Command::Stop { services }).await
}

async fn restart(State(context): State<Context>, caller: Extension<Asker>, request: Request) -> Reply {
    let (services, by) = requested(&context, request).await?;
    let services = named(services)?;
    asked_for(&context, "restart", &caller, &services, by);
    change(&context, Command::Restart { services }).await
}

/// Who made it happen, for the history. The owner at the command line goes without saying.
fn asked_for(context: &Context, what: &str, caller: &Asker, services: &[ServiceId], by: Option<String>) {
    let through = caller.as_ref().map(|caller| caller.service.as_str());
    let who = match (by.map(|by| harmless(&by)), through) {
        (Some(by), Some(through)) => format!("{by} through {through}"),
        (Some(by), None) => by,
        (None, Some(through)) => through.to_owned(),
        (None, None) => return,
    };
    let view = context.handle.snapshot();
    for snapshot in services.iter().filter_map(|id| view.snapshot.services.get(id.index())) {
        context.handle.record(Record {
            service: snapshot.name.clone(),
            run: snapshot.run,
            kind: "asked".to_owned(),
            phase: None,
            message: format!("{what} of {} was asked for by {who}", snapshot.name),
            cause: None,
        });
    }
}

/// One short line, whatever was sent.
fn harmless(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(BY_CHARS).collect()
}

async fn shutdown(State(context): State<Context>, request: Request) -> Reply {
    let body: wire::ShutdownRequest = read(&context, request).await?;
    change(&context, Command::Shutdown { now: body.now }).await
}

async fn change(context: &Context, command: Command) -> Reply {
    let mut events = context.handle.events(None);
    let outcome = context.handle.request(command).await.map_err(|_| Refused::ending())?;
    let notes = std::iter::from_fn(|| events.next_now()).filter_map(note).collect();
    ok(wire::Changed { outcome, notes })
}

/// A stop that was none of the orderly kind.
fn note(step: EventStep) -> Option<String> {
    match step {
        EventStep::Line(line) if line.record.kind == "killed" => Some(line.record.message),
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
struct HealthQuery {
    #[serde(default)]
    level: HealthLevel,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HealthLevel {
    Alive,
    #[default]
    Ready,
}

async fn health(State(context): State<Context>, query: Query<HealthQuery>) -> Reply {
    let stack = stack_of(&context.handle.snapshot());
    let unready = match query.level {
        HealthLevel::Alive => Vec::new(),
        HealthLevel::Ready => stack
            .services
            .into_iter()
            .filter(|service| !service.is_settled())
            .map(|service| format!("{}: {}", service.name, service.reason().unwrap_or_else(|| "not ready".to_owned())))
            .collect(),
    };
    let healthy = unready.is_empty();
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(json(status, wire::Health { healthy, unready }))
}

async fn events(State(context): State<Context>, query: Query<wire::EventsQuery>) -> Response {
    let from = if query.follow { query.from } else { Some(query.from.unwrap_or(1)) };
    let events = context.handle.events(from);
    // A reader of the whole history wants what is kept; only who asked for a number is told of what is not.
    let skip_gap = !query.follow && query.from.is_none();
    let follow = query.follow;
    let lines = stream::unfold((events, skip_gap), move |(mut events, skip_gap)| async move {
        let step = next_step(&mut events, follow, skip_gap).await?;
        Some((Ok::<_, Infallible>(ndjson(step)), (events, false)))
    });
    ([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response()
}

async fn next_step(events: &mut Events, follow: bool, skip_gap: bool) -> Option<EventStep> {
    loop {
        let step = if follow { events.next().await } else { events.next_now() }?;
        if !(skip_gap && matches!(step, EventStep::Dropped { .. })) {
            return Some(step);
        }
    }
}

fn ndjson(step: EventStep) -> Bytes {
    let line = match step {
        EventStep::Line(line) => wire::EventLine::Event(event_of(line)),
        EventStep::Dropped { from, to } => wire::EventLine::Resync { resync: wire::Gap { from, to } },
    };
    line_of_json(line)
}

fn line_of_json<T: Serialize>(line: T) -> Bytes {
    let mut text = serde_json::to_vec(&Answer::new(line)).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

/// The body, bounded in size and time. An empty one stands for `{}`.
async fn read<T: DeserializeOwned>(context: &Context, request: Request) -> Result<T, Refused> {
    let body = Limited::new(request.into_body(), BODY_LIMIT).collect();
    let body = match tokio::time::timeout(context.limits.read_timeout, body).await {
        Err(_) => {
            let message = "the request's body did not arrive in time";
            return Err(Refused::new(StatusCode::REQUEST_TIMEOUT, ProblemKind::BadRequest, message));
        }
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the request's body is longer than {BODY_LIMIT} bytes");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, ProblemKind::BadRequest, message));
        }
        Ok(Err(error)) => return Err(Refused::bad(format!("the request's body cannot be read: {error}"))),
        Ok(Ok(body)) => body.to_bytes(),
    };
    let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
    // An object and nothing else: a bare list would pass for one with every field left out.
    let object = serde_json::from_slice::<serde_json::Map<_, _>>(text);
    object
        .and_then(|object| serde_json::from_value(object.into()))
        .map_err(|error| Refused::bad(format!("the request's body is not understood: {error}")))
}

async fn requested(context: &Context, request: Request) -> Result<(Vec<ServiceId>, Option<String>), Refused> {
    let body: wire::ServicesRequest = read(context, request).await?;
    Ok((ids(&context.handle.snapshot(), &body.services)?, body.by))
}

/// A forgotten or misspelt list must not stop everything.
fn named(services: Vec<ServiceId>) -> Result<Vec<ServiceId>, Refused> {
    if services.is_empty() {
        return Err(Refused::bad("no services are named").hint("{\"services\": [\"NAME\"]}"));
    }
    Ok(services)
}

fn ids(view: &View, names: &[String]) -> Result<Vec<ServiceId>, Refused> {
    names.iter().map(|name| view.id(name).ok_or_else(|| unknown_service(view, name))).collect()
}

fn unknown_service(view: &View, name: &str) -> Refused {
    let known = view.snapshot.services.iter().map(|service| service.name.as_str());
    let near = known
        .clone()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match near {
        Some((_, near)) => format!("did you mean {near}?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    let message = format!("no service {name:?} in this stack");
    Refused::new(StatusCode::NOT_FOUND, ProblemKind::UnknownService, message).hint(hint)
}
