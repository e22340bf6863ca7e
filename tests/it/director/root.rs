//! What lies outside of the tasks: info, health, measurements, documents, commons, cross-origin answers, start and stop.

use serde_json::json;

use super::harness::{Director, Scripts};
use crate::support::{Running, kill};

#[test]
fn the_service_tells_who_it_is_and_how_it_is() {
    let director = Director::start();
    let get = |path: &str| director.send(director.request("GET", path));
    let info = get("/info").expect(200);
    assert_eq!(info.text, r#"{"info":"This API was generated using oas-generator!","name":"Task list"}"#);
    director.send(director.request("HEAD", "/info")).expect(200);
    get("/health/live").is(200, json!({ "status": "live" }));
    let ready = get("/health/ready").expect(200).json();
    assert_eq!((&ready["status"], &ready["checks"]["folder"]["tasks"]), (&json!("ready"), &json!(0)));
    let metrics = get("/metrics").expect(200).text;
    assert!(metrics.contains("http_requests_total{") && metrics.contains("director_tasks 0"), "{metrics}");
    let commons = get("/commons").expect(200).json();
    assert_eq!(commons["serviceName"], "governify-director");
    assert_eq!(get("/commons/requestLogging").expect(200).text, "Enabled");
    assert_eq!(get("/commons/nothing").expect(400).text, "Method not implemented");
}

#[test]
fn the_documents_are_at_the_original_s_addresses() {
    let director = Director::start();
    let document = director.send(director.request("GET", "/api-docs")).expect(200).json();
    assert_eq!((&document["openapi"], &document["info"]["title"]), (&json!("3.0.0"), &json!("Task list")));
    let page = director.send(director.request("GET", "/docs")).expect(200);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[test]
fn any_origin_may_ask_and_every_answer_has_an_id() {
    let director = Director::start();
    let answer = director.send(director.request("OPTIONS", "/api/v1/tasks").header("origin", "http://x")).expect(204);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let answer = director.send(director.request("GET", "/api/v1/tasks").header("x-request-id", "mine-1"));
    assert_eq!(answer.headers["x-request-id"], "mine-1");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
}

#[test]
fn a_wrong_setting_is_told_and_nothing_starts() {
    let director = Director::prepared(&[("DIRECTOR_RUNNER", "bun"), ("PORT", "x")]);
    let mut process = Running::start(director.command());
    assert_ne!(process.end(), 0);
    let log = director.log();
    assert!(log.contains("DIRECTOR_RUNNER") && log.contains("PORT") && log.contains("docs/director.md"), "{log}");
    let director = Director::prepared(&[("DIRECTOR_RUNNER", "node"), ("DIRECTOR_NODE", "/nowhere/node")]);
    let mut process = Running::start(director.command());
    assert_ne!(process.end(), 0);
    assert!(director.log().contains("DIRECTOR_RUNNER=embedded"), "{}", director.log());
}

#[test]
fn without_node_the_engine_inside_runs_scripts() {
    let director = Director::with(&[("PATH", "/nowhere")]);
    assert!(director.log().contains("there is no Node.js"));
    assert_eq!(director.test("exports.main = c => c", json!([1, 2])).expect(200).text, "[1,2]");
    let message = director.test("require('axios')", json!(1)).expect(500).json();
    assert!(message["message"].as_str().unwrap().contains("DIRECTOR_RUNNER=node"), "{message}");
}

#[test]
fn a_stop_finishes_answers_and_ends_what_goes_on() {
    let scripts = Scripts::start();
    let slow = scripts.put("slow.js", "exports.main = () => new Promise(done => setTimeout(() => done('slow'), 700))");
    let hang = scripts.put("hang.js", "exports.main = () => { for (;;); }");
    let mut director = Director::with(&[("DRAIN_TIMEOUT", "3")]);
    director.create(&json!({ "id": "slow", "script": slow }));
    let hanging =
        json!({ "id": "hang", "script": hang, "running": true, "init": 0, "interval": 100, "end": "2100-01-01" });
    director.create(&hanging);
    director.await_log("fires");
    let pid = director.pid();
    let answer = director.block_on(async {
        let request = super::harness::answer(director.request("POST", "/api/v1/tasks/slow/run"));
        let stop = async {
            // When both scripts run.
            while director.scripts().len() < 2 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            kill(pid, 15);
        };
        tokio::join!(request, stop).0
    });
    assert_eq!(answer.expect(200).text, "\"slow\"");
    assert_eq!(director.process.take().expect("a process").end(), 0);
    assert!(director.scripts().is_empty());
}
