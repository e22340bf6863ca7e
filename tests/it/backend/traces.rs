//! Traces go to an OTLP collector when one is named; here a listener that keeps what it is sent.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::harness::{Backend, PREFIX};
use crate::doubles::grafana_http::{self, Grafana};
use crate::doubles::openai::OpenAi;
use crate::doubles::registry::Registry;
use crate::doubles::{Asked, github, node_red};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Answers 200 to every request and keeps them all.
fn collector() -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let seen = Arc::<Mutex<Vec<u8>>>::default();
    let kept = seen.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let kept = kept.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 16 << 10];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    kept.lock().expect("kept").extend(&bytes[..count]);
                    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, seen)
}

#[test]
fn a_request_continues_its_caller_s_trace() {
    let (port, seen) = collector();
    let grafana = Grafana::start();
    let mut backend = Backend::with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{port}")),
        ("GRAFANA_URL", &grafana.url()),
        ("GRAFANA_USER", grafana_http::USER),
        ("GRAFANA_PASSWORD", grafana_http::PASSWORD),
    ]);
    let ask = |parent: Option<String>| {
        let request = backend.request("GET", "/api/v1/grafana/folder").header("x-access-token", backend.token("USER"));
        let request = parent.into_iter().fold(request, |request, parent| request.header("traceparent", parent));
        backend.send(request).expect(200);
        grafana.server.last().header("traceparent").expect("a trace").to_owned()
    };
    // Who is asked because of it hears of our span, not of the caller's.
    let told = ask(Some(format!("00-{TRACE}-{SPAN}-01")));
    assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-01") && !told.contains(SPAN), "{told}");
    assert!(!ask(None).contains(TRACE), "a trace of its own");
    // What was not sent yet is sent at the end.
    assert_eq!(backend.stop(), 0);
    let seen = seen.lock().expect("seen");
    let contains = |needle: &[u8]| seen.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"POST /v1/traces"), "{}", String::from_utf8_lossy(&seen));
    assert!(contains(b"status-backend"));
    let id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&TRACE[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(contains(&id), "the caller's trace");
    assert!(!contains(super::harness::SECRET.as_bytes()));
}

#[test]
fn without_a_collector_the_platform_s_own_parts_hear_of_the_caller_s_trace_and_nobody_else_does() {
    let (grafana, registry, openai) = (Grafana::start(), Registry::start(), OpenAi::start());
    let (node_red, github) = (node_red::start(), github::start());
    let backend = Backend::with(&[
        ("GRAFANA_URL", &grafana.url()),
        ("GRAFANA_USER", grafana_http::USER),
        ("GRAFANA_PASSWORD", grafana_http::PASSWORD),
        ("REGISTRY_URL", &registry.server.url()),
        ("NODE_RED_URL", &node_red.url()),
        ("USER_STATUS", node_red::USER),
        ("PASS_STATUS", node_red::PASSWORD),
        ("OPENAI_BASE_URL", &openai.url()),
        ("AI_API_KEY", crate::doubles::openai::KEY),
        ("AI_ORG_ID", crate::doubles::openai::ORGANISATION),
        ("GITHUB_URL", &github.url()),
    ]);
    backend.sql(r#"INSERT INTO catalog (name, "startDate", "tpaId") VALUES ('c', now(), 'tpa-1')"#);
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let ask = |method: &str, path: &str, parent: &str, body: serde_json::Value| {
        let request =
            backend.request(method, &format!("{PREFIX}{path}")).header("x-access-token", backend.token("USER"));
        let request = request.header("x-request-id", "of-the-test").header("tracestate", "vendor=1");
        backend.send(request.header("traceparent", parent).json(&body))
    };
    let metric = json!({ "endpoint": "/flow", "params": {}, "window": {} });
    let computation = json!({ "metric": metric, "config": { "backendUrl": "http://here/" } });
    ask("GET", "/grafana/folder", &parent, json!({})).expect(200);
    ask("POST", "/computations", &parent, computation).expect(201);
    ask("GET", "/catalogs/tpa-1/points", &parent, json!({})).expect(200);
    ask("POST", "/assistant", &parent, json!({ "name": "x" })).expect(201);
    ask("GET", "/ghAccessToken?code=x", &parent, json!({})).expect(200);
    let known =
        |asked: &Asked| ["x-request-id", "traceparent", "tracestate"].map(|name| asked.header(name).map(str::to_owned));
    let all = [Some("of-the-test".to_owned()), Some(parent), Some("vendor=1".to_owned())];
    for own in [&grafana.server, &registry.server, &node_red] {
        let asked = own.asked();
        assert!(!asked.is_empty() && asked.iter().all(|asked| known(asked) == all), "{asked:?}");
    }
    for stranger in [&openai.server, &github] {
        let asked = stranger.asked();
        assert!(!asked.is_empty() && asked.iter().all(|asked| known(asked) == [None, None, None]), "{asked:?}");
    }
    // What is no trace is not handed on, the id is.
    ask("GET", "/grafana/folder", "00-nonsense-01", json!({})).expect(200);
    assert_eq!(known(&grafana.server.last()), [Some("of-the-test".to_owned()), None, None]);
}
