//! Every kind against something that really listens (or really does not).

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

use super::redact::scrub;
use super::{ExecRunner, Executed, Rendered, RenderedHttp, redact, run};
use crate::engine::{Exit, ProbeOutcome};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

/// Answers as told; never runs anything.
struct Scripted(Result<Executed, String>);

impl ExecRunner for Scripted {
    fn run<'a>(
        &'a self,
        _command: &'a [String],
        _timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Executed, String>> + Send + 'a>> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

async fn ask_within(probe: Rendered, timeout: Duration) -> ProbeOutcome {
    run(&probe, timeout, &Scripted(Err("nothing is run here".into()))).await
}

async fn ask(probe: Rendered) -> ProbeOutcome {
    ask_within(probe, LONG).await
}

fn failure(outcome: ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Failure(reason) => reason,
        ProbeOutcome::Success => panic!("it should have failed"),
    }
}

/// A server that answers every read with the next of `answers`, on every connection; an empty answer closes it. It
/// keeps what it was sent.
async fn server(answers: &'static [&'static str]) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let all = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let all = all.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                for answer in answers {
                    match stream.read(&mut buffer).await {
                        Ok(read @ 1..) => all.lock().unwrap().extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, heard)
}

/// Accepts and then says nothing.
async fn silent() -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (address, task)
}

/// A port on which nobody listens.
async fn unused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn http(url: String) -> RenderedHttp {
    RenderedHttp { url, method: "GET".into(), headers: Vec::new(), status: (200, 299), body: None, tls_verify: true }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"database\":\"ok";
const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn http_looks_at_status_and_body() {
    let (address, heard) = server(&[OK]).await;
    let mut probe = http(format!("http://{address}/health?x=1"));
    probe.headers = vec![("x-probe".into(), "yes".into())];
    probe.body = Some("\"database\":\\s*\"ok".into());
    assert_eq!(ask(Rendered::Http(probe.clone())).await, ProbeOutcome::Success);
    let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
    assert!(heard.starts_with("GET /health?x=1 HTTP/1.1\r\n") && heard.contains("x-probe: yes\r\n"), "{heard}");
    probe.body = Some("failing".into());
    assert_eq!(failure(ask(Rendered::Http(probe.clone())).await), "the body does not match `failing`");
    probe.status = (204, 204);
    assert_eq!(
        failure(ask(Rendered::Http(probe)).await),
        format!("200 OK instead of 204 from http://{address}/health")
    );
}

#[tokio::test]
async fn http_follows_no_redirect_and_says_what_it_got() {
    let (address, heard) = server(&[MOVED]).await;
    let reason = failure(ask(Rendered::Http(http(format!("http://{address}/")))).await);
    assert!(reason.starts_with("302 Found instead of 200–299"), "{reason}");
    assert!(!String::from_utf8_lossy(&heard.lock().unwrap()).contains("elsewhere"));
    let (address, _) = server(&[BROKEN]).await;
    let reason = failure(ask(Rendered::Http(http(format!("http://me:hunter2@{address}/")))).await);
    assert_eq!(reason, format!("503 Service Unavailable instead of 200–299 from http://{address}/"));
}

/// semantics case 41: what hangs ends with the timeout, as one failure.
#[tokio::test]
async fn whatever_hangs_ends_with_its_timeout() {
    let (address, task) = silent().await;
    let port = address.port();
    for probe in [
        Rendered::Http(http(format!("http://{address}/"))),
        Rendered::Redis { url: format!("redis://:secret@127.0.0.1:{port}/") },
        Rendered::Postgres { url: format!("postgres://app:secret@127.0.0.1:{port}/db"), statement: None },
        Rendered::Mongo { url: format!("mongodb://app:secret@127.0.0.1:{port}/admin") },
    ] {
        let begun = Instant::now();
        assert_eq!(failure(ask_within(probe.clone(), SHORT).await), "no answer within 0.1 s", "{probe:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{probe:?}");
    }
    task.abort();
}

#[tokio::test]
async fn where_nobody_listens_is_said_at_once_and_without_secrets() {
    let address = unused().await;
    for probe in [
        Rendered::Http(http(format!("http://app:hunter2@{address}/"))),
        Rendered::Tcp { host: "127.0.0.1".into(), port: address.port() },
        Rendered::Redis { url: format!("redis://:hunter2@{address}/") },
        Rendered::Postgres { url: format!("postgres://app:hunter2@{address}/db"), statement: None },
        Rendered::Mongo { url: format!("mongodb://app:hunter2@{address}/admin") },
    ] {
        let reason = failure(ask(probe.clone()).await);
        assert!(reason.to_lowercase().contains("connection refused"), "{probe:?}: {reason}");
        assert!(reason.contains(&address.to_string()), "{probe:?}: {reason}");
        assert!(!reason.contains("hunter2") && !reason.contains("os error"), "{probe:?}: {reason}");
    }
}

/// semantics case 44: only ::1 or only 127.0.0.1, `localhost` finds it.
#[tokio::test]
async fn localhost_is_every_loopback_address() {
    let mut tried = 0;
    for host in ["127.0.0.1:0", "[::1]:0"] {
        // A machine without IPv6 has nothing to try.
        let Ok(listener) = TcpListener::bind(host).await else { continue };
        tried += 1;
        let port = listener.local_addr().unwrap().port();
        assert_eq!(ask(Rendered::Tcp { host: "localhost".into(), port }).await, ProbeOutcome::Success, "{host}");
        let answer = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                if stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    stream.write_all(OK.as_bytes()).await.unwrap();
                    return;
                }
            }
        });
        assert_eq!(
            ask(Rendered::Http(http(format!("http://localhost:{port}/")))).await,
            ProbeOutcome::Success,
            "{host}"
        );
        answer.await.unwrap();
    }
    assert!(tried > 0);
}

#[tokio::test]
async fn unix_sockets_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let missing = failure(ask(Rendered::Unix { path: path.clone() }).await);
    assert_eq!(missing, format!("{}: no such file or directory", path.display()));
    assert_eq!(failure(ask(Rendered::File { path: path.clone() }).await), missing);
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(ask(Rendered::Unix { path: path.clone() }).await, ProbeOutcome::Success);
    assert_eq!(ask(Rendered::File { path: path.clone() }).await, ProbeOutcome::Success);
    drop(listener);
    assert!(failure(ask(Rendered::Unix { path }).await).ends_with("connection refused"));
}

/// A small Redis: answers each command of a pipeline.
async fn redis_server(password: &'static str, ping: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut text = String::new();
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                    while let Some((command, rest)) = command(&text) {
                        let answer = match command[0].as_str() {
                            "AUTH" if command.last().is_some_and(|given| given == password) => "+OK\r\n",
                            "AUTH" => "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
                            "PING" => ping,
                            _ => "+OK\r\n",
                        };
                        text = rest;
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

/// The first whole command of a text, and what follows it.
fn command(text: &str) -> Option<(Vec<String>, String)> {
    let (count, mut rest) = text.strip_prefix('*')?.split_once("\r\n")?;
    let mut words = Vec::new();
    for _ in 0..count.parse::<usize>().unwrap() {
        let (length, after) = rest.strip_prefix('$')?.split_once("\r\n")?;
        let length: usize = length.parse().unwrap();
        words.push(after.get(..length)?.to_owned());
        rest = after.get(length + 2..)?;
    }
    Some((words, rest.to_owned()))
}

#[tokio::test]
async fn redis_needs_pong_and_the_right_password() {
    let address = redis_server("s3cret", "+PONG\r\n").await;
    assert_eq!(ask(Rendered::Redis { url: format!("redis://:s3cret@{address}/") }).await, ProbeOutcome::Success);
    let reason = failure(ask(Rendered::Redis { url: format!("redis://:wr0ng@{address}/") }).await);
    assert!(reason.to_lowercase().contains("password"), "{reason}");
    assert!(!reason.contains("wr0ng"), "{reason}");
    let loading = redis_server("", "-LOADING Redis is loading the dataset in memory\r\n").await;
    let reason = failure(ask(Rendered::Redis { url: format!("redis://{loading}/") }).await);
    assert!(reason.contains("LOADING") && reason.contains("loading the dataset"), "{reason}");
    let reason = failure(ask(Rendered::Redis { url: "nonsense://:hunter2@x".into() }).await);
    assert_eq!(reason, "not a Redis address: nonsense://x");
}

#[tokio::test]
async fn exec_succeeds_with_zero_and_tells_the_end_of_the_output() {
    let probe = Rendered::Exec { command: vec!["check".into()] };
    let done = |exit, output: &str| Scripted(Ok(Executed { exit, output: output.into() }));
    assert_eq!(run(&probe, LONG, &done(Some(Exit::Code(0)), "fine")).await, ProbeOutcome::Success);
    let reason = |answer: Scripted| async move {
        failure(run(&Rendered::Exec { command: vec!["check".into()] }, LONG, &answer).await)
    };
    assert_eq!(reason(done(Some(Exit::Code(2)), " no luck\n")).await, "exit code 2: no luck");
    assert_eq!(reason(done(None, "")).await, "killed after 30 s");
    assert_eq!(reason(Scripted(Err("cannot run check: no such file".into()))).await, "cannot run check: no such file");
    assert_eq!(reason(done(Some(Exit::Code(1)), &"ä".repeat(9000))).await.len(), 4096 - 1);
}

#[test]
fn addresses_are_shown_without_secrets() {
    assert_eq!(redact("postgres://app:p%40ss@127.0.0.1:5432/db?sslmode=off"), "postgres://127.0.0.1:5432/db");
    assert_eq!(redact("redis://:a/b@c@host:1/0"), "redis://host:1/0");
    assert_eq!(redact("http://127.0.0.1:80/x?token=1#y"), "http://127.0.0.1:80/x");
    assert_eq!(redact("app:secret@host"), "host");
    assert_eq!(
        scrub("p@ss is wrong at postgres://app:p%40ss@h/d", "postgres://app:p%40ss@h/d"),
        "*** is wrong at postgres://h/d"
    );
    let probe = Rendered::Postgres { url: "postgres://app:hunter2@h/d".into(), statement: None };
    assert!(!format!("{probe:?}").contains("hunter2"));
}
