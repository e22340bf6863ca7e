//! Connections that become something else: bytes both ways, and an end of each.

use super::harness::Proxy;
use super::upstream::Upstream;

const ASK: &str = "GET /comms HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[test]
fn bytes_go_both_ways_whatever_they_are() {
    let upstream = Upstream::start(|visit| {
        let head = visit.head().expect("a head").to_lowercase();
        assert!(head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
        visit.send(SWITCH);
        visit.send("hello");
        while let Some(bytes) = visit.some() {
            visit.send(&String::from_utf8(bytes).expect("text").to_uppercase());
        }
    });
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send(ASK);
    let head = client.head().to_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && head.contains("sec-websocket-accept: "), "{head}");
    client.until("hello");
    // Nothing of this is HTTP, and some of it would be refused as such.
    client.send("a\nb\r\nc\n\n");
    client.until("A\nB\r\nC\n\n");
    client.send("x".repeat(300_000));
    client.until(&"X".repeat(300_000));
}

#[test]
fn an_end_that_has_said_all_still_hears_the_other() {
    let upstream = Upstream::start(|visit| {
        visit.head().expect("a head");
        visit.send(SWITCH);
        visit.hold();
        visit.send("after your end");
    });
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send(ASK);
    client.head();
    client.close_writing();
    assert_eq!(client.rest(), "after your end");
}

#[test]
fn a_service_that_declines_answers_and_the_connection_goes_on() {
    let upstream = Upstream::start(|visit| {
        while let Some(head) = visit.head() {
            let status = if head.contains("/comms") { "400 Bad Request" } else { "200 OK" };
            visit.answer(status, "plain");
        }
    });
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send(ASK);
    client.answer().expect(400);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().expect(200);
    // And its framing is still looked at.
    client.send("GET / HTTP/1.1\nhost: a\n\n");
    client.answer().expect(400);
}

#[test]
fn another_http_is_not_let_past() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    let fields = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    let text = proxy.get_with("/", fields).expect(200).text();
    assert!(!text.contains("upgrade") && !text.contains("h2c"), "{text}");
}

#[test]
fn a_switch_that_nobody_asked_for_is_no_answer() {
    let upstream = Upstream::fixed(SWITCH);
    let proxy = Proxy::before(&upstream);
    proxy.get("/").expect(502);
}
