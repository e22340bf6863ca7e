//! What the backend costs: processor time of the server per answered request, rate, latencies, memory, time to ready.
//!
//! `wrk` asks over loopback from the same machine, PostgreSQL and Valkey run on the same processors. The marks are
//! fractions of what the original took on such a machine (docs/benchmarks.md).

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::time::{Duration, Instant};

use support::server::Server;
use support::{Row, Stack, median, report};

const SERVICES: &str = r#"
[stack]
name = "bench"
[volumes.postgres]
[volumes.valkey]
[services.postgres]
preset = "postgresql"
ports = { sql = "auto" }
volumes = { data = "postgres" }
env = { POSTGRES_DB = "statusdb", POSTGRES_USER = "statususer", POSTGRES_READER = "grafanauser" }
credentials = { password = "${secret.db_password}", port = "${self.port}" }
[services.valkey]
preset = "valkey"
ports = { redis = "auto" }
volumes = { data = "valkey" }
credentials = { password = "${secret.cache_password}", port = "${self.port}" }
"#;

const SECRET: &str = "a secret of the bench, which is long enough";
const PASSWORD: &str = "bench-password";
/// Of the original, measured on the same kind of machine: µs of the server's processor time per request, and requests per second.
const ORIGINAL_SCOPES_US: f64 = 816.0;
const ORIGINAL_POINT_US: f64 = 988.0;
const ORIGINAL_POINTS_US: f64 = 300_000.0;
const ORIGINAL_RATE: f64 = 1300.0;
const POINTS: usize = 10_000;

fn main() {
    let work = tempfile::tempdir().expect("a temporary directory");
    let file = work.path().join("services.toml");
    std::fs::write(&file, SERVICES).expect("services.toml");
    let stack = Stack::new(file, work.path().join("data"), 0);
    stack.run("up", &["-d", "--wait"]);
    let credentials = stack.run("credentials", &["--json"]);
    let credentials: serde_json::Value = serde_json::from_slice(&credentials.stdout).expect("JSON");
    let text =
        |service: &str, label: &str| credentials["services"][service][label].as_str().expect("a credential").to_owned();
    let environment = [
        ("DB_HOST", "127.0.0.1".to_owned()),
        ("DB_PORT", text("postgres", "port")),
        ("DB_USER", "statususer".to_owned()),
        ("DB_PASSWORD", text("postgres", "password")),
        ("DRAGONFLY_PORT", text("valkey", "port")),
        ("DRAGONFLY_PASSWORD", text("valkey", "password")),
        ("PORT", "0".to_owned()),
        // One name from one address, as often as it can.
        ("RATE_LIMIT_SIGN_IN", "0".to_owned()),
        ("RATE_LIMIT_SIGN_IN_ADDRESS", "0".to_owned()),
        ("NODE_ENV", "test".to_owned()),
        ("JWT_SECRET", SECRET.to_owned()),
        ("REFRESH_JWT_SECRET", SECRET.chars().rev().collect()),
        ("SECRET_ENCRYPTION_KEY", "0".repeat(64)),
    ];
    // The schema is made by the first start.
    drop(Server::start("backend", work.path(), &environment));
    let database = format!(
        "postgres://statususer:{}@127.0.0.1:{}/statusdb",
        text("postgres", "password"),
        text("postgres", "port")
    );
    let point = fill(&database);
    let starts: Vec<f64> = (0..10).map(|_| Server::timed_start("backend", work.path(), &environment)).collect();

    let server = Server::start("backend", work.path(), &environment);
    let token = ["-H".to_owned(), format!("x-access-token: {}", token())];
    server.settle();
    let rest = server.resident();
    let mut rows = Vec::new();
    let mut push = |row| rows.push(row);
    for (name, path, original) in [
        ("list of scopes", "/scopes".to_owned(), ORIGINAL_SCOPES_US),
        ("list of catalogs", "/catalogs".to_owned(), ORIGINAL_SCOPES_US),
        ("one point", format!("/points/{point}"), ORIGINAL_POINT_US),
    ] {
        server.load(&path, 32, 2, &token);
        let at_32 = server.load(&path, 32, 6, &token);
        let at_64 = server.load(&path, 64, 6, &token);
        push(Row::value(&format!("{name}: server CPU per request"), at_32.cpu_us, "µs", Some(original / 15.0)));
        push(
            Row::value(&format!("{name}: requests per second"), at_32.rate, "", Some(ORIGINAL_RATE * 10.0)).at_least(),
        );
        push(Row::value(&format!("{name}: p99 ÷ p50 at 64 connections"), at_64.p99_ms / at_64.p50_ms, "", Some(5.0)));
    }
    let many = server.load("/points", 4, 6, &token);
    push(Row::value("10,000 points: server CPU per request", many.cpu_us / 1e3, "ms", Some(ORIGINAL_POINTS_US / 15e3)));
    // Small requests by themselves, and with somebody who reads all points all the time.
    let small = format!("/points/{point}");
    let alone = server.load(&small, 4, 6, &token);
    let mut other = server.wrk("/points", 1, 10, &token);
    let beside = server.load(&small, 4, 6, &token);
    other.wait().expect("wrk ends");
    push(Row::value("one point: p99 beside 10,000 points ÷ p99 alone", beside.p99_ms / alone.p99_ms, "", Some(3.0)));

    let script = work.path().join("sign_in.lua");
    std::fs::write(
        &script,
        format!(
            "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\n\
             wrk.body = '{{\"username\":\"bench\",\"password\":\"{PASSWORD}\"}}'\n"
        ),
    )
    .expect("a script");
    let bare = hashes_per_second(&bcrypt::hash(PASSWORD, 10).expect("a hash"));
    let signed = server.load("/users/signIn", 8, 6, &["-s".to_owned(), script.display().to_string()]);
    push(Row::value("sign-ins ÷ bcrypt checks on the same processors", signed.rate / bare, "", Some(0.9)).at_least());
    push(Row::value("resident memory at rest", rest, "MiB", Some(20.0)));
    push(Row::value("resident memory after 100,000 requests and more", server.resident(), "MiB", Some(40.0)));
    push(Row::value("exec to ready, schema in place", median(&starts), "ms", Some(150.0)));
    drop(server);
    report("backend", &rows);
}

/// Rows to read, and somebody to sign in. The id of one point.
fn fill(database: &str) -> String {
    use sqlx::{Connection, Row};
    let hash = bcrypt::hash(PASSWORD, 10).expect("a hash");
    let sql = format!(
        r#"INSERT INTO "Scopes" (id, name, description, type, "default", "createdAt", "updatedAt")
            SELECT gen_random_uuid(), 'scope_' || n, 'what it means', 'string', '*', now(), now() FROM generate_series(1, 4) n;
        INSERT INTO catalog (name, description, "startDate", "endDate", "tpaId")
            SELECT 'catalog ' || n, 'what is in it', now(), now(), 'tpa-' || gen_random_uuid() FROM generate_series(1, 6) n;
        INSERT INTO "Points" (id, "agreementId", "guaranteeId", "guaranteeValue", "guaranteeResult", timestamp, metrics,
                scope, "computationGroup", "createdAt", "updatedAt")
            SELECT gen_random_uuid(), 'tpa-ded320a7-5733-4a7e-9e1d-4dc9a09a199c', 'DATA_PRIVACY', n % 100, true, now(),
                jsonb_build_object('DATA_PRIVACY_METRIC', n % 100),
                jsonb_build_object('country', 'Spain', 'city', 'Seville', 'declaration', 'DEC-' || n),
                gen_random_uuid(), now(), now() FROM generate_series(1, {POINTS}) n;
        INSERT INTO "Users" (username, password, authority, email, "createdAt", "updatedAt")
            VALUES ('bench', '{hash}', 'USER', 'bench@example.com', now(), now());
        ANALYZE;"#
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut connection = sqlx::PgConnection::connect(database).await.expect("PostgreSQL");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect("the rows");
        let row = sqlx::query(r#"SELECT id::text FROM "Points" LIMIT 1"#).fetch_one(&mut connection).await;
        row.expect("a point").get(0)
    })
}

fn token() -> String {
    let claims = serde_json::json!({ "user_id": 1, "username": "bench", "authority": "USER" });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token")
}

/// Checks per second on all processors, and nothing else.
fn hashes_per_second(hash: &str) -> f64 {
    let threads = std::thread::available_parallelism().expect("processors").get();
    let begun = Instant::now();
    let count: u32 = std::thread::scope(|scope| {
        let check = || {
            let mut count = 0;
            while begun.elapsed() < Duration::from_secs(3) {
                assert!(bcrypt::verify(PASSWORD, hash).expect("a check"));
                count += 1;
            }
            count
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(check)).collect();
        running.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    });
    f64::from(count) / begun.elapsed().as_secs_f64()
}
