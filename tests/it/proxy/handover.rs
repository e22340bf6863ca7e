//! A restart that loses nobody: the listening socket outlives the process, whoever holds it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use super::harness::{Client, Proxy, one};
use super::upstream::Upstream;
use crate::support::{PATIENCE, Stack, eventually, free_port, kill};

/// The proxy under reeve, which listens for it.
fn stack(upstream: &Upstream, port: u16) -> Stack {
    let config = one(&[upstream.address], "");
    let stack = Stack::new(&format!(
        r#"
[stack]
name = "edge"

[services.edge]
command = ["${{reeve}}", "serve", "proxy"]
ports = {{ http = {{ port = {port}, socket = true }}, metrics = "auto" }}
health = {{ http = "http://127.0.0.1:${{self.port.metrics}}/health/ready" }}
restart = {{ first = "50ms", cap = "200ms" }}

[services.edge.env]
PORT = "1"
PROXY_CONFIG = "${{self.run_dir}}/proxy.toml"
PROXY_METRICS = "127.0.0.1:${{self.port.metrics}}"

[[services.edge.files]]
path = "${{self.run_dir}}/proxy.toml"
content = '''
{config}'''
"#
    ));
    stack.up();
    stack
}

const ASK: &str = "GET /x HTTP/1.1\r\nhost: a\r\n\r\n";

/// What became of one request.
#[derive(Debug, PartialEq)]
enum Fate {
    Answered {
        is_last: bool,
    },
    /// The connection ended before a byte of the answer.
    Unanswered(ErrorKind),
}

fn connect(port: u16) -> TcpStream {
    // Nothing excuses a refusal.
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

fn ask(stream: &mut TcpStream) -> Fate {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    if let Err(error) = stream.write_all(ASK.as_bytes()) {
        return Fate::Unanswered(error.kind());
    }
    loop {
        match stream.read(&mut piece) {
            Ok(0) if read.is_empty() => return Fate::Unanswered(ErrorKind::UnexpectedEof),
            Err(error) if read.is_empty() => return Fate::Unanswered(error.kind()),
            Ok(0) | Err(_) => panic!("an answer broke off: {}", String::from_utf8_lossy(&read)),
            Ok(count) => read.extend_from_slice(&piece[..count]),
        }
        let text = String::from_utf8_lossy(&read);
        // The upstream answers with the head that it got.
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.ends_with("\r\n\r\n")
        {
            assert!(head.starts_with("HTTP/1.1 200 "), "{text}");
            return Fate::Answered { is_last: head.to_lowercase().contains("connection: close") };
        }
    }
}

/// Clients that ask without a pause until they are told to stop, half of them over connections that they keep.
struct Load {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    clients: Vec<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    answered: AtomicUsize,
    /// Of fresh connections.
    lost: AtomicUsize,
    /// Kept connections that had ended when the next request was written; clients send it again on another one.
    stale: AtomicUsize,
}

impl Load {
    fn on(port: u16) -> Self {
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(Counts::default()));
        let clients = (0..6).map(|number| {
            let (stop, counts) = (Arc::clone(&stop), Arc::clone(&counts));
            std::thread::spawn(move || {
                let mut kept = None;
                while !stop.load(Ordering::Relaxed) {
                    let is_fresh = kept.is_none();
                    let mut stream = kept.take().unwrap_or_else(|| connect(port));
                    match ask(&mut stream) {
                        Fate::Answered { is_last } => {
                            counts.answered.fetch_add(1, Ordering::Relaxed);
                            kept = (number % 2 == 0 && !is_last).then_some(stream);
                        }
                        Fate::Unanswered(_) if is_fresh => drop(counts.lost.fetch_add(1, Ordering::Relaxed)),
                        Fate::Unanswered(_) => drop(counts.stale.fetch_add(1, Ordering::Relaxed)),
                    }
                }
            })
        });
        let clients = clients.collect();
        Self { stop, counts, clients }
    }

    /// Until so many more have been answered.
    fn go_on(&self, more: usize) {
        let wanted = self.counts.answered.load(Ordering::Relaxed) + more;
        eventually("requests are answered", || {
            let answered = self.counts.answered.load(Ordering::Relaxed);
            if answered >= wanted { Ok(()) } else { Err(answered) }
        });
    }

    /// How many were answered, how many fresh connections were lost, how many kept ones had ended.
    fn end(self) -> (usize, usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().for_each(|client| client.join().expect("a client"));
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.counts.answered), of(&self.counts.lost), of(&self.counts.stale))
    }
}

#[test]
fn a_restart_under_load_loses_no_request() {
    let (upstream, port) = (Upstream::echo(), free_port());
    let stack = stack(&upstream, port);
    let load = Load::on(port);
    for _ in 0..3 {
        load.go_on(50);
        let old = stack.pid("edge");
        stack.reeve(&["restart", "edge"]).expect(0);
        assert_ne!(stack.pid("edge"), old);
    }
    load.go_on(50);
    let (answered, lost, stale) = load.end();
    eprintln!(
        "{answered} requests over three restarts: {lost} lost, {stale} kept connections closed between two requests"
    );
    assert_eq!(lost, 0);
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_crash_refuses_nobody() {
    let (upstream, port) = (Upstream::echo(), free_port());
    let stack = stack(&upstream, port);
    let load = Load::on(port);
    for _ in 0..3 {
        load.go_on(50);
        let old = stack.pid("edge");
        kill(old, 9);
        eventually("another one runs", || match stack.service("edge")["pid"].as_i64() {
            Some(pid) if pid != i64::from(old) => Ok(()),
            _ => Err(stack.service("edge")),
        });
    }
    load.go_on(50);
    // A refusal would have ended a client. What the dead process had taken is lost with it.
    let (answered, lost, _) = load.end();
    eprintln!("{answered} requests over three crashes, {lost} of fresh connections died with their process");
    assert!(lost <= 3 * 6, "{lost} lost");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_port_is_held_only_while_its_service_is_wanted() {
    let (upstream, port) = (Upstream::echo(), free_port());
    let stack = stack(&upstream, port);
    assert_eq!(ask(&mut connect(port)), Fate::Answered { is_last: false });
    stack.reeve(&["stop", "edge"]).expect(0);
    let refused = TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    // A stranger who takes it meanwhile is named, and waited for.
    let stranger = TcpListener::bind(("127.0.0.1", port)).expect("the port");
    stack.reeve(&["start", "edge"]).expect(0);
    let named = format!("port {port} (http of edge) is held by ");
    eventually("the stranger is named", || {
        let why = stack.reeve(&["why", "edge"]).expect(0).stdout;
        if why.contains(&named) { Ok(()) } else { Err(why) }
    });
    drop(stranger);
    stack.await_phase("edge", "ready");
    assert_eq!(ask(&mut connect(port)), Fate::Answered { is_last: false });
    stack.reeve(&["down"]).expect(0);
    let refused = TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn clients_are_served_until_the_slowest_has_its_answer_and_then_wait_for_the_next() {
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::start(move |visit| {
        while let Some(head) = visit.head() {
            if head.contains("/slow") {
                wait.lock().expect("a lock").recv().expect("the release");
            }
            visit.answer("200 OK", "done");
        }
    });
    // As systemd does it: the socket is older than the process, and outlives it.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut proxy = Proxy::prepared(&one(&[upstream.address], ""), &[("PORT", "1")]);
    proxy.launch_as(proxy.command_with(&listener, "proxy.socket"));
    assert_eq!(proxy.address, listener.local_addr().expect("an address").to_string());
    let mut slow = proxy.connect();
    slow.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
    eventually("the service is asked", || if upstream.heads().is_empty() { Err("") } else { Ok(()) });
    proxy.signal_stop();
    eventually("it stops", || if proxy.log().contains("stops;") { Ok(()) } else { Err("") });
    let mut client = proxy.connect();
    client.send("GET /while HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(client.answer().expect(200).header("connection"), Some("close"));
    release.send(()).expect("released");
    slow.answer().expect(200);
    assert_eq!(proxy.process.take().expect("a process").end(), 0);
    let address = proxy.address.clone();
    let mut waits = Client::to(&address);
    waits.send("GET /after HTTP/1.1\r\nhost: a\r\n\r\n");
    std::fs::write(proxy.path("log"), "").expect("a log");
    proxy.launch_as(proxy.command_with(&listener, "proxy.socket"));
    waits.answer().expect(200);
    assert_eq!(proxy.stop(), 0);
}

#[test]
fn a_socket_for_tls_needs_a_certificate() {
    let upstream = Upstream::echo();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::prepared(&one(&[upstream.address], ""), &[]);
    let mut command = proxy.command_with(&listener, "https");
    let done = command.stderr(std::process::Stdio::piped()).output().expect("reeve runs");
    let text = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(5), "{text}");
    assert!(text.contains("named \"https\"") && text.contains("PROXY_TLS_CERTIFICATE"), "{text}");
}
