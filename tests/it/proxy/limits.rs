//! What a client may ask for, and what is written down about it.

use super::harness::{Client, Proxy, one};
use super::upstream::Upstream;
use crate::support::eventually;

#[test]
fn a_client_that_asks_too_often_is_told_to_wait() {
    let upstream = Upstream::echo();
    let settings = [("PROXY_RATE", "1"), ("PROXY_RATE_BURST", "3"), ("PROXY_TRUSTED", "127.0.0.1")];
    let proxy = Proxy::with(&one(&[upstream.address], ""), &settings);
    for _ in 0..3 {
        proxy.get_with("/", "x-forwarded-for: 203.0.113.9\r\n").expect(200);
    }
    let refused = proxy.get_with("/", "x-forwarded-for: 203.0.113.9\r\n").expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.json()["message"].as_str().is_some_and(|text| text.starts_with("too many requests")));
    proxy.get_with("/", "x-forwarded-for: 203.0.113.10\r\n").expect(200);
}

#[test]
fn a_client_with_too_many_connections_gets_no_further_one() {
    let upstream = Upstream::echo();
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("PROXY_CLIENT_CONNECTIONS", "2")]);
    let mut open: Vec<Client> = (0..2).map(|_| proxy.connect()).collect();
    for client in &mut open {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().expect(200);
    }
    for _ in 0..2 {
        let refused = proxy.get("/").expect(429);
        assert_eq!((refused.header("retry-after"), refused.header("connection")), (Some("1"), Some("close")));
        assert_eq!(refused.json()["message"], "too many connections from this address");
    }
    // Once, however many there are.
    assert_eq!(proxy.log().matches("too many connections of one client").count(), 1, "{}", proxy.log());
    open.pop();
    eventually("there is room again", || {
        let answer = proxy.get("/");
        if answer.status == 200 { Ok(()) } else { Err(answer.head) }
    });
}

#[test]
fn requests_are_written_down_without_their_secrets() {
    let upstream = Upstream::echo();
    let mut proxy = Proxy::before(&upstream);
    proxy.get_with(
        "/a?token=geheim",
        "x-request-id: abc\r\nuser-agent: a\"b\r\nreferer: https://b.example/c?token=geheim\r\n",
    );
    let line = eventually("a line", || {
        let text = proxy.access_log();
        if text.contains('\n') { Ok(text) } else { Err(text) }
    });
    assert!(line.starts_with("127.0.0.1 - - [") && line.contains(" +0000] \"GET /a HTTP/1.1\" 200 "), "{line}");
    assert!(line.contains(r#" "https://b.example/c" "a\x22b" abc 0."#) && line.ends_with(" api\n"), "{line}");
    assert!(!line.contains("geheim"));
    // What was asked last is written at the end.
    proxy.get("/last").expect(200);
    assert_eq!(proxy.stop(), 0);
    assert_eq!(proxy.access_log().matches("GET /last ").count(), 1);
}

#[test]
fn measurements_and_health_have_a_port_of_their_own() {
    let upstream = Upstream::echo();
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("PROXY_METRICS", "127.0.0.1:0")]);
    proxy.get("/").expect(200);
    proxy.ask("GET / HTTP/1.1\nhost: a\n\n").expect(400);
    let address = format!("127.0.0.1:{}", proxy.metrics_port.expect("a port"));
    let ask = |path: &str| {
        let mut client = Client::to(&address);
        client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
        client.answer()
    };
    assert_eq!(ask("/health/ready").expect(200).json()["status"], "ready");
    ask("/health/live").expect(200);
    let text = ask("/metrics").expect(200).text();
    for line in [
        "http_requests_total{route=\"/\",status=\"2xx\"} 1",
        "proxy_refused_framing_total{reason=\"bare_line_feed\"} 1",
        "http_request_duration_seconds_count{route=\"/\"} 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    // To the outside it is an address like any other.
    assert!(proxy.get("/metrics").expect(200).text().starts_with("GET /metrics "));
}

#[test]
fn what_is_wrong_is_told_at_the_start() {
    let proxy = Proxy::prepared("[[routes]]\npath = \"/\"\nservice = \"api\"\n", &[]);
    let done = proxy.command().stderr(std::process::Stdio::piped()).output().expect("reeve runs");
    let text = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(5), "{text}");
    assert!(text.contains("there is no service \"api\"") && text.contains("docs/proxy.md"), "{text}");
}
