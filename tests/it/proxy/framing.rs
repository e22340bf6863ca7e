//! Requests that two readers could read differently are refused, and nothing of them reaches a service.

use super::harness::Proxy;
use super::upstream::Upstream;

#[test]
fn what_is_ambiguous_is_400_and_the_end_of_the_connection() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    for (name, request) in [
        (
            "both lengths",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "the other way round",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        ),
        ("a length twice", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nabcd"),
        ("two lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 0\r\n\r\nabcd"),
        ("a list of lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4, 4\r\n\r\nabcd"),
        ("a signed length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\nabcd"),
        ("another encoding", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("an encoding in disguise", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \u{b}chunked\r\n\r\n0\r\n\r\n"),
        ("an encoding in 1.0", "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a folded line", "GET / HTTP/1.1\r\nhost: a\r\nx: b\r\n c\r\n\r\n"),
        ("a bare line feed", "GET / HTTP/1.1\r\nhost: a\nx: b\r\n\r\n"),
        ("a bare carriage return", "GET / HTTP/1.1\r\nhost: a\rx: b\r\n\r\n"),
        ("a space before the colon", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length : 4\r\n\r\nabcd"),
        ("no Host", "GET / HTTP/1.1\r\n\r\n"),
        ("two Hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
        ("a strange Host", "GET / HTTP/1.1\r\nhost: a@b\r\n\r\n"),
        ("a path that bends", "GET /a/../b HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("a path that bends in disguise", "GET /a/%2e%2e%2fb HTTP/1.1\r\nhost: a\r\n\r\n"),
    ] {
        let mut client = proxy.connect();
        client.send(format!("{request}{smuggled}"));
        let answers = client.rest();
        assert!(answers.starts_with("HTTP/1.1 400 "), "{name}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{name}: {answers}");
    }
    assert_eq!(upstream.heads(), Vec::<String>::new());
}

#[test]
fn a_chunk_that_is_none_ends_the_request_everywhere() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    for chunk in ["x\r\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\r\nabc\n0\r\n\r\n"] {
        let mut client = proxy.connect();
        client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send("2\r\nok\r\n");
        client.try_send(format!("{chunk}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"));
        let answers = client.rest();
        assert!(answers.starts_with("HTTP/1.1 400 "), "{chunk:?}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{chunk:?}: {answers}");
    }
    assert!(upstream.heads().iter().all(|head| !head.contains("smuggled")), "{:?}", upstream.heads());
}

#[test]
fn requests_that_follow_each_other_are_answered_in_order() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send(
        "\r\nPOST /1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n\
         POST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n\n\nGET /3 HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    for path in ["POST /1 ", "POST /2 ", "GET /3 "] {
        let answer = client.answer().expect(200);
        assert!(answer.text().starts_with(path), "{}", answer.text());
    }
}
