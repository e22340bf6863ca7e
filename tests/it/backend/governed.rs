//! A backend with the registry it works with in a stack: a process of the test's own, on a database of its own, which asks
//! this backend as its collector. Only Node-RED is a double.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use super::data::data;
use super::harness::{Answer, Backend, answer};
use crate::doubles::node_red::{self, NodeRed};
use crate::support::cable::Cable;
use crate::support::{Running, binary, eventually};

/// `reeve serve registry`, reached through a cable.
pub struct Registry {
    process: Running,
    pub cable: Cable,
    database: String,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Registry {
    /// It knows of no backend yet.
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Self {
        reeve::serve::install_tls();
        let dir = tempfile::tempdir().expect("a temporary directory");
        let database = format!("registry_{}", uuid::Uuid::new_v4().simple());
        std::fs::write(dir.path().join("infrastructure.yaml"), "{}\n").expect("a file");
        let log = std::fs::File::create(dir.path().join("log")).expect("a log");
        let mut command = std::process::Command::new(binary());
        command.args(["serve", "registry"]).env_clear().current_dir(dir.path());
        command.env("PORT", "0").env("GOV_INFRASTRUCTURE", "./infrastructure.yaml");
        command.env("MONGO_URI", data().mongo_url(&database)).envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut process = Running::start(command);
        let port = eventually("the registry listens", || {
            let text = std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
            assert!(process.0.try_wait().expect("wait").is_none(), "the registry ended: {text}");
            let line = text.lines().find(|line| line.contains("listens"));
            let address = line.and_then(|line| line.split("address=").nth(1)?.split_whitespace().next());
            address.and_then(|address| address.rsplit(':').next()?.parse().ok()).ok_or(text)
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let registry = Self { process, cable: Cable::to(port), database, dir, runtime, http };
        // Its indexes keep agreements apart that come at the same time.
        eventually("the registry is ready", || match registry.call("GET", "/api/v6/agreements", None) {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text),
        });
        registry
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.cable.port)
    }

    /// From now on this is `status-backend`, as in a stack: by its infrastructure file.
    #[track_caller]
    pub fn asks(&self, backend: &str) {
        let file = format!("status-backend:\n  default: standard\n  standard: {backend}\n");
        std::fs::write(self.dir.path().join("infrastructure.yaml"), file).expect("a file");
        self.call("POST", "/commons/infrastructure/update", None).expect(200);
    }

    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, format!("{}{path}", self.url()));
        self.runtime.block_on(answer(body.into_iter().fold(request, |request, body| request.json(&body))))
    }

    /// As it keeps it.
    #[track_caller]
    pub fn agreement(&self, id: &str) -> Value {
        self.call("GET", &format!("/api/v6/agreements/{id}"), None).expect(200).json()
    }

    /// SIGKILL, in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.process.0.kill().expect("killed");
        self.process.end();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the registry:\n{}", self.log());
        }
        // Before its database goes: it would make it again.
        let _ = self.process.0.kill();
        let _ = self.process.0.wait();
        self.runtime.block_on(async {
            let client = mongodb::Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            client.database(&self.database).drop().await.expect("dropped");
        });
    }
}

/// The three that make points.
pub struct Governed {
    pub backend: Backend,
    pub registry: Registry,
    pub flows: NodeRed,
}

impl Governed {
    pub fn start() -> Self {
        Self::with(&[], &[])
    }

    /// With settings of the backend and of the registry.
    pub fn with(backend: &[(&str, &str)], registry: &[(&str, &str)]) -> Self {
        let (registry, flows) = (Registry::with(registry), NodeRed::start());
        let (registry_url, flows_url) = (registry.url(), flows.server.url());
        let mut settings = vec![
            ("REGISTRY_URL", registry_url.as_str()),
            ("NODE_RED_URL", &flows_url),
            ("USER_STATUS", node_red::USER),
            ("PASS_STATUS", node_red::PASSWORD),
        ];
        settings.extend(backend);
        let backend = Backend::with(&settings);
        registry.asks(&backend.address);
        Self { backend, registry, flows }
    }
}
