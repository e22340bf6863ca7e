//! HTTP/2 in clear, from clients and to services, and WebSockets within it.

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::ext::Protocol;
use hyper::{Method, Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{Proxy, one};
use super::upstream::Upstream;
use crate::support::{block_on, eventually};

fn client() -> reqwest::Client {
    reeve::serve::install_tls();
    reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client")
}

#[test]
fn a_client_that_knows_may_speak_http_2_in_clear() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    let client = client();
    let url = format!("http://{}/x?y", proxy.address);
    block_on(async {
        let all = (0..20).map(|_| async {
            let response = client.post(&url).body("abc").send().await.expect("an answer");
            assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
            response.text().await.expect("a body")
        });
        for text in futures_util::future::join_all(all).await {
            assert!(text.starts_with("POST /x?y HTTP/1.1\r\n") && text.ends_with("abc"), "{text}");
            assert!(text.contains(&format!("host: {}\r\n", proxy.address)), "{text}");
        }
    });
    // And its neighbour may still speak what everybody does, also a byte at a time.
    let mut slow = proxy.connect();
    for piece in ["P", "R", "OPFIND / HTTP/1.1\r\nhost: a\r\n\r\n"] {
        slow.send(piece);
    }
    assert!(slow.answer().expect(200).text().starts_with("PROPFIND / "));
}

#[test]
fn a_service_that_wants_http_2_gets_it_over_one_connection() {
    let upstream = Upstream::echo();
    let mut inner = Proxy::with(&one(&[upstream.address], ""), &[("WORKERS", "1"), ("PROXY_METRICS", "127.0.0.1:0")]);
    let address = inner.address.parse().expect("an address");
    let outer = Proxy::with(&one(&[address], "protocol = \"h2c\""), &[("WORKERS", "1")]);
    for number in 0..5 {
        let fields = "content-length: 3\r\nte: trailers\r\n";
        let mut client = outer.connect();
        client.send(format!("PUT /{number} HTTP/1.1\r\nhost: status.example\r\n{fields}\r\nabc"));
        let text = client.answer().expect(200).text();
        assert!(text.starts_with(&format!("PUT /{number} HTTP/1.1\r\n")) && text.ends_with("abc"), "{text}");
        assert!(text.contains("host: status.example\r\n"), "{text}");
        assert_eq!(
            text.matches("via: 1.1 reeve\r\n").count() + text.matches("via: 1.1 reeve, 1.1 reeve").count(),
            2,
            "{text}"
        );
    }
    let mut scrape = super::harness::Client::to(&format!("127.0.0.1:{}", inner.metrics_port.expect("a port")));
    scrape.send("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
    let measured = scrape.answer().text();
    assert!(measured.contains("proxy_connections 1\n"), "{measured}");
    // It asks for no upgrade where there can be none.
    let fields = "connection: upgrade\r\nupgrade: websocket\r\n";
    assert!(!outer.get_with("/", fields).expect(200).text().contains("upgrade"));
    assert_eq!(inner.stop(), 0);
    let log = inner.access_log();
    assert_eq!(log.matches("\"PUT /").count(), 5, "{log}");
    assert!(log.contains("\"PUT /4 HTTP/2.0\" 200 "), "{log}");
    // Away and back: the connection is made anew.
    outer.get("/").expect(503);
    let port = address.port().to_string();
    let _again = Proxy::with(&one(&[upstream.address], ""), &[("PORT", &port)]);
    eventually("it is back", || {
        let answer = outer.get("/");
        if answer.status == 200 { Ok(()) } else { Err(answer.head) }
    });
}

#[test]
fn a_websocket_within_http_2_is_one_of_its_own_to_the_service() {
    let upstream = Upstream::start(|visit| {
        let head = visit.head().expect("a head").to_lowercase();
        if head.starts_with("get /no ") {
            return visit.answer("403 Forbidden", "no");
        }
        assert!(head.starts_with("get /comms http/1.1\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
        assert!(head.contains("connection: upgrade\r\n") && head.contains("sec-websocket-key: "), "{head}");
        assert!(head.contains("sec-websocket-protocol: mqtt\r\n"), "{head}");
        visit.send("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\nsec-websocket-protocol: mqtt\r\n\r\nhello");
        while let Some(bytes) = visit.some() {
            visit.send(&String::from_utf8(bytes).expect("text").to_uppercase());
        }
    });
    let proxy = Proxy::before(&upstream);
    block_on(async {
        let stream = tokio::net::TcpStream::connect(&proxy.address).await.expect("a connection");
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (mut sender, connection) =
            builder.handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        // What the server allows is known with its first frame, and that has come with an answer.
        let plain = Request::get(format!("http://{}/no", proxy.address)).body(Empty::new()).expect("a request");
        let answer = sender.send_request(plain).await.expect("an answer");
        assert_eq!(answer.status(), 403);
        answer.into_body().collect().await.expect("a body");
        let ask = |path: &str| {
            let request = Request::builder().method(Method::CONNECT).uri(format!("http://{}{path}", proxy.address));
            let request = request.extension(Protocol::from_static("websocket")).header("sec-websocket-version", "13");
            request.header("sec-websocket-protocol", "mqtt").body(Empty::new()).expect("a request")
        };
        assert_eq!(sender.send_request(ask("/no")).await.expect("an answer").status(), 403);
        let mut response = sender.send_request(ask("/comms")).await.expect("an answer");
        assert_eq!((response.status().as_u16(), response.headers().get("upgrade")), (200, None));
        assert_eq!(response.headers()["sec-websocket-protocol"], "mqtt");
        let upgraded = hyper::upgrade::on(&mut response).await.expect("a stream");
        let mut upgraded = TokioIo::new(upgraded);
        let mut got = [0; 5];
        upgraded.read_exact(&mut got).await.expect("a greeting");
        assert_eq!(&got, b"hello");
        upgraded.write_all(b"abcde").await.expect("sent");
        upgraded.flush().await.expect("sent");
        upgraded.read_exact(&mut got).await.expect("an echo");
        assert_eq!(&got, b"ABCDE");
    });
}
