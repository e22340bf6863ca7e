//! One registry for one test: its process, its database in the real MongoDB, a collector, and a client.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use mongodb::Collection;
use mongodb::bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::backend::data::data;
use crate::backend::harness::{Answer, answer};
use crate::doubles::collector::{Collector, ENDPOINT};
use crate::support::{Running, binary, eventually, kill};

pub const PREFIX: &str = "/api/v6";

pub struct Registry {
    process: Option<Running>,
    pub address: String,
    pub database: String,
    environment: BTreeMap<String, String>,
    dir: tempfile::TempDir,
    runtime: Runtime,
    pub http: reqwest::Client,
    pub collector: Collector,
}

impl Registry {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings of its own; an empty value unsets one.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut registry = Self::prepared(settings);
        registry.launch();
        registry
    }

    /// Its database is reached through that port.
    pub fn through(port: u16, settings: &[(&str, &str)]) -> Self {
        let mut registry = Self::prepared(settings);
        let address = data().mongo_url(&registry.database).replace(&data().mongo_port.to_string(), &port.to_string());
        registry.environment.insert("MONGO_URI".to_owned(), address);
        registry.launch();
        registry
    }

    /// Everything but the process.
    pub fn prepared(settings: &[(&str, &str)]) -> Self {
        reeve::serve::install_tls();
        let database = format!("registry_{}", uuid::Uuid::new_v4().simple());
        let collector = Collector::start();
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = collector.url();
        let infrastructure = format!("status-backend:\n  default: standard\n  standard: {url}\n");
        std::fs::write(dir.path().join("infrastructure.yaml"), infrastructure).expect("a file");
        let mut environment = BTreeMap::new();
        let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
        set("PORT", "0");
        set("MONGO_URI", &data().mongo_url(&database));
        set("GOV_INFRASTRUCTURE", "./infrastructure.yaml");
        for (name, value) in settings {
            set(name, value);
        }
        Self {
            process: None,
            address: String::new(),
            database,
            environment,
            dir,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            collector,
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// The process with this environment and no other.
    pub fn command(&self) -> std::process::Command {
        let log = std::fs::File::create(self.log_file()).expect("a log");
        let mut command = std::process::Command::new(binary());
        command
            .args(["serve", "registry"])
            .env_clear()
            .envs(self.environment.iter().filter(|(_, value)| !value.is_empty()));
        command.current_dir(self.dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Starts the process and waits until it listens.
    #[track_caller]
    pub fn launch(&mut self) {
        let mut process = Running::start(self.command());
        let log = self.log_file();
        self.address = eventually("the registry listens", || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.0.try_wait().expect("wait").is_none(), "the registry ended: {text}");
            let line = text.lines().find(|line| line.contains("listens")).map(str::to_owned);
            let address = line.as_deref().and_then(|line| line.split("address=").nth(1));
            address
                .and_then(|rest| rest.split_whitespace().next())
                .map(|address| format!("http://{address}"))
                .ok_or(text)
        });
        self.process = Some(process);
    }

    pub fn pid(&self) -> i32 {
        self.process.as_ref().expect("a process").pid()
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> i32 {
        let mut process = self.process.take().expect("a process");
        kill(process.pid(), 15);
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

    /// A request below the prefix, and its answer.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, &format!("{PREFIX}{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body))
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(body))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None)
    }

    /// A collection of this test's database, past the registry.
    pub fn stored<T>(&self, collection: &str, work: impl AsyncFnOnce(Collection<Document>) -> T) -> T {
        self.block_on(async {
            let client = mongodb::Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            work(client.database(&self.database).collection(collection)).await
        })
    }

    /// Every document of a collection, in the order of the database.
    pub fn documents(&self, collection: &str) -> Vec<Document> {
        self.stored(collection, async |collection| {
            let mut cursor = collection.find(doc! {}).await.expect("documents");
            let mut all = Vec::new();
            while cursor.advance().await.expect("documents") {
                all.push(cursor.deserialize_current().expect("a document"));
            }
            all
        })
    }

    pub fn insert(&self, collection: &str, documents: Vec<Document>) {
        self.stored(collection, async |collection| {
            collection.insert_many(documents).await.expect("inserted");
        });
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the registry:\n{}", self.log());
        }
        self.process = None;
        self.runtime.block_on(async {
            let client = mongodb::Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            client.database(&self.database).drop().await.expect("dropped");
        });
    }
}

/// An agreement as STATUS builds it, of so many guarantees with one metric each.
pub fn agreement(id: &str, guarantees: usize) -> Value {
    let collector = json!({
        "infrastructurePath": "status-backend",
        "endpoint": ENDPOINT,
        "type": "POST-GET-V1-STATUS",
        "config": { "backendUrl": "http://status-backend:3001/api/v1/computations/bulk" },
    });
    let names: Vec<String> = (1..=guarantees).map(|number| format!("UPTIME_{number}")).collect();
    let metric = |name: &String| {
        let measure = json!({ "endpoint": format!("/{name}"), "params": {}, "scope": {} });
        (format!("{name}_METRIC"), json!({ "collector": collector, "measure": measure }))
    };
    let guarantee = |name: &String| {
        json!({
            "id": name,
            "notes": "",
            "description": "how long it was up",
            "scope": { "project": { "name": "project", "description": "", "type": "string", "default": "*" } },
            "of": [{
                "scope": { "project": "p1" },
                "objective": format!("{name}_METRIC >= 80"),
                "with": { format!("{name}_METRIC"): {} },
                "window": { "type": "static", "initial": "2022-01-01", "period": "daily" },
            }],
        })
    };
    json!({
        "id": id,
        "version": "1.0.0",
        "type": "agreement",
        "context": {
            "validity": { "initial": "2022-01-01", "timeZone": "America/Los_Angeles" },
            "definitions": { "schemas": {}, "scopes": {} },
        },
        "terms": {
            "metrics": names.iter().map(metric).collect::<serde_json::Map<_, _>>(),
            "guarantees": names.iter().map(guarantee).collect::<Vec<_>>(),
        },
    })
}
