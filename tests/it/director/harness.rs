//! One director for one test: its process, its folder, a server of scripts, and a client that says what it got.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use crate::doubles::server::Server;
use crate::support::role::Role;
pub use crate::support::role::{Answer, answer};
use crate::support::{alive, eventually};

/// A script whose name begins so takes its time to arrive.
pub const LATE: &str = "late";

type Texts = Arc<Mutex<HashMap<String, String>>>;

/// A server of scripts, `/<name>`.
pub struct Scripts {
    pub server: Server,
    texts: Texts,
}

impl Scripts {
    pub fn start() -> Self {
        let texts = Texts::default();
        let router = Router::new().route("/{*name}", axum::routing::get(script)).with_state(Arc::clone(&texts));
        Self { server: Server::start(router), texts }
    }

    /// Serves `text`, and says where.
    pub fn put(&self, name: &str, text: &str) -> String {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), text.to_owned());
        format!("{}/{name}", self.server.url())
    }

    /// How often a script was fetched.
    pub fn fetched(&self, name: &str) -> usize {
        let line = format!("GET /{name}");
        self.server.lines().iter().filter(|asked| **asked == line).count()
    }

    /// Until a script was fetched so often.
    #[track_caller]
    pub fn await_fetched(&self, name: &str, times: usize) {
        eventually(&format!("{name} is fetched {times} times"), || {
            let fetched = self.fetched(name);
            if fetched >= times { Ok(()) } else { Err(fetched) }
        });
    }
}

async fn script(State(texts): State<Texts>, Path(name): Path<String>) -> (StatusCode, String) {
    let text = texts.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
    if name.starts_with(LATE) {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    }
    text.map_or((StatusCode::NOT_FOUND, String::new()), |text| (StatusCode::OK, text))
}

pub struct Director {
    role: Role,
}

impl Deref for Director {
    type Target = Role;

    fn deref(&self) -> &Role {
        &self.role
    }
}

impl DerefMut for Director {
    fn deref_mut(&mut self) -> &mut Role {
        &mut self.role
    }
}

impl Director {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Scripts in the engine inside: starts of processes would only take time.
    pub fn embedded() -> Self {
        Self::with(&[("DIRECTOR_RUNNER", "embedded")])
    }

    /// With settings of its own; an empty value unsets one.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut director = Self::prepared(settings);
        director.launch();
        director
    }

    /// Everything but the process.
    pub fn prepared(settings: &[(&str, &str)]) -> Self {
        let mut role = Role::new("director");
        role.set("PATH", &std::env::var("PATH").expect("a search path"));
        role.set("NODE_ENV", "test");
        role.set("TZ", "UTC");
        role.set("GOV_LOG_LEVEL", "debug");
        role.set_all(settings);
        Self { role }
    }

    pub fn tasks(&self) -> PathBuf {
        self.path("tasks")
    }

    /// The file of a task.
    pub fn file(&self, id: &str) -> PathBuf {
        self.tasks().join(format!("{id}.json"))
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        // Whole at once: the director looks as soon as there is something to see.
        let aside = self.path(&format!("{}.new", name.replace('/', "-")));
        std::fs::write(&aside, text).expect("a file");
        std::fs::rename(aside, path).expect("its name");
    }

    /// Names of everything in the folder.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.tasks()).expect("the folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[track_caller]
    pub fn await_log(&self, words: &str) -> String {
        eventually(words, || {
            let log = self.log();
            log.lines().find(|line| line.contains(words)).map(str::to_owned).ok_or(log)
        })
    }

    /// The status of a request whose path goes out exactly as it stands here; clients of HTTP tidy paths up.
    #[track_caller]
    pub fn raw(&self, method: &str, path: &str) -> u16 {
        use std::io::{Read, Write};
        let address = self.address.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("the director");
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// A request below `/api/v1/tasks`.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, &format!("/api/v1/tasks{path}"));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    #[track_caller]
    pub fn create(&self, task: &Value) -> Answer {
        self.call("POST", "", Some(task)).expect(200)
    }

    /// Runs a script text.
    #[track_caller]
    pub fn test(&self, script: &str, config: Value) -> Answer {
        self.call("POST", "/test", Some(&serde_json::json!({ "scriptText": script, "scriptConfig": config })))
    }

    /// The sum of the series of a metric whose labels contain a text.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = self.send(self.request("GET", "/metrics")).expect(200).text;
        let own = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(labels)
        };
        text.lines().filter(own).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Processes of this director's scripts.
    pub fn scripts(&self) -> Vec<i32> {
        let needle = format!("REEVE_RUN={}/director-", self.tasks().canonicalize().expect("the folder").display());
        processes(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&needle)
        })
    }

    #[track_caller]
    pub fn await_no_scripts(&self) {
        eventually("no process of a script is left", || {
            let scripts = self.scripts();
            if scripts.is_empty() { Ok(()) } else { Err(scripts) }
        });
    }
}

/// Living processes for which something holds.
pub fn processes(is_wanted: impl Fn(i32) -> bool) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| is_wanted(*pid) && alive(*pid)).collect()
}

/// Processes with this text in their command line.
pub fn named(text: &str) -> Vec<i32> {
    processes(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(text)
    })
}

impl Drop for Director {
    fn drop(&mut self) {
        if self.process.is_some() {
            // Orderly, so that its scripts end with it.
            self.stop();
        }
    }
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "schedules are about the time of day")]
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so late")
}
