//! What the proxy costs beside nginx, HAProxy and Caddy: rate, processor time and the slowest hundredth for small answers,
//! processor time for large ones, files, memory with a thousand idle WebSockets, memory at rest, time to ready.
//!
//! Each proxy has one worker on one processor; `wrk` and the service, an nginx, share the other. They take turns.

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use support::peers::{self, OTHER_CORE, PROXY_CORE, Peer};
use support::server::{Load, Server};
use support::{Row, median, report};

const CONNECTIONS: u32 = 64;
/// Large answers at a time.
const DOWNLOADS: u32 = 4;
const SECONDS: u32 = 3;
const ROUNDS: usize = 5;
const SMALL: usize = 1024;
const FILE: usize = 64 * 1024;
const LARGE: usize = 50_000_000;
const WEBSOCKETS: usize = 1000;
const STARTS: usize = 10;
const ASSET: &str = "/web/assets/index-Bx3_k9Zq.js";

fn main() {
    let work = tempfile::tempdir().expect("a temporary directory");
    let (root, web) = (work.path().join("root"), work.path().join("web"));
    std::fs::create_dir_all(web.join("assets")).expect("directories");
    std::fs::create_dir(&root).expect("a directory");
    std::fs::write(root.join("small"), "x".repeat(SMALL)).expect("a file");
    std::fs::write(root.join("large"), vec![b'x'; LARGE]).expect("a file");
    std::fs::write(web.join("assets/index-Bx3_k9Zq.js"), vec![b'x'; FILE]).expect("a file");
    let upstream = peers::upstream(work.path(), &root).expect("nginx, from the package of that name");
    let sockets = websockets();
    let config = format!(
        "[[routes]]\npath = \"/\"\nservice = \"files\"\n[[routes]]\npath = \"/socket\"\nservice = \"sockets\"\n\
         [[routes]]\npath = \"/web\"\nfiles = \"web\"\n[services.files]\naddresses = [\"{}\"]\n\
         [services.sockets]\naddresses = [\"{sockets}\"]\n",
        upstream.address
    );
    std::fs::write(work.path().join("proxy.toml"), config).expect("a file");
    let starts: Vec<f64> =
        (0..STARTS).map(|_| Server::timed_start_at("proxy", work.path(), &environment("false"), ASSET)).collect();
    let reeve = Server::start("proxy", work.path(), &environment("false"));
    reeve.pin(PROXY_CORE);
    reeve.settle();
    let rest = reeve.resident();
    let nginx = Peer::Nginx.start(work.path(), &upstream.address, &web).expect("nginx");
    let haproxy = Peer::HaProxy.start(work.path(), &upstream.address, &web);
    let caddy = Peer::Caddy.start(work.path(), &upstream.address, &web);

    let mut rows = Vec::new();
    let small =
        turns(&[Some(&reeve), Some(&nginx), haproxy.as_ref(), caddy.as_ref()], "/small", CONNECTIONS, |_| vec![]);
    rows.push(small.rate(1, "1 KiB through the proxy, requests per second ÷ nginx", Some(0.9)));
    rows.push(small.cpu(1, "1 KiB, processor time per request ÷ nginx", Some(1.15)));
    rows.push(small.p99(1, "1 KiB, 99th percentile ÷ nginx", Some(1.0)));
    rows.extend(
        [(2, "HAProxy"), (3, "Caddy")].into_iter().filter(|(at, _)| small.has(*at)).map(|(at, name)| {
            small.cpu(at, &format!("for comparison: 1 KiB, processor time per request ÷ {name}"), None)
        }),
    );
    let large = turns(&[Some(&reeve), Some(&nginx), haproxy.as_ref(), caddy.as_ref()], "/large", DOWNLOADS, |_| vec![]);
    if large.has(3) {
        rows.push(large.cpu_ms(3, "50 MB through the proxy, processor time per answer ÷ Caddy", Some(1.0)));
    }
    rows.push(large.cpu_ms(1, "for comparison: 50 MB, processor time per answer ÷ nginx", None));
    let file = turns(&[Some(&reeve), Some(&nginx)], ASSET, CONNECTIONS, |_| vec![]);
    rows.push(file.rate(1, "file of 64 KiB, requests per second ÷ nginx", Some(0.8)));
    rows.push(file.cpu(1, "file of 64 KiB, processor time per request ÷ nginx", None));
    let not_modified = turns(&[Some(&reeve), Some(&nginx)], ASSET, CONNECTIONS, if_none_match);
    rows.push(not_modified.rate(1, "304, requests per second ÷ nginx", Some(0.8)));
    rows.push(not_modified.cpu(1, "304, processor time per request ÷ nginx", None));
    rows.push(Row::value("resident memory after all that", reeve.resident(), "MiB", None));
    drop((reeve, nginx, haproxy, caddy));

    let logged = Server::start("proxy", work.path(), &environment("true"));
    logged.pin(PROXY_CORE);
    let through = logged.pinned_load("/small", CONNECTIONS, SECONDS, &[], OTHER_CORE);
    rows.push(Row::value("1 KiB with the access log, processor time per request", through.cpu_us, "µs", None));
    drop(logged);
    let idle = Server::start("proxy", work.path(), &environment("false"));
    let open: Vec<TcpStream> = (0..WEBSOCKETS).map(|_| websocket(&idle)).collect();
    idle.settle();
    rows.push(Row::value("resident memory with 1,000 idle WebSockets", idle.resident(), "MiB", Some(40.0)));
    drop(open);
    rows.push(Row::value("resident memory at rest", rest, "MiB", Some(20.0)));
    rows.push(Row::value("exec to answering", median(&starts), "ms", Some(50.0)));
    report("proxy", &rows);
}

fn environment(log: &str) -> [(&'static str, String); 4] {
    [
        ("PORT", "0".to_owned()),
        ("WORKERS", "1".to_owned()),
        ("PROXY_CONFIG", "proxy.toml".to_owned()),
        ("PROXY_ACCESS_LOG", log.to_owned()),
    ]
}

/// What was measured of each, round by round; ours is the first.
struct Turns(Vec<Vec<Load>>);

/// They take turns, so that whatever else the machine does is in the figures of all.
fn turns(servers: &[Option<&Server>], path: &str, connections: u32, options: impl Fn(&Server) -> Vec<String>) -> Turns {
    let mut loads: Vec<Vec<Load>> = servers.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        // No one is always behind the same other one: some are busy for a while after their turn.
        let order = (0..servers.len()).map(|turn| (turn + round) % servers.len());
        let order: Vec<usize> = if round % 2 == 0 { order.collect() } else { order.rev().collect() };
        for at in order {
            if let Some(server) = servers[at] {
                loads[at].push(server.pinned_load(path, connections, SECONDS, &options(server), OTHER_CORE));
            }
        }
    }
    Turns(loads)
}

impl Turns {
    fn has(&self, at: usize) -> bool {
        !self.0[at].is_empty()
    }

    fn of(&self, at: usize, figure: impl Fn(&Load) -> f64) -> Vec<f64> {
        self.0[at].iter().map(figure).collect()
    }

    fn rate(&self, at: usize, what: &str, least: Option<f64>) -> Row {
        Row::ratio(what, &self.of(0, |load| load.rate), &self.of(at, |load| load.rate), "/s", least).at_least()
    }

    fn cpu(&self, at: usize, what: &str, most: Option<f64>) -> Row {
        Row::ratio(what, &self.of(0, |load| load.cpu_us), &self.of(at, |load| load.cpu_us), "µs", most)
    }

    fn cpu_ms(&self, at: usize, what: &str, most: Option<f64>) -> Row {
        let of = |at| self.of(at, |load| load.cpu_us / 1e3);
        Row::ratio(what, &of(0), &of(at), "ms", most)
    }

    fn p99(&self, at: usize, what: &str, most: Option<f64>) -> Row {
        Row::ratio(what, &self.of(0, |load| load.p99_ms), &self.of(at, |load| load.p99_ms), "ms", most)
    }
}

/// What a browser sends that has the file already.
fn if_none_match(server: &Server) -> Vec<String> {
    let answer = server.ask(&format!("GET {ASSET} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"));
    let tag =
        answer.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("etag")));
    vec!["-H".to_owned(), format!("If-None-Match: {}", tag.expect("a tag").1.trim())]
}

/// A service that switches to WebSocket and then says nothing, to as many as come.
fn websockets() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            head(&mut stream);
            let answer = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                           sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            stream.write_all(answer).expect("an answer");
            open.push(stream);
        }
    });
    address
}

fn websocket(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).expect("a connection");
    let request = "GET /socket HTTP/1.1\r\nhost: bench\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("a request");
    assert!(head(&mut stream).starts_with("HTTP/1.1 101"));
    stream
}

/// Up to the empty line; nothing comes after it.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a head") > 0 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
