//! One backend for one test: its process, its databases, and a client that says what it got.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::data::{CacheNumber, data};
use crate::support::{Running, binary, eventually, kill};

pub const SECRET: &str = "an access secret of the tests, long enough";
pub const REFRESH_SECRET: &str = "a refresh secret of the tests, long enough";
pub const ENCRYPTION_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub const PREFIX: &str = "/api/v1";

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
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

pub struct Backend {
    process: Option<Running>,
    pub address: String,
    pub database: String,
    environment: BTreeMap<String, String>,
    /// One token per role and test, whenever it is asked for.
    born: u64,
    dir: tempfile::TempDir,
    runtime: Runtime,
    pub http: reqwest::Client,
    cache: CacheNumber,
}

impl Backend {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings of its own; an empty value unsets one.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut backend = Self::prepared(settings);
        backend.launch();
        backend
    }

    /// Everything but the process.
    pub fn prepared(settings: &[(&str, &str)]) -> Self {
        reeve::serve::install_tls();
        let data = data();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let database = format!("test_{}", uuid::Uuid::new_v4().simple());
        let create = format!("CREATE DATABASE {database} OWNER statususer");
        runtime.block_on(execute(&data.postgres_url("postgres"), &create));
        let cache = data.cache();
        let mut environment = BTreeMap::new();
        let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
        set("PORT", "0");
        set("API_PREFIX", PREFIX);
        set("NODE_ENV", "test");
        set("JWT_SECRET", SECRET);
        set("REFRESH_JWT_SECRET", REFRESH_SECRET);
        set("SECRET_ENCRYPTION_KEY", ENCRYPTION_KEY);
        set("DB_HOST", "127.0.0.1");
        set("DB_PORT", &data.postgres_port.to_string());
        set("DB_USER", "postgres");
        set("DB_PASSWORD", &data.postgres_password);
        set("DB_NAME", &database);
        set("DRAGONFLY_HOST", "127.0.0.1");
        set("DRAGONFLY_PORT", &data.valkey_port.to_string());
        set("DRAGONFLY_PASSWORD", &data.valkey_password);
        set("DRAGONFLY_DB", &cache.0.to_string());
        set("MONGO_URI", &data.mongo_url(&database));
        for (name, value) in settings {
            set(name, value);
        }
        Self {
            process: None,
            address: String::new(),
            database,
            environment,
            born: now(),
            dir: tempfile::tempdir().expect("a temporary directory"),
            runtime,
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            cache,
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
            .args(["serve", "backend"])
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
        self.address = eventually("the backend listens", || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.0.try_wait().expect("wait").is_none(), "the backend ended: {text}");
            let line = text.lines().find(|line| line.contains("listens")).map(str::to_owned);
            let address = line.as_deref().and_then(|line| line.split("address=").nth(1));
            address
                .and_then(|rest| rest.split_whitespace().next())
                .map(|address| format!("http://{address}"))
                .ok_or(text)
        });
        self.process = Some(process);
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

    /// An access token as any client of the original would make it.
    pub fn token(&self, authority: &str) -> String {
        token(json!({ "user_id": 1, "username": "tester", "authority": authority, "exp": self.born + 3600 }))
    }

    /// A request below the prefix, with a token in the header, and its answer.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.request(method, &format!("{PREFIX}{path}"));
        if let Some(token) = token {
            request = request.header("x-access-token", token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request)
    }

    /// The same as a signed-in user.
    #[track_caller]
    pub fn user(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call(method, path, Some(&self.token("USER")), body)
    }

    /// The same as an administrator.
    #[track_caller]
    pub fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call(method, path, Some(&self.token("ADMIN")), body)
    }

    /// `path` with the prefix, if it has one.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http.request(method, format!("{}{path}", self.address))
    }

    #[track_caller]
    pub fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.block_on(answer(request))
    }

    /// A request by a user whose path goes out exactly as it stands here; clients of HTTP tidy paths up.
    #[track_caller]
    pub fn send_raw(&self, method: &str, path: &str) -> Answer {
        use std::io::{Read, Write};
        let address = self.address.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("the backend");
        let token = self.token("USER");
        write!(
            stream,
            "{method} {PREFIX}{path} HTTP/1.1\r\nhost: {address}\r\nx-access-token: {token}\r\nconnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, headers: reqwest::header::HeaderMap::new(), text: body.to_owned() }
    }

    /// SQL on this test's database.
    pub fn sql(&self, sql: &str) {
        self.block_on(execute(&data().postgres_url(&self.database), sql));
    }

    /// The first column of every row, as text.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        use sqlx::{Connection, Row};
        self.block_on(async {
            let url = data().postgres_url(&self.database);
            let mut connection = sqlx::PgConnection::connect(&url).await.expect("PostgreSQL");
            let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.expect(sql);
            rows.iter().map(|row| row.try_get::<Option<String>, _>(0).expect("a text").unwrap_or_default()).collect()
        })
    }

    /// This test's numbered database of the cache.
    pub fn cache(&self) -> redis::Connection {
        let url = data().cache_url(self.cache.0);
        redis::Client::open(url).expect("a URL").get_connection().expect("Valkey")
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the backend:\n{}", self.log());
        }
        self.process = None;
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database);
        self.runtime.block_on(execute(&data().postgres_url("postgres"), &drop));
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.expect("a body") }
}

async fn execute(url: &str, sql: &str) {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(url).await.expect("PostgreSQL");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("closed");
}

/// Signed with the access secret, whatever the claims.
pub fn token(claims: Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token")
}

#[expect(clippy::disallowed_methods, reason = "tokens carry the time of day")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
