//! A database or the cache is cut off and comes back: requests fail fast with 503, and no restart is needed.

use std::time::{Duration, Instant};

use serde_json::json;

use super::data::data;
use super::harness::Backend;
use crate::support::cable::Cable;
use crate::support::eventually;

/// Fail fast: well below what a person or a proxy waits.
const FAST: Duration = Duration::from_secs(5);

fn body() -> serde_json::Value {
    json!({ "name": "x", "description": "d", "default": "*" })
}

#[test]
fn without_the_database_answers_are_503_at_once_and_right_again_when_it_is_back() {
    let cable = Cable::to(data().postgres_port);
    let backend = Backend::with(&[("DB_PORT", &cable.port.to_string()), ("DB_WAIT", "1")]);
    backend.user("POST", "/scopes", Some(body())).expect(201);
    cable.cut();
    let began = Instant::now();
    for _ in 0..3 {
        let answer = backend.user("GET", "/scopes", None).expect(503);
        assert_eq!(answer.json(), json!({ "error": "Failed to retrieve scopes" }));
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert!(began.elapsed() < 3 * FAST, "{:?}", began.elapsed());
    let ready = backend.send(backend.request("GET", "/health/ready")).expect(503).json();
    assert_eq!(ready["checks"]["database"]["status"], "down", "{ready}");
    // Nothing is wrong with the process itself.
    backend.send(backend.request("GET", "/health/live")).expect(200);
    cable.mend();
    let scopes = eventually("it answers again", || match backend.user("GET", "/scopes", None) {
        answer if answer.status == 200 => Ok(answer.json()),
        answer => Err(answer.text),
    });
    assert_eq!(scopes.as_array().map(Vec::len), Some(1));
    backend.send(backend.request("GET", "/health/ready")).expect(200);
}

#[test]
fn a_database_that_takes_requests_and_never_answers_is_given_up() {
    let cable = Cable::to(data().postgres_port);
    let backend = Backend::with(&[("DB_PORT", &cable.port.to_string()), ("DB_WAIT", "1")]);
    backend.user("GET", "/scopes", None).expect(200);
    cable.mute();
    let began = Instant::now();
    backend.user("GET", "/scopes", None).expect(503);
    assert!(began.elapsed() < 3 * FAST, "{:?}", began.elapsed());
    cable.mend();
    eventually("it answers again", || match backend.user("GET", "/scopes", None) {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    });
}

#[test]
fn without_the_cache_it_is_not_ready_and_what_needs_no_cache_works() {
    let cable = Cable::to(data().valkey_port);
    let backend = Backend::with(&[("DRAGONFLY_PORT", &cable.port.to_string())]);
    backend.send(backend.request("GET", "/health/ready")).expect(200);
    cable.cut();
    let ready = backend.send(backend.request("GET", "/health/ready")).expect(503).json();
    assert_eq!(ready["checks"]["cache"]["status"], "down", "{ready}");
    backend.user("GET", "/scopes", None).expect(200);
    cable.mend();
    eventually("it is ready again", || match backend.send(backend.request("GET", "/health/ready")) {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    });
}
