//! One proxy for one test: its process, its file, and a client that sees every byte.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;

use super::upstream::{Upstream, find};
use crate::support::{PATIENCE, Running, binary, eventually, kill};

pub struct Proxy {
    pub process: Option<Running>,
    pub address: String,
    pub tls_port: Option<u16>,
    pub metrics_port: Option<u16>,
    environment: BTreeMap<String, String>,
    dir: tempfile::TempDir,
}

impl Proxy {
    /// One service, `api`, at every address.
    pub fn before(upstream: &Upstream) -> Self {
        Self::with(&one(&[upstream.address], ""), &[])
    }

    pub fn with(config: &str, settings: &[(&str, &str)]) -> Self {
        let mut proxy = Self::prepared(config, settings);
        proxy.launch();
        proxy
    }

    /// Everything but the process.
    pub fn prepared(config: &str, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("proxy.toml"), config).expect("a file");
        let mut environment = BTreeMap::new();
        for (name, value) in [("PORT", "0"), ("PROXY_CONFIG", "proxy.toml")].iter().chain(settings) {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        Self { process: None, address: String::new(), tls_port: None, metrics_port: None, environment, dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, text).expect("a file");
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn access_log(&self) -> String {
        std::fs::read_to_string(self.path("access.log")).unwrap_or_default()
    }

    /// The process with this environment and no other.
    pub fn command(&self) -> std::process::Command {
        let file = |name| std::fs::File::create(self.path(name)).expect("a log");
        let mut command = std::process::Command::new(binary());
        command.args(["serve", "proxy"]).env_clear().envs(&self.environment).current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(file("access.log")).stderr(file("log"));
        command
    }

    /// The same with a listening socket that is handed over by systemd's protocol.
    pub fn command_with(&self, listener: &TcpListener, name: &str) -> std::process::Command {
        let plain = self.command();
        let mut command = std::process::Command::new("/bin/sh");
        // What comes as standard input becomes the first descriptor of the protocol; the number of the process stays.
        command
            .args(["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\" 3<&0 0</dev/null"])
            .arg(plain.get_program())
            .args(plain.get_args());
        command.env_clear().envs(&self.environment).envs([("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", name)]);
        let append = |name| {
            let file = std::fs::OpenOptions::new().append(true).open(self.path(name));
            Stdio::from(file.expect("a log"))
        };
        command.current_dir(self.dir.path()).stdout(append("access.log")).stderr(append("log"));
        command.stdin(std::os::fd::OwnedFd::from(listener.try_clone().expect("a socket")));
        command
    }

    /// Starts the process and waits until it listens.
    #[track_caller]
    pub fn launch(&mut self) {
        self.launch_as(self.command());
    }

    #[track_caller]
    pub fn launch_as(&mut self, command: std::process::Command) {
        let mut process = Running::start(command);
        let line = eventually("the proxy listens", || {
            let text = self.log();
            assert!(process.0.try_wait().expect("wait").is_none(), "the proxy ended: {text}");
            text.lines().find(|line| line.contains("listens")).map(str::to_owned).ok_or(text)
        });
        let field =
            |name: &str| line.split(&format!(" {name}=")).nth(1).and_then(|rest| rest.split_whitespace().next());
        self.address = field("address").expect("an address").to_owned();
        self.tls_port = field("tls_port").and_then(|port| port.parse().ok());
        self.metrics_port = field("metrics_port").and_then(|port| port.parse().ok());
        self.process = Some(process);
    }

    pub fn signal_stop(&self) {
        kill(self.process.as_ref().expect("a process").pid(), 15);
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> i32 {
        self.signal_stop();
        self.process.take().expect("a process").end()
    }

    pub fn connect(&self) -> Client {
        Client::to(&self.address)
    }

    /// A request with nothing special, and its answer.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, "")
    }

    /// With further fields, each with its line end.
    #[track_caller]
    pub fn get_with(&self, path: &str, fields: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: status.example\r\n{fields}\r\n"))
    }

    /// Sends a text on a connection of its own, and reads one answer.
    #[track_caller]
    pub fn ask(&self, text: &str) -> Answer {
        let mut client = self.connect();
        client.send(text);
        client.answer()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the proxy:\n{}", self.log());
        }
    }
}

/// A file with the service `api` at every address.
pub fn one(addresses: &[SocketAddr], settings: &str) -> String {
    let mut text = format!("[[routes]]\npath = \"/\"\nservice = \"api\"\n[services.api]\n{settings}\naddresses = [");
    for address in addresses {
        write!(text, "\"{address}\",").expect("a text");
    }
    text.push_str("]\n");
    text
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    /// As it came over the wire, chunks and all.
    pub body: Vec<u8>,
    /// Whether the body has the length that was announced.
    pub is_whole: bool,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}{}", self.head, self.text());
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the proxy");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_nodelay(true).expect("an option");
        Self { stream, read: Vec::new() }
    }

    #[track_caller]
    pub fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).expect("sent");
    }

    /// What may be refused in the middle.
    pub fn try_send(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(text.as_ref());
    }

    pub fn close_writing(&self) {
        self.stream.shutdown(Shutdown::Write).expect("closed");
    }

    fn more(&mut self) -> bool {
        let mut piece = vec![0; 64 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.read.extend_from_slice(&piece[..count]);
                true
            }
        }
    }

    /// Whatever comes until it has this text in it, with that text at its end.
    #[track_caller]
    pub fn until(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = find(&self.read, wanted.as_bytes()) {
                let taken: Vec<u8> = self.read.drain(..at + wanted.len()).collect();
                return String::from_utf8_lossy(&taken).into_owned();
            }
            assert!(self.more(), "no {wanted:?} in {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// Everything until the end of the connection.
    pub fn rest(&mut self) -> String {
        while self.more() {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    #[track_caller]
    pub fn is_closed(&mut self) {
        assert_eq!(self.rest(), "");
    }

    /// The next answer, of a request that is no HEAD.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let head = self.head();
        let mut answer = Answer { status: status_of(&head), head, body: Vec::new(), is_whole: true };
        if matches!(answer.status, 101 | 204 | 304) {
            return answer;
        }
        let length = answer.header("content-length").map(|length| length.parse::<usize>().expect("a length"));
        let is_chunked = answer.header("transfer-encoding").is_some();
        loop {
            let end = match length {
                Some(length) => (self.read.len() >= length).then_some(length),
                None if is_chunked && self.read.starts_with(b"0\r\n\r\n") => Some(5),
                None if is_chunked => find(&self.read, b"\r\n0\r\n")
                    .and_then(|at| find(&self.read[at + 3..], b"\r\n\r\n").map(|more| at + 3 + more + 4)),
                None => None,
            };
            if let Some(end) = end {
                answer.body = self.read.drain(..end).collect();
                return answer;
            }
            if !self.more() {
                answer.is_whole = length.is_none() && !is_chunked;
                answer.body = std::mem::take(&mut self.read);
                return answer;
            }
        }
    }

    #[track_caller]
    pub fn head(&mut self) -> String {
        self.until("\r\n\r\n")
    }
}

pub fn status_of(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}
