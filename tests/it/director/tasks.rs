//! Tasks beyond the original's tests: filters, ids that are dangerous, errors, order, bodies.

use serde_json::{Value, json};

use super::harness::Director;

#[test]
fn a_list_is_in_the_order_of_files_and_can_be_filtered() {
    let director = Director::start();
    for id in ["b", "10", "a", "9"] {
        director.create(&json!({ "id": id, "n": 1, "kind": if id < "a" { "x" } else { "y" }, "running": "true" }));
    }
    let ids = |query: &str| {
        let list = director.get(query).expect(200).json();
        list.as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(""), ["10", "9", "a", "b"]);
    assert_eq!(ids("?kind=y"), ["a", "b"]);
    assert_eq!(ids("?kind=y&id=b"), ["b"]);
    assert_eq!(ids("?running=true").len(), 4);
    for none in ["?n=1", "?unknown=1", "?kind=", "?kind=y&kind=y"] {
        assert!(ids(none).is_empty(), "{none}");
    }
}

#[test]
fn an_id_never_leads_out_of_the_folder() {
    let director = Director::start();
    director.write("outside.json", r#"{"id":"outside"}"#);
    for id in ["../outside", "..", ".", "a/b", "a\\b", "/etc/x", "a\u{0}b", "x/../../outside"] {
        let task = json!({ "id": id, "n": id });
        let answer = director.call("POST", "", Some(&task)).expect(400).json();
        assert_eq!(answer["code"], 400, "{answer}");
        director.create(&json!({ "id": "safe", "n": 1 }));
        director.call("PUT", "/safe", Some(&task)).expect(400);
        director.call("DELETE", "/safe", None).expect(202);
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for (method, rest) in [("GET", ""), ("DELETE", ""), ("PUT", ""), ("GET", "/status"), ("POST", "/run")] {
            assert_eq!(director.raw(method, &format!("/api/v1/tasks/{encoded}{rest}")), 404, "{method} {id}{rest}");
        }
    }
    director.call("POST", "", Some(&json!({ "id": "x".repeat(500) }))).expect(400);
    director.call("POST", "", Some(&json!({ "id": {} }))).expect(400);
    assert!(director.names().is_empty());
    assert_eq!(std::fs::read_to_string(director.path("outside.json")).unwrap(), r#"{"id":"outside"}"#);
    // A task from elsewhere may have such an id inside; it can be read and removed by it, and nothing else happens.
    director.write("tasks/odd.json", r#"{"id":"../outside","running":false}"#);
    director.get("/..%2Foutside").expect(200);
    director.call("PUT", "/..%2Foutside", Some(&json!({ "n": 1 }))).expect(400);
    director.call("DELETE", "/..%2Foutside", None).expect(202);
    assert!(director.path("outside.json").exists() && director.names().is_empty());
}

#[test]
fn an_id_is_made_when_there_is_none() {
    let director = Director::start();
    let made = director.create(&json!({ "n": 1 })).json();
    let id = made["id"].as_str().unwrap();
    assert!(uuid::Uuid::try_parse(id).is_ok() && director.file(id).exists());
    assert_eq!(made.to_string(), format!(r#"{{"n":1,"id":"{id}"}}"#));
    // Every stored task has all members of an empty body.
    director.call("POST", "", Some(&json!({}))).expect(400);
    director.call("DELETE", &format!("/{id}"), None).expect(202);
    assert_eq!(director.call("POST", "", None).expect(200).json().as_object().unwrap().len(), 1);
}

#[test]
fn a_replaced_task_keeps_or_changes_its_name() {
    let director = Director::start();
    director.create(&json!({ "id": "a", "n": 1 }));
    director.call("PUT", "/a", Some(&json!({ "n": 2 }))).expect(200);
    assert_eq!(director.get("/a").expect(200).text, r#"{"n":2,"id":"a"}"#);
    director.call("PUT", "/a", Some(&json!({ "id": "b", "n": 3 }))).expect(200);
    assert_eq!(director.names(), ["b.json"]);
    director.get("/a").expect(404);
    director.call("PUT", "/a", Some(&json!({ "n": 3 }))).expect(404);
    director.call("PUT", "/a", Some(&json!([]))).expect(404);
    director.call("PUT", "/b", Some(&json!([]))).expect(400);
    assert_eq!(std::fs::read_to_string(director.file("b")).unwrap(), "{\n  \"id\": \"b\",\n  \"n\": 3\n}");
}

#[test]
fn bodies_are_json_of_a_limited_size() {
    let director = Director::start();
    let post = |kind: &str, body: &str| {
        let request = director.request("POST", "/api/v1/tasks").header("content-type", kind).body(body.to_owned());
        director.send(request)
    };
    post("application/json", "{").expect(400);
    for no_task in ["[1]", "null", "3", "\"x\""] {
        post("application/json", no_task).expect(400);
    }
    let large = json!({ "id": "large", "text": "x".repeat(101 << 10) }).to_string();
    post("application/json", &large).expect(413);
    let fits = json!({ "id": "fits", "text": "x".repeat(99 << 10) }).to_string();
    post("application/json", &fits).expect(200);
    assert_eq!(director.get("/fits").expect(200).text, fits);
    director.call("DELETE", "/fits", None).expect(202);
    // Of another type: an empty object.
    assert_eq!(post("text/plain", "{\"id\":\"x\"}").expect(200).json().as_object().unwrap().len(), 1);
}

#[test]
fn the_same_body_at_the_same_time_makes_one_task() {
    let director = Director::with(&[("WORKERS", "2")]);
    for round in 0..10 {
        let body = json!({ "round": round });
        let answers = director.block_on(async {
            let requests =
                (0..8).map(|_| super::harness::answer(director.request("POST", "/api/v1/tasks").json(&body)));
            futures_util::future::join_all(requests).await
        });
        let mut codes: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        codes.sort_unstable();
        assert_eq!(codes, [200, 400, 400, 400, 400, 400, 400, 400]);
    }
    assert_eq!(director.names().len(), 10);
}

#[test]
fn the_spelling_of_addresses_does_not_matter_but_that_of_ids_does() {
    let director = Director::start();
    director.create(&json!({ "id": "Ab" }));
    for path in ["/API/v1/Tasks/Ab", "/api/v1/tasks/Ab/", "/api/v1/TASKS/Ab/STATUS/"] {
        director.send(director.request("GET", path)).expect(200);
    }
    director.get("/ab").expect(404);
    director.get("/test").expect(404);
    director.create(&json!({ "id": "test", "n": 1 }));
    director.get("/test").expect(200);
    director.call("POST", "/TEST", Some(&json!({ "scriptText": "exports.main = () => 1" }))).expect(200);
    director.call("POST", "/Ab", None).expect(404);
    director.call("DELETE", "/test", None).expect(202);
}

#[test]
fn a_status_tells_the_next_execution_within_ten_seconds() {
    let director = Director::start();
    let now = super::harness::now();
    let task = |id: &str, init: i64, interval: Value, running: bool| json!({ "id": id, "running": running, "init": init, "interval": interval, "end": now + 1_000_000 });
    director.create(&task("soon", now + 8_000, json!(60_000), true));
    director.create(&task("far", now + 60_000, json!(60_000), true));
    director.create(&task("text", now + 8_000, json!("60000"), true));
    director.create(&task("off", now + 8_000, json!(60_000), false));
    let text = |id: &str| director.get(&format!("/{id}/status")).expect(200).text;
    let next = now + 8_000;
    assert_eq!(text("soon"), format!(r#"{{"id":"soon","running":true,"nextExecution":"{next}"}}"#));
    assert_eq!(text("far"), r#"{"id":"far","running":true}"#);
    assert_eq!(text("text"), format!(r#"{{"id":"text","running":true,"nextExecution":"{next}"}}"#));
    assert_eq!(text("off"), r#"{"id":"off","running":false}"#);
    assert!(director.get("/off/badge").expect(200).text.contains("Director: Stopped"));
    director.get("/none/badge").expect(404);
    director.get("/none/status").expect(404);
}
