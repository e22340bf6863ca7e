//! The stack as an administrator sees and steers it: a backend that reeve runs, and one that it does not.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::harness::{Backend, PREFIX};
use crate::support::{PATIENCE, Stack, eventually};

const READ: &[&str] =
    &["/system", "/system/events", "/system/services/x", "/system/services/x/logs", "/system/services/x/logs/stream"];
const WRITE: &[&str] = &["/system/services/x/start", "/system/services/x/stop", "/system/services/x/restart"];

/// A backend in a stack of its own, beside a service that talks.
struct Steered {
    backend: Backend,
    stack: Stack,
}

impl Steered {
    fn with(grant: &str) -> Self {
        let mut backend = Backend::prepared(&[("PORT", "")]);
        let env = backend.environment().iter().filter(|(name, _)| *name != "PORT");
        let env = env.map(|(name, value)| format!("{name} = {}\n", json!(value))).collect::<String>();
        let stack = Stack::new(&format!(
            r#"
[stack]
name = "steered"
[services.plain]
description = "says its password"
command = ["sh", "-c", 'echo "the word is $WORD"; exec sleep 1000']
env = {{ WORD = "${{secret.word}}" }}
health = {{ log = "the word" }}
[services.needed]
command = ["sleep", "1000"]
health = {{ delay = "0s" }}
[services.backend]
command = ["${{reeve}}", "serve", "backend"]
control = "{grant}"
ports = {{ http = "auto" }}
depends_on = ["needed"]
health = {{ http = "/health/ready" }}
[services.backend.env]
PORT = "${{self.port}}"
{env}"#
        ));
        stack.up();
        backend.address = format!("http://{}", stack.service("backend")["ports"]["http"].as_str().expect("an address"));
        Self { backend, stack }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.backend.admin("GET", path, None).expect(200).json()
    }

    #[track_caller]
    fn service(&self, name: &str) -> Value {
        let stack = self.get("/system");
        let services = stack["services"].as_array().expect("services");
        services.iter().find(|service| service["name"] == name).expect(name).clone()
    }

    /// An event stream, line by line.
    fn follow(&self, path: &str) -> Following {
        let address = self.backend.address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the backend");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let token = self.backend.token("ADMIN");
        write!(stream, "GET {PREFIX}{path} HTTP/1.1\r\nhost: {address}\r\nx-access-token: {token}\r\n\r\n")
            .expect("sent");
        let mut following = Following(BufReader::new(stream));
        assert!(following.line().starts_with("HTTP/1.1 200"));
        let mut head = Vec::new();
        loop {
            match following.line() {
                line if line.is_empty() => break,
                line => head.push(line.to_lowercase()),
            }
        }
        assert!(head.contains(&"content-type: text/event-stream".to_owned()), "{head:?}");
        following
    }
}

struct Following(BufReader<TcpStream>);

impl Following {
    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).expect("a line in time");
        assert_ne!(read, 0, "the stream has ended");
        line.trim_end().to_owned()
    }

    /// The data of the next event of this kind that is like this.
    #[track_caller]
    fn next(&mut self, event: &str, like: impl Fn(&Value) -> bool) -> Value {
        loop {
            if self.line() != format!("event: {event}") {
                continue;
            }
            let line = self.line();
            let data: Value = serde_json::from_str(line.strip_prefix("data: ").expect("data")).expect("JSON");
            if like(&data) {
                return data;
            }
        }
    }

    /// Whatever comes until the end.
    fn end(mut self) {
        let mut line = String::new();
        while self.0.read_line(&mut line).expect("an end in time") > 0 {
            line.clear();
        }
    }
}

#[test]
fn only_administrators_may_look_and_without_reeve_there_is_nothing_to_see() {
    let backend = Backend::start();
    for (method, paths) in [("GET", READ), ("POST", WRITE)] {
        for path in paths {
            backend.call(method, path, None, None).is(401, json!({ "message": "No token provided" }));
            for role in ["USER", "DEVELOPER"] {
                let token = backend.token(role);
                backend.call(method, path, Some(&token), None).is(403, json!({ "message": "Forbidden" }));
            }
            let away = backend.admin(method, path, None).expect(503).json();
            assert!(away["message"].as_str().unwrap().contains("not started by reeve"), "{away}");
        }
    }
}

#[test]
fn the_stack_is_shown_with_what_each_service_uses_and_why_it_is_there() {
    let steered = Steered::with("manage");
    let stack = steered.get("/system");
    assert_eq!((&stack["name"], &stack["shuttingDown"]), (&json!("steered"), &json!(false)));
    let plain = steered.service("plain");
    assert_eq!((&plain["phase"], &plain["state"], &plain["ready"]), (&json!("ready"), &json!("ready"), &json!(true)));
    assert_eq!(plain["description"], "says its password");
    assert_eq!(plain["pid"], steered.stack.pid("plain"));
    assert!(plain["memoryBytes"].as_u64().unwrap() > 0 && plain["cpuPercent"].is_number(), "{plain}");
    assert!(plain["since"].as_str().unwrap() >= plain["startedAt"].as_str().unwrap(), "{plain}");
    let own = steered.service("backend");
    let needed = json!({ "service": "needed", "condition": "ready", "required": true, "missing": false });
    assert_eq!(own["waitsFor"], json!([needed]));
    assert_eq!((&own["stopNeedsForce"], &own["restartNeedsForce"]), (&json!(true), &json!(true)));

    let details = steered.get("/system/services/plain");
    assert!(details["why"][0].as_str().unwrap().starts_with("plain is ready"), "{details}");
    let phases = details["events"].as_array().unwrap().iter().map(|event| event["phase"].clone()).collect::<Vec<_>>();
    assert!(phases.contains(&json!("ready")), "{details}");
    let unknown = steered.backend.admin("GET", "/system/services/plian", None).expect(404).json();
    assert!(unknown["message"].as_str().unwrap().contains("did you mean plain?"), "{unknown}");

    let log = steered.get("/system/services/plain/logs?lines=10");
    let line = log["lines"].as_array().unwrap().iter().find(|line| line["stream"] == "stdout").unwrap().clone();
    assert_eq!(line["text"], "the word is [secret]");
    assert_eq!(steered.get("/system/services/plain/logs?since=2999-01-01T00:00:00Z")["lines"], json!([]));
    for bad in ["lines=0", "lines=x", "since=yesterday"] {
        steered.backend.admin("GET", &format!("/system/services/plain/logs?{bad}"), None).expect(400);
    }
    steered.backend.admin("GET", "/system/services/plian/logs/stream", None).expect(404);
}

#[test]
fn a_service_is_stopped_started_and_restarted_and_the_streams_tell() {
    let steered = Steered::with("manage");
    let act = |service: &str, action: &str| {
        steered.backend.admin("POST", &format!("/system/services/{service}/{action}"), None)
    };
    let mut events = steered.follow("/system/events");
    events.next("resync", |_| true);
    let mut log = steered.follow("/system/services/plain/logs/stream?lines=5");
    log.next("line", |line| line["text"] == "the word is [secret]");

    let pid = steered.stack.pid("plain");
    assert_eq!(act("plain", "restart").expect(200).json()["outcome"], "done");
    let asked = events.next("change", |event| event["kind"] == "asked");
    assert_eq!(asked["message"], "restart of plain was asked for by tester through backend");
    events.next("change", |event| event["service"] == "plain" && event["phase"] == "ready");
    log.next("line", |line| line["text"] == "the word is [secret]");
    assert_ne!(steered.stack.pid("plain"), pid);

    assert_eq!(act("plain", "stop").expect(200).json()["outcome"], "done");
    let stopped = steered.service("plain");
    assert_eq!((&stopped["state"], &stopped["stoppedByHand"]), (&json!("stopped by hand"), &json!(true)));
    assert_eq!(act("plain", "stop").expect(200).json()["outcome"], "already-so");
    assert_eq!(act("plain", "start").expect(200).json()["outcome"], "done");
    steered.stack.await_phase("plain", "ready");
    act("plian", "stop").expect(404);
    steered.backend.admin("POST", "/system/services/plain/stop?force=perhaps", None).expect(400);
}

#[test]
fn what_carries_the_answer_goes_only_by_force() {
    let steered = Steered::with("manage");
    let (pid, needed) = (steered.stack.pid("backend"), steered.stack.pid("needed"));
    for (service, action) in [("backend", "stop"), ("backend", "restart"), ("needed", "stop")] {
        let path = format!("/system/services/{service}/{action}");
        let refused = steered.backend.admin("POST", &path, None).expect(409).json();
        assert!(refused["message"].as_str().unwrap().contains("force=true"), "{refused}");
    }
    // The backend goes on without it for the moment that this takes.
    steered.backend.admin("POST", "/system/services/needed/restart", None).expect(200);
    assert_ne!(steered.stack.pid("needed"), needed);
    assert_eq!(steered.stack.pid("backend"), pid);
    // An open stream does not hold up the end of the one that serves it.
    let mut events = steered.follow("/system/events");
    events.next("resync", |_| true);
    let answer = steered.backend.admin("POST", "/system/services/backend/restart?force=true", None).expect(202).json();
    assert_eq!(answer["outcome"], "under-way");
    events.end();
    eventually("another backend", || match steered.stack.service("backend") {
        service if service["phase"] == "ready" && service["pid"] != pid => Ok(()),
        service => Err(service.to_string()),
    });
    steered.get("/system");
}

#[test]
fn a_grant_to_read_does_not_steer() {
    let steered = Steered::with("read");
    steered.get("/system/services/plain/logs");
    let pid = steered.stack.pid("plain");
    let refused = steered.backend.admin("POST", "/system/services/plain/restart", None).expect(503).json();
    assert!(refused["message"].as_str().unwrap().contains("backend was not granted"), "{refused}");
    assert_eq!(steered.stack.pid("plain"), pid);
}
