//! What a service gets of a request, and a client of its answer.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::harness::{Proxy, one};
use super::upstream::Upstream;

#[test]
fn routes_are_found_rewritten_and_completed() {
    let (api, other) = (Upstream::echo(), Upstream::echo());
    let config = format!(
        "[services]\napi = {{ addresses = [\"{}\"] }}\nother = {{ addresses = [\"{}\"], host = \"address\" }}\n\
         [[routes]]\npath = \"/backend\"\nservice = \"api\"\nrewrite = \"/api/v1\"\nredirect = true\n\
         [[routes]]\npath = \"/backend/other\"\nservice = \"other\"\n",
        api.address, other.address,
    );
    let proxy = Proxy::with(&config, &[]);
    assert!(proxy.get("/backend/x/%41?a=b&c").expect(200).text().starts_with("GET /api/v1/x/%41?a=b&c HTTP/1.1\r\n"));
    assert!(proxy.get("/backend/?q").expect(200).text().starts_with("GET /api/v1/?q HTTP/1.1\r\n"));
    let redirect = proxy.get("/backend?a=b").expect(308);
    assert_eq!(redirect.header("location"), Some("/backend/?a=b"));
    let text = proxy.get("/backend/other/y").expect(200).text();
    assert!(text.starts_with("GET /backend/other/y HTTP/1.1\r\n"), "{text}");
    assert!(text.contains(&format!("host: {}\r\n", other.address)), "{text}");
    let missing = proxy.get("/backends").expect(404);
    assert_eq!(missing.json()["message"], "there is nothing at this address");
    let absolute = proxy.ask("GET http://b.example/backend/x HTTP/1.1\r\nhost: a.example\r\n\r\n").expect(200).text();
    assert!(
        absolute.starts_with("GET /api/v1/x HTTP/1.1\r\n") && absolute.contains("host: b.example\r\n"),
        "{absolute}"
    );
}

#[test]
fn a_stranger_cannot_say_who_it_is_and_a_trusted_proxy_can() {
    let upstream = Upstream::echo();
    let fields = "x-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\nforwarded: for=6.6.6.6\r\n\
                  x-request-id: abc\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
                  connection: x-mine\r\nx-mine: 1\r\nkeep-alive: 5\r\n";
    let proxy = Proxy::before(&upstream);
    let answer = proxy.get_with("/", fields).expect(200);
    assert_eq!(answer.header("x-request-id"), Some("abc"));
    let text = answer.text();
    for wanted in [
        "x-forwarded-for: 127.0.0.1\r\n",
        "x-forwarded-proto: http\r\n",
        "x-forwarded-host: status.example\r\n",
        "x-real-ip: 127.0.0.1\r\n",
        "forwarded: for=127.0.0.1;host=\"status.example\";proto=http\r\n",
        "host: status.example\r\n",
        "x-request-id: abc\r\n",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        "via: 1.1 reeve\r\n",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    for unwanted in ["6.6.6.6", "x-mine", "keep-alive"] {
        assert!(!text.contains(unwanted), "{unwanted} in {text}");
    }
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("PROXY_TRUSTED", "127.0.0.0/8")]);
    let text = proxy.get_with("/", fields).expect(200).text();
    for wanted in ["x-forwarded-for: 6.6.6.6, 127.0.0.1\r\n", "x-forwarded-proto: https\r\n", "x-real-ip: 6.6.6.6\r\n"]
    {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

#[test]
fn only_the_names_that_are_ours_are_answered_to() {
    let upstream = Upstream::echo();
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("PROXY_HOSTS", "status.example")]);
    proxy.get("/").expect(200);
    proxy.ask("GET / HTTP/1.1\r\nhost: STATUS.example:8080\r\n\r\n").expect(200);
    proxy.ask("GET / HTTP/1.1\r\nhost: other.example\r\n\r\n").expect(421);
}

#[test]
fn connections_to_a_service_are_used_again() {
    let upstream = Upstream::echo();
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("WORKERS", "1")]);
    let mut client = proxy.connect();
    for path in 0..5 {
        client.send(format!("GET /{path} HTTP/1.1\r\nhost: a\r\n\r\n"));
        client.answer().expect(200);
    }
    client.send("POST /last HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
    assert!(client.answer().expect(200).text().ends_with("abc"));
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_body_is_asked_for_when_the_service_is_there() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 100 "));
    client.send("abc");
    let text = client.answer().expect(200).text();
    assert!(text.ends_with("abc") && !text.contains("expect"), "{text}");
}

#[test]
fn trailers_pass_both_ways() {
    let upstream = Upstream::start(|visit| {
        let head = visit.head().expect("a head");
        let body = String::from_utf8_lossy(&visit.body(&head)).into_owned();
        let sum = body.lines().find(|line| line.starts_with("x-sum")).expect("a trailer").to_owned();
        visit.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\n");
        visit.send(&format!("{sum}\r\n\r\n"));
    });
    let proxy = Proxy::before(&upstream);
    let answer = proxy.ask(
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nte: trailers\r\nconnection: te\r\n\
         trailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n",
    );
    assert!(answer.clone().expect(200).text().ends_with("0\r\nx-sum: 42\r\n\r\n"), "{answer:?}");
}

#[test]
fn a_client_that_has_said_all_still_hears_the_answer() {
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::start(move |visit| {
        visit.head().expect("a head");
        wait.lock().expect("a lock").recv().expect("the release");
        visit.answer("200 OK", "late");
    });
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.close_writing();
    crate::support::eventually("the service is asked", || if upstream.heads().is_empty() { Err("") } else { Ok(()) });
    release.send(()).expect("released");
    assert_eq!(client.answer().expect(200).text(), "late");
}

#[test]
fn events_are_passed_on_as_they_come() {
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::start(move |visit| {
        visit.head().expect("a head");
        visit.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        visit.send("9\r\ndata: 1\n\n\r\n");
        wait.lock().expect("a lock").recv().expect("the release");
        visit.send("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    });
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
    // The first is here before the second is sent.
    client.until("data: 1\n\n");
    release.send(()).expect("released");
    client.until("data: 2\n\n");
}

#[test]
fn a_body_is_passed_on_while_it_comes() {
    let (sender, seen) = channel::<Vec<u8>>();
    let sender = Mutex::new(sender);
    let upstream = Upstream::start(move |visit| {
        visit.head().expect("a head");
        let first = visit.some().expect("a piece");
        sender.lock().expect("a lock").send(first).expect("sent");
        visit.some().expect("another piece");
        visit.answer("200 OK", "");
    });
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc");
    assert_eq!(seen.recv_timeout(crate::support::PATIENCE).expect("a piece"), b"abc");
    client.send("def");
    client.answer().expect(200);
}

#[test]
fn answers_without_a_body_have_none() {
    for (answer, status) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 100\r\n\r\n", 304),
        ("HTTP/1.0 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", 200),
    ] {
        let upstream = Upstream::fixed(answer);
        let proxy = Proxy::before(&upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            client.answer().expect(status);
        }
    }
    let upstream = Upstream::fixed("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n");
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n");
        assert!(client.head().to_lowercase().contains("content-length: 1234\r\n"));
    }
}

#[test]
fn every_answer_is_given_what_protects_the_browser() {
    let upstream = Upstream::fixed("HTTP/1.1 200 OK\r\nx-frame-options: DENY\r\ncontent-length: 0\r\n\r\n");
    let proxy = Proxy::before(&upstream);
    let answer = proxy.get("/").expect(200);
    assert_eq!(answer.headers("x-frame-options"), ["DENY"]);
    assert_eq!(answer.headers("x-content-type-options"), ["nosniff"]);
    assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[test]
fn eight_megabytes_go_both_ways() {
    let upstream = Upstream::start(|visit| {
        while let Some(head) = visit.head() {
            let body = visit.body(&head);
            visit.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()));
            visit.send(&String::from_utf8(body).expect("text"));
        }
    });
    let proxy = Proxy::before(&upstream);
    let body = "0123456789abcdef".repeat(512 * 1024);
    let mut client = proxy.connect();
    client.send(format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len()));
    client.send(&body);
    assert!(client.answer().expect(200).text() == body);
}
