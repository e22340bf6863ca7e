//! One of reeve's own services for one test: the process of `reeve serve ROLE` in a directory of its own, with the
//! environment it is given and no other, and a client that says what it got.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{Running, binary, eventually, kill};

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// Status and body at once.
    #[track_caller]
    pub fn is(self, status: u16, body: Value) {
        assert_eq!((self.status, self.json()), (status, body));
    }

    /// The values of every `Set-Cookie`.
    pub fn cookies(&self) -> Vec<String> {
        let all = self.headers.get_all("set-cookie");
        all.iter().map(|value| value.to_str().expect("a cookie").to_owned()).collect()
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    Answer {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default().to_owned(),
        headers,
        text: response.text().await.expect("a body"),
    }
}

/// One request by somebody who keeps nothing from one to the next.
#[track_caller]
pub fn ask(method: &str, url: String, token: Option<&str>, body: Option<Value>) -> Answer {
    reeve::serve::install_tls();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = client.request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    super::event_loop().block_on(answer(request))
}

pub struct Role {
    name: &'static str,
    pub process: Option<Running>,
    pub address: String,
    environment: BTreeMap<String, String>,
    dir: tempfile::TempDir,
    runtime: Runtime,
    pub http: reqwest::Client,
}

impl Role {
    /// Everything but the process, which will take any port.
    pub fn new(name: &'static str) -> Self {
        reeve::serve::install_tls();
        Self {
            name,
            process: None,
            address: String::new(),
            environment: BTreeMap::from([("PORT".to_owned(), "0".to_owned())]),
            dir: tempfile::tempdir().expect("a temporary directory"),
            runtime: crate::support::event_loop(),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        }
    }

    /// A variable of its environment; an empty value unsets it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    pub fn set_all(&mut self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.set(name, value);
        }
    }

    /// What the process would be started with.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Below the directory that the process works in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The process with this environment and no other.
    pub fn command(&self) -> Command {
        let log = std::fs::File::create(self.path("log")).expect("a log");
        let mut command = Command::new(binary());
        command
            .args(["serve", self.name])
            .env_clear()
            .envs(self.environment.iter().filter(|(_, value)| !value.is_empty()));
        command.current_dir(self.dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Starts the process and waits until it listens.
    #[track_caller]
    pub fn launch(&mut self) {
        let mut process = Running::start(self.command());
        self.address = eventually(&format!("the {} listens", self.name), || {
            let text = self.log();
            assert!(process.0.try_wait().expect("wait").is_none(), "the {} ended: {text}", self.name);
            let line = text.lines().find(|line| line.contains("listens"));
            let address = line.and_then(|line| line.split("address=").nth(1)?.split_whitespace().next());
            address.map(|address| format!("http://{address}")).ok_or(text)
        });
        self.process = Some(process);
    }

    pub fn pid(&self) -> i32 {
        self.process.as_ref().expect("a process").pid()
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> i32 {
        self.end(15)
    }

    /// SIGKILL, in the middle of whatever it does, and its end.
    pub fn kill(&mut self) {
        self.end(9);
    }

    fn end(&mut self, signal: i32) -> i32 {
        let mut process = self.process.take().expect("a process");
        kill(process.pid(), signal);
        process.end()
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// `path` as it stands.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http.request(method, format!("{}{path}", self.address))
    }

    #[track_caller]
    pub fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.block_on(answer(request))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the {}:\n{}", self.name, self.log());
        }
    }
}
