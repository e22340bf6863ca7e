//! What the backend costs: processor time of the server per answered request, rate, latencies, memory, time to ready.
//!
//! `wrk` asks over loopback from the same machine, PostgreSQL and Valkey run on the same processors. The marks are
//! fractions of what the original took on such a machine (docs/benchmarks.md).

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{REEVE, Row, Stack, eventually, median, report};

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

struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, or now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `wrk` saw, and what the server spent.
struct Load {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
}

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
    drop(start(work.path(), &environment));
    let database = format!(
        "postgres://statususer:{}@127.0.0.1:{}/statusdb",
        text("postgres", "password"),
        text("postgres", "port")
    );
    let point = fill(&database);
    let starts: Vec<f64> = (0..10).map(|_| timed_start(work.path(), &environment)).collect();

    let server = start(work.path(), &environment);
    let rest = resident(&server);
    let mut rows = Vec::new();
    let mut push = |row| rows.push(row);
    for (name, path, original) in [
        ("list of scopes", "/scopes".to_owned(), ORIGINAL_SCOPES_US),
        ("list of catalogs", "/catalogs".to_owned(), ORIGINAL_SCOPES_US),
        ("one point", format!("/points/{point}"), ORIGINAL_POINT_US),
    ] {
        load(&server, &path, 32, 2, None);
        let at_32 = load(&server, &path, 32, 6, None);
        let at_64 = load(&server, &path, 64, 6, None);
        push(Row::value(&format!("{name}: server CPU per request"), at_32.cpu_us, "µs", Some(original / 15.0)));
        push(
            Row::value(&format!("{name}: requests per second"), at_32.rate, "", Some(ORIGINAL_RATE * 10.0)).at_least(),
        );
        push(Row::value(&format!("{name}: p99 ÷ p50 at 64 connections"), at_64.p99_ms / at_64.p50_ms, "", Some(5.0)));
    }
    let many = load(&server, "/points", 4, 6, None);
    push(Row::value("10,000 points: server CPU per request", many.cpu_us / 1e3, "ms", Some(ORIGINAL_POINTS_US / 15e3)));
    // Small requests by themselves, and with somebody who reads all points all the time.
    let small = format!("/points/{point}");
    let alone = load(&server, &small, 4, 6, None);
    let mut other = wrk(&server, "/points", 1, 10, None);
    let beside = load(&server, &small, 4, 6, None);
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
    let signed = load(&server, "/users/signIn", 8, 6, Some(&script));
    push(Row::value("sign-ins ÷ bcrypt checks on the same processors", signed.rate / bare, "", Some(0.9)).at_least());
    push(Row::value("resident memory at rest", rest, "MiB", Some(20.0)));
    push(Row::value("resident memory after 100,000 requests and more", resident(&server), "MiB", Some(40.0)));
    push(Row::value("exec to ready, schema in place", median(&starts), "ms", Some(150.0)));
    drop(server);
    report("backend", &rows);
}

#[expect(clippy::disallowed_methods, reason = "a bench is no supervisor: it waits for this child itself")]
fn start(work: &Path, environment: &[(&str, String)]) -> Server {
    let log = work.join("backend.log");
    let output = std::fs::File::create(&log).expect("a log");
    let mut command = Command::new(REEVE);
    command.args(["serve", "backend"]).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(work).stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let process = command.spawn().expect("the backend starts");
    let mut address = String::new();
    eventually("the backend listens", Duration::from_secs(20), || {
        let text = std::fs::read_to_string(&log).expect("the log");
        let found = text.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
        address = found.unwrap_or_default().to_owned();
        !address.is_empty()
    });
    Server { process, address }
}

/// Milliseconds from exec to the first good answer about readiness.
fn timed_start(work: &Path, environment: &[(&str, String)]) -> f64 {
    let begun = Instant::now();
    let server = start(work, environment);
    eventually("the backend is ready", Duration::from_secs(20), || {
        let Ok(mut stream) = std::net::TcpStream::connect(&server.address) else { return false };
        let request = "GET /health/ready HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        std::io::Write::write_all(&mut stream, request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    });
    begun.elapsed().as_secs_f64() * 1e3
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

#[expect(clippy::disallowed_methods, reason = "a bench is no supervisor: it waits for this child itself")]
fn wrk(server: &Server, path: &str, connections: u32, seconds: u32, script: Option<&Path>) -> Child {
    let mut command = Command::new("wrk");
    command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}"), "--latency", "--timeout", "30s"]);
    command.args(["-H", &format!("x-access-token: {}", token())]);
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    command.arg(format!("http://{}{path}", server.address)).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.spawn().expect("wrk, from the package of that name")
}

fn load(server: &Server, path: &str, connections: u32, seconds: u32, script: Option<&Path>) -> Load {
    let before = cpu(server);
    let output = wrk(server, path, connections, seconds, script).wait_with_output().expect("wrk ends");
    let spent = cpu(server) - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "{path}: {text}");
    let number = |after: &str| {
        let rest = text.split(after).nth(1).unwrap_or_else(|| panic!("{after} in {text}"));
        rest.split_whitespace().next().expect("a number").to_owned()
    };
    let ms = |text: String| {
        let (digits, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic()).expect("a unit"));
        let scale = match unit {
            "us" => 1e-3,
            "ms" => 1.0,
            _ => 1e3,
        };
        digits.parse::<f64>().expect("a time") * scale
    };
    let line = text.lines().find(|line| line.contains("requests in")).expect("a count");
    let count: f64 = line.split_whitespace().next().and_then(|count| count.parse().ok()).expect("a count");
    Load {
        rate: number("Requests/sec:").parse().expect("a rate"),
        p50_ms: ms(number("50%")),
        p99_ms: ms(number("99%")),
        cpu_us: spent / count * 1e6,
    }
}

/// Seconds of processor time so far, of the server and of the kernel for it.
fn cpu(server: &Server) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.process.id())).expect("stat");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: f64 = [11, 12].into_iter().map(|at: usize| fields[at].parse::<f64>().expect("ticks")).sum();
    // USER_HZ of every Linux that this runs on.
    ticks / 100.0
}

fn resident(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).expect("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("KiB") / 1024.0
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
