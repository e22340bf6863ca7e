//! The cases of the original's test suite, in its order, as black-box requests. Objects are compared as texts, because the
//! original's tests do.

use serde_json::{Value, json};

use super::harness::{Director, Scripts};

/// As the original's tests have them: dates that are none, an interval that is a text.
fn sample(id: &str, script: &str) -> Value {
    json!({
        "id": id,
        "script": script,
        "running": true,
        "config": { "scope": { "project": "1010101010", "class": "2021-2022" }, "agreementId": 123_127 },
        "init": "24/06/2022",
        "interval": "5000",
        "end": "25/06/2022",
    })
}

fn plain() -> Value {
    sample("123125", "http://localhost:5200/api/v1/tasks/run.js")
}

#[test]
fn status_and_badge() {
    let director = Director::start();
    director.create(&plain());
    assert!(director.file("123125").exists());
    let badge = director.get("/123125/badge").expect(200);
    assert_eq!(badge.headers["content-type"], "image/svg+xml");
    assert!(badge.text.contains("Director: Running"));
    assert_eq!(director.get("/123125/status").expect(200).text, r#"{"id":"123125","running":true}"#);
    director.call("DELETE", "/123125", None).is(202, json!({ "code": 202, "message": "Deleted" }));
    assert!(!director.file("123125").exists());
}

#[test]
fn list_create_read_and_delete() {
    let director = Director::start();
    assert_eq!(director.get("").expect(200).text, "[]");
    assert_eq!(director.create(&plain()).text, plain().to_string());
    assert!(director.file("123125").exists());
    assert_eq!(director.get("/123125").expect(200).text, plain().to_string());
    director.call("DELETE", "/123125", None).expect(202);
    assert!(!director.file("123125").exists());
    assert_eq!(director.get("").expect(200).text, "[]");
}

#[test]
fn replace() {
    let director = Director::start();
    director.create(&plain());
    let mut other = plain();
    other["config"] = json!({ "other": [1, 2.5, null] });
    other["running"] = json!(false);
    director.call("PUT", "/123125", Some(&other)).is(200, json!({ "code": 201, "message": "Updated" }));
    assert_eq!(director.get("/123125").expect(200).text, other.to_string());
    director.call("DELETE", "/123125", None).expect(202);
    assert!(director.names().is_empty());
}

#[test]
fn actions() {
    let director = Director::start();
    let mut task = plain();
    for (action, running) in [("stop", false), ("start", true), ("switch", false)] {
        director.create(&plain());
        if action == "start" {
            director.call("POST", "/123125/status/stop", None).expect(200);
        }
        task["running"] = json!(running);
        let answer = director.call("POST", &format!("/123125/status/{action}"), None).expect(200);
        assert_eq!(answer.text, task.to_string());
        assert_eq!(director.get("/123125").expect(200).text, task.to_string());
        director.call("DELETE", "/123125", None).expect(202);
    }
}

#[test]
fn test_and_run() {
    let scripts = Scripts::start();
    let echo = "'use strict'; module.exports.main = async (config) => { return config; };";
    let script = scripts.put("api/v1/tasks/run.js", echo);
    let director = Director::start();
    let config = json!({ "scope": { "project": "1010101010" }, "agreementId": 123_127 });
    assert_eq!(director.test(echo, config.clone()).expect(200).text, config.to_string());
    director.create(&sample("123127", &script));
    let answer = director.call("POST", "/123127/run", None).expect(200);
    assert_eq!(answer.text, sample("123127", &script)["config"].to_string());
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(scripts.server.last().header("user-agent"), Some("request"));
    director.call("DELETE", "/123127", None).expect(202);
}

#[test]
fn what_exists_is_not_created_again() {
    let director = Director::start();
    director.create(&plain());
    director.call("POST", "", Some(&plain())).is(400, json!({ "code": 400, "message": "Task already exists" }));
    assert!(director.file("123125").exists());
}

#[test]
fn unknown_addresses_are_not_found() {
    let director = Director::start();
    director.create(&plain());
    for (method, path) in [
        ("GET", "/api/v1/task/123125"),
        ("PUT", "/api/v1/task/123125"),
        ("DELETE", "/api/v1/task/123125"),
        ("GET", "/api/v1/task/123125/status"),
        ("GET", "/api/v1/task/123125/badge"),
        ("PATCH", "/api/v1/tasks/123125"),
        ("DELETE", "/api/v1/tasks"),
    ] {
        let answer = director.send(director.request(method, path)).expect(404);
        assert_eq!(answer.reason, "Not Found");
        assert!(answer.text.contains(&format!("Cannot {method} {path}")), "{}", answer.text);
    }
}

#[test]
fn actions_that_cannot_be() {
    let director = Director::start();
    let refused = |message: &str| json!({ "code": 400, "message": message });
    for action in ["start", "stop", "switch", "other"] {
        let answer = director.call("POST", &format!("/undefined/status/{action}"), None);
        answer.is(404, json!({ "code": 404, "message": "Not Found" }));
    }
    director.create(&plain());
    director.call("POST", "/123125/status/other", None).is(400, refused("Action not permitted"));
    director.call("POST", "/123125/status/START", None).is(400, refused("Action not permitted"));
    director.call("POST", "/123125/status/start", None).is(400, refused("Task already running"));
    director.call("POST", "/123125/status/stop", None).expect(200);
    director.call("POST", "/123125/status/stop", None).is(400, refused("Task is not running"));
}

#[test]
fn runs_that_fail() {
    let scripts = Scripts::start();
    let bad = scripts.put("badRun.js", "module.exports.main = async () => { return notDefined; };");
    let director = Director::start();
    director.call("POST", "/undefined/run", None).is(404, json!({ "code": 404, "message": "Not Found" }));
    director.create(&sample("123128", &bad));
    director.call("POST", "/123128/run", None).expect(500);
    director.test("this is no script", json!({})).expect(500);
    director.call("DELETE", "/123128", None).expect(202);
}
