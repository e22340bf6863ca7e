//! One backend for one test: its process, its databases, and a client that says what it got.

use std::ops::{Deref, DerefMut};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::data::{CacheNumber, data};
use crate::support::role::Role;
pub use crate::support::role::{Answer, answer};

pub const SECRET: &str = "an access secret of the tests, long enough";
pub const REFRESH_SECRET: &str = "a refresh secret of the tests, long enough";
pub const ENCRYPTION_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub const PREFIX: &str = "/api/v1";

pub struct Backend {
    role: Role,
    pub database: String,
    /// One token per role and test, whenever it is asked for.
    born: u64,
    cache: CacheNumber,
}

impl Deref for Backend {
    type Target = Role;

    fn deref(&self) -> &Role {
        &self.role
    }
}

impl DerefMut for Backend {
    fn deref_mut(&mut self) -> &mut Role {
        &mut self.role
    }
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
        let mut role = Role::new("backend");
        let data = data();
        let database = format!("test_{}", uuid::Uuid::new_v4().simple());
        let create = format!("CREATE DATABASE {database} OWNER statususer");
        role.block_on(execute(&data.postgres_url("postgres"), &create));
        let cache = data.cache();
        let mut set = |name: &str, value: &str| role.set(name, value);
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
        role.set_all(settings);
        Self { role, database, born: now(), cache }
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
        Answer { status, reason: String::new(), headers: reqwest::header::HeaderMap::new(), text: body.to_owned() }
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
        self.process = None;
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database);
        self.block_on(execute(&data().postgres_url("postgres"), &drop));
    }
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
