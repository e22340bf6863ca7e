//! What the proxy costs: processor time of its process per request, the rate against the service alone, memory, time to listen.
//!
//! The service is a server in the bench's own process, so that its cost is not the proxy's, though it shares the processors.

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::time::Instant;

use axum::body::Bytes;
use axum::routing::get;
use support::server::Server;
use support::{Row, median, report};

const CONNECTIONS: u32 = 64;
const SECONDS: u32 = 5;
const LARGE: usize = 50 * 1024 * 1024;
const STARTS: usize = 10;

fn main() {
    let work = tempfile::tempdir().expect("a temporary directory");
    let service = service();
    std::fs::create_dir(work.path().join("web")).expect("a directory");
    std::fs::write(work.path().join("web/small.txt"), "x".repeat(1024)).expect("a file");
    let config = format!(
        "[[routes]]\npath = \"/\"\nservice = \"bench\"\n[[routes]]\npath = \"/web\"\nfiles = \"web\"\n\
         [services.bench]\naddresses = [\"{service}\"]\n"
    );
    std::fs::write(work.path().join("proxy.toml"), config).expect("a file");
    let environment = |log: &str| {
        [("PORT", "0".to_owned()), ("PROXY_CONFIG", "proxy.toml".to_owned()), ("PROXY_ACCESS_LOG", log.to_owned())]
    };
    let mut rows = Vec::new();
    let starts: Vec<f64> = (0..STARTS)
        .map(|_| {
            let begun = Instant::now();
            let _server = Server::start("proxy", work.path(), &environment("false"));
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let proxy = Server::start("proxy", work.path(), &environment("false"));
    rows.push(Row::value("resident memory at rest", proxy.resident(), "MiB", Some(20.0)));
    let through = proxy.load("/small", CONNECTIONS, SECONDS, &[]);
    rows.push(Row::value("1 KiB at 64 connections: requests per second", through.rate, "", None));
    rows.push(Row::value("1 KiB at 64 connections: proxy CPU per request", through.cpu_us, "µs", None));
    rows.push(Row::value("1 KiB at 64 connections: p99", through.p99_ms, "ms", None));
    let file = proxy.load("/web/small.txt", CONNECTIONS, SECONDS, &[]);
    rows.push(Row::value("a file of 1 KiB: requests per second", file.rate, "", None));
    rows.push(Row::value("a file of 1 KiB: proxy CPU per request", file.cpu_us, "µs", None));
    let large = proxy.load("/large", 4, SECONDS, &[]);
    rows.push(Row::value("50 MiB: rate of four", large.rate * 50.0, "MiB/s", None));
    rows.push(Row::value("50 MiB: proxy CPU per answer", large.cpu_us / 1e3, "ms", None));
    rows.push(Row::value("resident memory afterwards", proxy.resident(), "MiB", Some(40.0)));
    drop(proxy);
    let logged = Server::start("proxy", work.path(), &environment("true"));
    let through = logged.load("/small", CONNECTIONS, SECONDS, &[]);
    rows.push(Row::value("1 KiB with the access log: proxy CPU per request", through.cpu_us, "µs", None));
    rows.push(Row::value("exec to listening", median(&starts), "ms", Some(50.0)));
    report("proxy", &rows);
}

/// Where it listens.
fn service() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (small, large) = (Bytes::from(vec![b'x'; 1024]), Bytes::from(vec![b'x'; LARGE]));
            let router = axum::Router::new()
                .route("/small", get(move || std::future::ready(small.clone())))
                .route("/large", get(move || std::future::ready(large.clone())));
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("it serves");
        });
    });
    address
}
