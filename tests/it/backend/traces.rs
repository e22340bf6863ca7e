//! Traces go to an OTLP collector when one is named; here a listener that keeps what it is sent.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::harness::Backend;

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
    let mut backend = Backend::with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{port}"))]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = backend.request("GET", "/api/v1/scopes").header("x-access-token", backend.token("USER"));
    backend.send(request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))).expect(200);
    // What was not sent yet is sent at the end.
    assert_eq!(backend.stop(), 0);
    let seen = seen.lock().expect("seen");
    let contains = |needle: &[u8]| seen.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"POST /v1/traces"), "{}", String::from_utf8_lossy(&seen));
    assert!(contains(b"status-backend"));
    let id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(contains(&id), "the caller's trace");
    assert!(!contains(super::harness::SECRET.as_bytes()));
}
