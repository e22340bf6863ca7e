//! What the registry and the director cost: processor time of the server per answered request, the time that many
//! collectors together take, memory, time to ready. The marks are fractions of what the originals took (docs/benchmarks.md).

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::collector::Collector;
use support::server::Server;
use support::{Row, Stack, median, report};

const SERVICES: &str = r#"
[stack]
name = "bench"
[volumes.mongo]
[services.mongo]
preset = "mongodb"
ports = { mongo = "auto" }
volumes = { data = "mongo" }
env = { MONGO_USER = "bench", MONGO_DB = "registry", MONGO_LOG_DB = "logs" }
credentials = { url = "mongodb://bench:${secret.mongo_password | url}@${self.host}:${self.port}/registry?authSource=admin&directConnection=true" }
"#;

/// Of the original, measured on the same kind of machine: µs of the server's processor time per request.
const ORIGINAL_AGREEMENT_US: f64 = 1500.0;
const ORIGINAL_AGREEMENTS_US: f64 = 18_000.0;
const ORIGINAL_GUARANTEES_US: f64 = 100_000.0;

/// Calls of one calculation, whose first and last twentieths are compared.
const CALLS: usize = 1000;
const SCOPES: usize = 200;
/// How many collectors the registry asks at a time, set for the bench so that there is more than one round.
const BOUND: usize = 50;
const ANSWER: Duration = Duration::from_millis(50);
/// Of the evidence of a state; 500 states of it are 50 MB.
const HEAVY: usize = 100_000;
const HEAVY_STATES: usize = 500;

fn main() {
    let work = tempfile::tempdir().expect("a temporary directory");
    let file = work.path().join("services.toml");
    std::fs::write(&file, SERVICES).expect("services.toml");
    let stack = Stack::new(file, work.path().join("data"), 0);
    stack.run("up", &["-d", "--wait"]);
    let credentials = stack.run("credentials", &["--json"]);
    let credentials: Value = serde_json::from_slice(&credentials.stdout).expect("JSON");
    let mongo = credentials["services"]["mongo"]["url"].as_str().expect("an address").to_owned();
    let quick = Collector::start(Duration::ZERO, 100);
    let slow = Collector::start(ANSWER, 100);
    let heavy = Collector::start(Duration::ZERO, HEAVY);
    let infrastructure = work.path().join("infrastructure.yaml");
    let text =
        format!("quick: http://{}\nslow: http://{}\nheavy: http://{}\n", quick.address, slow.address, heavy.address);
    std::fs::write(&infrastructure, text).expect("the infrastructure");
    let environment = [
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("MONGO_URI", mongo),
        ("GOV_INFRASTRUCTURE", infrastructure.display().to_string()),
        ("GOV_LOG_MONGODB_ENABLED", "false".to_owned()),
        ("REGISTRY_COLLECTOR_AT_ONCE", BOUND.to_string()),
    ];
    let mut rows = registry(work.path(), &environment);
    rows.extend(director(work.path()));
    report("governance", &rows);
}

fn registry(work: &Path, environment: &[(&str, String)]) -> Vec<Row> {
    // Collections and indexes are made by the first start.
    drop(Server::start("registry", work, environment));
    let starts: Vec<f64> = (0..10).map(|_| Server::timed_start("registry", work, environment)).collect();
    let server = Server::start("registry", work, environment);
    server.settle();
    let rest = server.resident();
    let client = Client::new(&server);
    client.post("/agreements", &agreement("tpa-1", "quick", 5, 1));
    let size = client.get("/agreements/tpa-1").len();
    assert!((2_800..=3_600).contains(&size), "an agreement of {size} bytes is not the one that was measured");

    let mut rows = Vec::new();
    let none: [String; 0] = [];
    server.load("/api/v6/agreements/tpa-1", 32, 2, &none);
    let one = server.load("/api/v6/agreements/tpa-1", 32, 6, &none);
    let mark = Some(ORIGINAL_AGREEMENT_US / 15.0);
    rows.push(Row::value("an agreement: server CPU per request", one.cpu_us, "µs", mark));
    rows.push(Row::value("an agreement: requests per second", one.rate, "", None));
    for number in 2..=100 {
        client.post("/agreements", &agreement(&format!("tpa-{number}"), "quick", 5, 1));
    }
    let all = server.load("/api/v6/agreements", 8, 6, &none);
    let mark = Some(ORIGINAL_AGREEMENTS_US / 15e3);
    rows.push(Row::value("100 agreements: server CPU per request", all.cpu_us / 1e3, "ms", mark));

    let states = "/states/tpa-1/guarantees?from=2024-01-01&to=2024-01-31&newPeriodsFromGuarantees=false";
    let before = server.cpu();
    let times: Vec<f64> = (0..CALLS).map(|_| client.timed(states)).collect();
    let spent = (server.cpu() - before) / times.len() as f64 * 1e3;
    rows.push(Row::value(
        "state of 5 guarantees: server CPU per request",
        spent,
        "ms",
        Some(ORIGINAL_GUARANTEES_US / 20e3),
    ));
    rows.push(Row::value(
        "state of 5 guarantees: time of a request",
        median(&times),
        "ms",
        Some(ORIGINAL_GUARANTEES_US / 20e3),
    ));
    let part = CALLS / 20;
    let (first, last) = (&times[..part], &times[CALLS - part..]);
    rows.push(Row::ratio("state of 5 guarantees: last 50 of 1,000 calls ÷ first 50", last, first, "ms", Some(1.1)));

    client.post("/agreements", &agreement("tpa-slow", "slow", 1, SCOPES));
    let states = "/states/tpa-slow/guarantees?from=2024-01-01&to=2024-01-31&newPeriodsFromGuarantees=false";
    client.timed(states);
    let times: Vec<f64> = (0..10).map(|_| client.timed(states)).collect();
    let rounds = ANSWER.as_secs_f64() * 1e3 * SCOPES.div_ceil(BOUND) as f64;
    let what = format!("{SCOPES} scopes, {BOUND} at a time ÷ rounds of a collector that takes 50 ms");
    rows.push(Row::ratio(&what, &times, &[rounds], "ms", Some(1.5)));

    client.post("/agreements", &agreement("tpa-heavy", "heavy", 1, HEAVY_STATES));
    client.get("/states/tpa-heavy/guarantees?from=2024-01-01&to=2024-01-31&newPeriodsFromGuarantees=false");
    drop(client);
    drop(server);

    let server = Server::start("registry", work, environment);
    let client = Client::new(&server);
    let path = "/states/tpa-heavy/filtered?indicator=HEAVY0_METRIC&type=metrics&from=2024-01-01T00:00:00.000Z";
    let (bytes, peak) = client.streamed(path, &server);
    assert!(bytes > 45_000_000, "only {bytes} bytes of states were streamed");
    rows.push(Row::value("registry: resident memory at rest", rest, "MiB", Some(20.0)));
    rows.push(Row::value("registry: most resident memory while 50 MB stream out", peak, "MiB", Some(40.0)));
    rows.push(Row::value("registry: exec to ready", median(&starts), "ms", Some(150.0)));
    rows
}

fn director(work: &Path) -> Vec<Row> {
    let environment = [
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("GOV_LOG_MONGODB_ENABLED", "false".to_owned()),
    ];
    let starts: Vec<f64> = (0..10).map(|_| Server::timed_start("director", work, &environment)).collect();
    let server = Server::start("director", work, &environment);
    server.settle();
    vec![
        Row::value("director: resident memory at rest", server.resident(), "MiB", Some(20.0)),
        Row::value("director: exec to ready", median(&starts), "ms", Some(150.0)),
    ]
}

/// As the STATUS backend builds it: guarantees of one metric each, one `of` element a scope.
fn agreement(id: &str, collector: &str, guarantees: usize, scopes: usize) -> Value {
    let name = |index: usize| format!("{}{index}", collector.to_uppercase());
    let metrics: serde_json::Map<String, Value> = (0..guarantees)
        .map(|index| {
            let metric = json!({
                "collector": { "infrastructurePath": collector, "endpoint": "/api/v1/computations", "type": "POST-GET-V1-STATUS",
                    "config": { "backendUrl": "http://127.0.0.1:3001/api/v1/computations/bulk" } },
                "measure": { "endpoint": "/uptime", "params": {}, "scope": {} },
            });
            (format!("{}_METRIC", name(index)), metric)
        })
        .collect();
    let guarantee = |index: usize| {
        let metric = format!("{}_METRIC", name(index));
        let of: Vec<Value> = (0..scopes)
            .map(|scope| {
                json!({ "scope": { "project": format!("p{scope}") }, "objective": format!("{metric} >= 80"), "with": { &metric: {} },
                    "window": { "type": "static", "initial": "2022-01-01", "period": "daily" } })
            })
            .collect();
        let scope =
            json!({ "project": { "name": "Project", "description": "which one", "type": "string", "default": "*" } });
        json!({ "id": name(index), "notes": "", "description": "", "scope": scope, "of": of })
    };
    let guarantees: Vec<Value> = (0..guarantees).map(guarantee).collect();
    json!({
        "id": id, "version": "1.0.0", "type": "agreement",
        "context": {
            "validity": { "initial": "2022-01-01", "timeZone": "America/Los_Angeles", "startDate": "2024-01-01", "endDate": "2024-12-31" },
            "definitions": { "schemas": {}, "scopes": {} },
        },
        "terms": { "metrics": metrics, "guarantees": guarantees },
    })
}

/// One caller over one kept connection.
struct Client {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    base: String,
}

impl Client {
    fn new(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        reeve::serve::install_tls();
        Self { runtime, client: reqwest::Client::new(), base: format!("http://{}/api/v6", server.address) }
    }

    fn post(&self, path: &str, body: &Value) {
        self.runtime.block_on(async {
            let sent = self.client.post(format!("{}{path}", self.base)).json(body).send().await;
            sent.and_then(reqwest::Response::error_for_status).expect("it is taken");
        });
    }

    fn get(&self, path: &str) -> Vec<u8> {
        self.runtime.block_on(async {
            let answer = self.client.get(format!("{}{path}", self.base)).send().await;
            let answer = answer.and_then(reqwest::Response::error_for_status).expect("an answer");
            answer.bytes().await.expect("its body").to_vec()
        })
    }

    fn timed(&self, path: &str) -> f64 {
        let begun = Instant::now();
        self.get(path);
        begun.elapsed().as_secs_f64() * 1e3
    }

    /// Bytes of the answer, and the most memory that the server had meanwhile.
    fn streamed(&self, path: &str, server: &Server) -> (usize, f64) {
        self.runtime.block_on(async {
            let mut answer = self.client.get(format!("{}{path}", self.base)).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            let (mut bytes, mut peak) = (0, 0.0_f64);
            while let Some(chunk) = answer.chunk().await.expect("more of the answer") {
                bytes += chunk.len();
                peak = peak.max(server.resident());
            }
            (bytes, peak)
        })
    }
}
