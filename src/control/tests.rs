//! Both ends together, and peers that do not behave.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::client::{Client, ClientError};
use super::server::{self, Limits};
use super::socket;
use super::wire::{self, Answer, EventLine, EventsQuery, ProblemKind};
use crate::engine::snapshot::Record;
use crate::engine::{Command, Outcome, Phase};
use crate::spec::ServiceId;
use crate::supervisor::handle::tests::{no_tail, service, view};
use crate::supervisor::handle::{SupervisorEnd, pair};

/// Longer than anything here takes, short enough for a person who waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server in a thread of its own with a supervisor that says `Done` to everything, as long as this lives.
struct Fixture {
    dir: tempfile::TempDir,
    path: PathBuf,
    commands: std::sync::mpsc::Receiver<Command>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

fn record(message: &str) -> Record {
    Record {
        service: "a".to_owned(),
        run: None,
        kind: "phase".to_owned(),
        phase: Some(Phase::Ready),
        message: message.to_owned(),
        cause: None,
    }
}

impl Fixture {
    fn start(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = socket::place(dir.path());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (seen, commands) = std::sync::mpsc::channel();
        let (bound_tell, bound_told) = std::sync::mpsc::channel();
        let data_dir = dir.path().to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (handle, end) =
                    pair(view(vec![service("a", Phase::Ready), service("b", Phase::Waiting)]), no_tail());
                end.record(record("one"));
                end.record(record("two"));
                let bound = socket::bind(&data_dir).unwrap();
                bound_tell.send(()).unwrap();
                tokio::select! {
                    _ = server::serve(bound, handle, limits) => {}
                    () = answer(end, seen) => {}
                    _ = stopped => {}
                }
            });
        });
        bound_told.recv_timeout(PATIENCE).unwrap();
        Self { dir, path, commands, _stop: stop }
    }

    fn raw(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and reads until the other side closes.
    fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.raw();
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn assert_alive(&self) {
        let answer = self.exchange(b"GET /health?level=alive HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

async fn answer(mut end: SupervisorEnd, seen: std::sync::mpsc::Sender<Command>) {
    loop {
        let request = tokio::select! {
            Some(request) = end.urgent.recv() => request,
            Some(request) = end.requests.recv() => request,
            else => return,
        };
        end.record(record("asked"));
        let _ = seen.send(request.command);
        let _ = request.answer.send(Outcome::Done);
    }
}

fn quick() -> Limits {
    Limits { read_timeout: Duration::from_millis(200), ..Limits::default() }
}

#[tokio::test]
async fn requests_reach_the_engine_and_answers_come_back() {
    let fixture = Fixture::start(Limits::default());
    let client = Client::connect(fixture.dir.path()).unwrap();
    let stack = client.stack().await.unwrap();
    assert_eq!(stack.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(client.start(&["b".to_owned()]).await.unwrap().outcome, Outcome::Done);
    assert_eq!(fixture.commands.recv().unwrap(), Command::Start { services: vec![ServiceId(1)] });
    client.signal("a", "HUP").await.unwrap();
    assert_eq!(fixture.commands.recv().unwrap(), Command::Signal { service: ServiceId(0), signal: 1 });
    client.shutdown(true).await.unwrap();
    assert_eq!(fixture.commands.recv().unwrap(), Command::Shutdown { now: true });
    let why = client.why("a").await.unwrap();
    assert!(why.chain[0].starts_with("a is ready"));
    assert_eq!(client.service("b").await.unwrap().phase, Phase::Waiting);
}

#[tokio::test]
async fn unknown_services_are_refused_by_name() {
    let fixture = Fixture::start(Limits::default());
    let client = Client::connect(fixture.dir.path()).unwrap();
    let Err(ClientError::Refused(problem)) = client.stop(&["zzz".to_owned()]).await else { panic!("not refused") };
    assert_eq!(problem.kind, ProblemKind::UnknownService);
    assert!(problem.message.contains("zzz") && problem.hint.unwrap().contains("a, b"));
}

#[tokio::test]
async fn events_can_be_read_from_a_number_and_followed() {
    let fixture = Fixture::start(Limits::default());
    let client = Client::connect(fixture.dir.path()).unwrap();
    let mut kept = client.events(&EventsQuery { from: Some(2), follow: false }).await.unwrap();
    assert!(matches!(kept.next().await.unwrap(), Some(EventLine::Event(event)) if event.message == "two"));
    assert_eq!(kept.next().await.unwrap(), None);
    let mut followed = client.events(&EventsQuery { from: None, follow: true }).await.unwrap();
    client.start(&[]).await.unwrap();
    let next = tokio::time::timeout(PATIENCE, followed.next()).await.unwrap().unwrap();
    assert!(matches!(next, Some(EventLine::Event(event)) if event.message == "asked" && event.sequence == 3));
}

// semantics case 69
#[test]
fn no_daemon_is_an_error_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Client::connect(dir.path()), Err(ClientError::NoDaemon { .. })));
}

// semantics case 69
#[test]
fn unknown_requests_are_named_and_every_answer_has_a_version() {
    let fixture = Fixture::start(Limits::default());
    let requests = [
        "GET /v1/nonsense",
        "DELETE /v1/stack",
        "GET /v1/services/zzz",
        "GET /v1/stack",
        "GET /health",
        "GET /v1/events",
    ];
    for request in requests {
        let answer = fixture.exchange(format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes());
        assert!(answer.contains("\"schema_version\":1"), "{request}: {answer}");
    }
    let answer = fixture.exchange(b"GET /v1/nonsense HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("unknown request: GET /v1/nonsense"), "{answer}");
}

#[test]
fn health_tells_ready_from_alive() {
    let fixture = Fixture::start(Limits::default());
    let ready = fixture.exchange(b"GET /health?level=ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("b: not ready"), "{ready}");
    fixture.assert_alive();
}

// semantics case 68
#[test]
fn a_silent_connection_is_closed_and_hurts_nobody() {
    let fixture = Fixture::start(quick());
    let mut silent = fixture.raw();
    fixture.assert_alive();
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).unwrap();
    fixture.assert_alive();
}

// semantics case 68
#[test]
fn half_a_request_is_closed_and_hurts_nobody() {
    let fixture = Fixture::start(quick());
    drop(fixture.exchange(b"GET /v1/st"));
    let late = fixture.exchange(b"POST /v1/start HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{\"ser");
    assert!(late.starts_with("HTTP/1.1 408"), "{late}");
    let mut gone = fixture.raw();
    gone.write_all(b"POST /v1/start HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{\"ser").unwrap();
    drop(gone);
    fixture.assert_alive();
    assert!(fixture.commands.try_recv().is_err(), "half a request was carried out");
}

// semantics case 68
#[test]
fn oversized_requests_are_refused() {
    let fixture = Fixture::start(Limits::default());
    let body = format!("{{\"services\":[\"{}\"]}}", "x".repeat(server::BODY_LIMIT));
    let length = body.len();
    let request =
        format!("POST /v1/start HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    let answer = fixture.exchange(request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let header = format!("GET /v1/stack HTTP/1.1\r\nhost: x\r\nbig: {}\r\n\r\n", "y".repeat(100_000));
    let answer = fixture.exchange(header.as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    fixture.assert_alive();
}

// semantics case 68
#[test]
fn malformed_requests_are_refused() {
    let fixture = Fixture::start(Limits::default());
    let answer = fixture.exchange(b"\x16\x03\x01\x02\x00 nonsense\r\n\r\n");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    for body in ["{", "[]", "{\"services\":7}", "{}"] {
        let length = body.len();
        let request =
            format!("POST /v1/stop HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        let answer = fixture.exchange(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("\"bad-request\""), "{answer}");
    }
    fixture.assert_alive();
}

// semantics case 68
#[test]
fn two_requests_in_one_packet_get_two_answers() {
    let fixture = Fixture::start(Limits::default());
    let answer = fixture.exchange(
        b"GET /v1/stack HTTP/1.1\r\nhost: x\r\n\r\nGET /v1/services/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
}

// semantics case 68
#[test]
fn of_200_connections_the_surplus_is_told_and_the_rest_served() {
    let fixture = Fixture::start(Limits { read_timeout: PATIENCE, ..Limits::default() });
    // Served ones keep silent while they are idle; the others are told at once.
    let mut idle = Vec::new();
    let mut told = 0;
    for number in 0..200 {
        let mut stream = fixture.raw();
        if number < server::CONNECTIONS {
            stream.write_all(b"GET /health?level=alive HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            let mut start = [0; 12];
            stream.read_exact(&mut start).unwrap();
            assert_eq!(&start, b"HTTP/1.1 200");
            idle.push(stream);
        } else {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"busy\""), "{answer}");
            told += 1;
        }
    }
    assert_eq!(told, 200 - server::CONNECTIONS);
    idle[0].write_all(b"GET /health?level=alive HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut rest = String::new();
    idle[0].read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 200"), "{rest}");
}

// semantics case 69
#[test]
fn answers_of_version_1_keep_loading() {
    let text = include_str!("../../tests/fixtures/wire/stack-1.json");
    let stack = serde_json::from_str::<Answer<wire::Stack>>(text).unwrap();
    assert_eq!(stack.schema_version, wire::SCHEMA_VERSION);
    let services = &stack.body.services;
    assert_eq!(services[0].last_exit.unwrap().to_string(), "killed by SIGKILL");
    assert!(services[1].is_settled() && services[2].is_settled() && !services[3].is_settled());
    assert_eq!(services[3].reason().unwrap(), "waits for nodered ready");

    let lines = include_str!("../../tests/fixtures/wire/events-1.ndjson").lines();
    let events = lines.map(|line| serde_json::from_str::<Answer<EventLine>>(line).unwrap().body).collect::<Vec<_>>();
    assert!(matches!(&events[0], EventLine::Resync { resync } if resync.to == 7));
    assert!(matches!(&events[1], EventLine::Event(event) if event.sequence == 8 && event.phase == Some(Phase::Ready)));

    let text = include_str!("../../tests/fixtures/wire/error-1.json");
    let error = serde_json::from_str::<Answer<wire::ErrorAnswer>>(text).unwrap().body.error;
    assert_eq!((error.kind, error.message.as_str()), (ProblemKind::Other, "no"));
}
