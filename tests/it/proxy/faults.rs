//! Services that are away, slow or broken, and clients that are slow or send too much.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::harness::{Proxy, one};
use super::upstream::Upstream;
use crate::support::eventually;

/// An address at which nobody listens.
fn nobody() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address")
}

#[test]
fn a_service_that_is_away_is_named_and_back_at_once() {
    let address = nobody();
    let proxy = Proxy::with(&one(&[address], ""), &[]);
    let answer = proxy.get("/").expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let json = answer.json();
    assert_eq!((&json["service"], &json["status"]), (&"api".into(), &503.into()));
    assert!(json["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{json}");
    let page = proxy.get_with("/", "accept: text/html,*/*;q=0.8\r\n").expect(503);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("api cannot be reached") && page.text().contains("Since <time>"), "{}", page.text());
    proxy.get("/").expect(503);
    // Left alone for a while: nobody is asked.
    let away = proxy.get("/").expect(503).json();
    assert_eq!((&away["message"], &away["since"]), (&"api is away".into(), &json["since"]));
    let _upstream = Upstream::on(TcpListener::bind(address).expect("the port"), |visit| {
        while visit.head().is_some() {
            visit.answer("200 OK", "back");
        }
    });
    eventually("it is back", || {
        let answer = proxy.get("/");
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    });
    assert!(proxy.log().contains("is away; left alone for a while") && proxy.log().contains("is back"));
}

#[test]
fn a_service_that_does_not_answer_is_504() {
    let upstream = Upstream::start(super::upstream::Visit::hold);
    let proxy = Proxy::with(&one(&[upstream.address], "header_ms = 200"), &[]);
    let answer = proxy.get("/").expect(504);
    assert_eq!(answer.json()["message"], "api did not answer in time");
    // Not asked twice: it may still be at work.
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn what_may_be_repeated_is_repeated_once() {
    // The first two connections break after the request.
    let upstream = Upstream::start(|visit| {
        visit.head().expect("a head");
        match visit.number {
            0 => {}
            1 => visit.reset(),
            _ => visit.answer("200 OK", "third"),
        }
    });
    let proxy = Proxy::before(&upstream);
    let answer = proxy.get("/").expect(502);
    assert_eq!(answer.json()["message"], "api did not answer as it should");
    assert_eq!(upstream.connections(), 2);
    assert_eq!(proxy.get("/").expect(200).text(), "third");
}

#[test]
fn what_may_not_be_repeated_is_sent_once() {
    let upstream = Upstream::start(|visit| {
        let head = visit.head().expect("a head");
        visit.body(&head);
    });
    let proxy = Proxy::before(&upstream);
    proxy.ask("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc").expect(502);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_waiting_connection_that_was_closed_is_not_noticed() {
    // Closes after each answer without having said so.
    let upstream = Upstream::start(|visit| {
        if let Some(head) = visit.head() {
            visit.body(&head);
            visit.answer("200 OK", "");
        }
    });
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("WORKERS", "1")]);
    let mut client = proxy.connect();
    for _ in 0..10 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().expect(200);
    }
    assert!(!proxy.log().contains("is away"));
}

#[test]
fn what_is_no_answer_is_502() {
    let huge: &'static str = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(200 * 1024)).leak();
    for nonsense in ["SSH-2.0-OpenSSH_9.6\r\n\r\n", "HTTP/1.1 999999 X\r\n\r\n", huge] {
        let upstream = Upstream::fixed(nonsense);
        let proxy = Proxy::before(&upstream);
        proxy.get("/").expect(502);
    }
}

#[test]
fn an_answer_that_ends_early_does_not_look_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    ] {
        let upstream = Upstream::start(move |visit| {
            visit.head().expect("a head");
            visit.send(answer);
        });
        let proxy = Proxy::before(&upstream);
        let cut = proxy.get("/").expect(200);
        assert!(!cut.is_whole && cut.text().contains("abc"), "{cut:?}");
    }
}

#[test]
fn an_answer_that_stalls_is_cut_off() {
    let upstream = Upstream::start(|visit| {
        visit.head().expect("a head");
        visit.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
        visit.hold();
    });
    let proxy = Proxy::with(&one(&[upstream.address], "idle_ms = 200"), &[]);
    assert!(!proxy.get("/").expect(200).is_whole);
}

#[test]
fn an_early_answer_is_passed_on() {
    let upstream = Upstream::start(|visit| {
        visit.head().expect("a head");
        visit.answer("403 Forbidden", "no");
        visit.hold();
    });
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nabc");
    assert_eq!(client.answer().expect(403).text(), "no");
}

#[test]
fn a_dead_replica_costs_nobody_an_answer() {
    let (dead, alive) = (nobody(), Upstream::echo());
    let proxy = Proxy::with(&one(&[dead, alive.address], ""), &[]);
    for _ in 0..40 {
        proxy.get("/").expect(200);
        proxy.ask("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc").expect(200);
    }
}

#[test]
fn replicas_share_the_work() {
    let (one_of, other) = (Upstream::echo(), Upstream::echo());
    let proxy = Proxy::with(&one(&[one_of.address, other.address], ""), &[]);
    for _ in 0..60 {
        proxy.get("/").expect(200);
    }
    let counts = (one_of.heads().len(), other.heads().len());
    assert!(counts.0 > 5 && counts.1 > 5, "{counts:?}");
}

#[test]
fn too_much_is_413_as_early_as_can_be() {
    let upstream = Upstream::echo();
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("PROXY_BODY_LIMIT", "10")]);
    let told =
        proxy.ask("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\nexpect: 100-continue\r\n\r\n").expect(413);
    assert_eq!(told.json()["message"], "the body is larger than 10 bytes");
    assert_eq!(upstream.connections(), 0);
    let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut client = proxy.connect();
    client.send(format!("{chunked}8\r\n12345678\r\n"));
    client.try_send("3\r\n9ab\r\n");
    client.answer().expect(413);
    client.is_closed();
    proxy.ask(&format!("{chunked}a\r\n1234567890\r\n0\r\n\r\n")).expect(200);
    // Whoever is still sending hears of it, too.
    let mut busy = proxy.connect();
    busy.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4000000\r\n\r\n");
    busy.try_send("x".repeat(4_000_000));
    busy.answer().expect(413);
}

#[test]
fn a_slow_client_is_let_go() {
    let upstream = Upstream::echo();
    let settings = [("PROXY_HEADER_TIMEOUT", "1"), ("PROXY_STALL_TIMEOUT", "1")];
    let proxy = Proxy::with(&one(&[upstream.address], ""), &settings);
    let began = Instant::now();
    let mut slow_head = proxy.connect();
    slow_head.send("GET / HTTP/1.1\r\nhost: a\r\nx");
    let mut slow_body = proxy.connect();
    slow_body.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na");
    slow_body.answer().expect(408);
    slow_head.is_closed();
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_body_that_breaks_off_is_not_whole_for_the_service() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
    client.close_writing();
    client.answer().expect(400);
}

#[test]
fn a_head_has_a_limit() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.try_send(format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(64 * 1024)));
    assert!(client.head().starts_with("HTTP/1.1 431 "));
    proxy.get_with("/", &format!("x: {}\r\n", "x".repeat(16 * 1024))).expect(200);
}
