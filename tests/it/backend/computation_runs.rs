//! A computation from the request to the answer: `POST /computations`, the flow, `GET /computations/{id}`.

use redis::Commands;
use serde_json::{Value, json};

use super::data::data;
use super::harness::Backend;
use crate::doubles::{Server, Trouble, node_red};
use crate::support::cable::Cable;
use crate::support::eventually;

const BACKEND: &str = "http://status-backend:3001/api/v1/computations/bulk";
const GROUP: &str = "7b9ff8d2-4a5c-4d5a-8f5d-5f1f3f0a9b1c";

fn with_flows() -> (Backend, Server) {
    let flows = node_red::start();
    let backend = Backend::with(&[
        ("NODE_RED_URL", &flows.url()),
        ("USER_STATUS", node_red::USER),
        ("PASS_STATUS", node_red::PASSWORD),
    ]);
    (backend, flows)
}

fn metric() -> Value {
    json!({
        "endpoint": "/flows/count", "params": { "owner": "x", "limit": 5 }, "scope": { "project": "p" },
        "window": { "type": "static", "period": "daily", "initial": "2024-01-01", "from": "2024-01-01", "end": "2024-02-01" },
    })
}

fn request(metric: Value) -> Option<Value> {
    Some(json!({ "metric": metric, "config": { "backendUrl": BACKEND } }))
}

fn with(body: Value, name: &str, value: Value) -> Value {
    let mut body = body;
    body[name] = value;
    body
}

fn rows(group: &str, results: &[bool]) -> Value {
    let evidences: Vec<Value> = results.iter().map(|result| json!({ "result": result })).collect();
    json!({
        "computationGroup": group, "value": true, "scope": { "zone": "EU", "area": "1", "declaration": "x" },
        "evidences": evidences, "period": { "from": "2024-01-01", "to": "2024-02-01" },
    })
}

#[test]
fn a_flow_is_asked_and_its_rows_are_waited_for() {
    let (backend, flows) = with_flows();
    let created = backend.user("POST", "/computations", request(metric())).expect(201).json();
    let address = created["computation"].as_str().unwrap();
    let group = address.strip_prefix("/api/v1/computations/").unwrap();
    assert_eq!(created, json!({ "code": 201, "message": "OK", "computation": address }));

    let asked = flows.last();
    assert_eq!(asked.line(), "POST /api/v1/flows/count");
    assert_eq!(asked.header("x-access-token"), Some(backend.token("USER").as_str()));
    let body = json!({
        "computationGroup": group, "backendUrl": BACKEND, "owner": "x", "limit": 5, "scope": { "project": "p" },
        "to": "2024-02-01", "type": "static", "period": "daily", "initial": "2024-01-01", "from": "2024-01-01",
    });
    assert_eq!(asked.json().to_string(), body.to_string());

    let path = format!("/computations/{group}");
    let not_ready = json!({ "message": "Not ready yet" });
    let get = || backend.user("GET", &path, None);
    get().is(202, not_ready.clone());
    let seconds: i64 = backend.cache().ttl(group).expect("Valkey");
    assert!((86_000..=86_400).contains(&seconds), "{seconds}");
    let post = |results: &[bool], done: bool| {
        let batch = json!({ "computations": [rows(group, results)], "done": done });
        backend.user("POST", "/computations/bulk", Some(batch)).expect(201).json()
    };
    let first = post(&[true, false], false);
    get().is(202, not_ready);
    let last = post(&[true], true);
    let answer = get().expect(200).json();
    let expected = json!({
        "code": 200, "message": "OK",
        "computations": [{
            "id": group, "value": 67, "scope": { "zone": "EU", "area": "1" }, "evidences": [first[0], last[0]],
            "period": { "from": "2024-01-01", "to": "2024-02-01" }, "controlId": null,
        }],
    });
    assert_eq!(answer.to_string(), expected.to_string());
}

#[test]
fn without_a_flag_the_rows_decide() {
    let backend = Backend::start();
    let get = |id: &str| backend.user("GET", &format!("/computations/{id}"), None);
    let not_found = json!({ "message": "Not found" });
    get(GROUP).is(404, not_found.clone());
    // Of Grafana's kind: good for the check, the name of nothing.
    get("ae08pn1m04lxcd").is(404, not_found.clone());
    get("x").is(400, json!({ "error": "Invalid UUID for parameter: id" }));
    let () = backend.cache().set(GROUP, "true").expect("Valkey");
    get(GROUP).is(404, not_found);
    let () = backend.cache().del(GROUP).expect("Valkey");
    backend.user("POST", "/computations/bulk", Some(json!({ "computations": [rows(GROUP, &[])] }))).expect(201);
    assert_eq!(get(&GROUP.to_uppercase()).expect(200).json()["computations"][0]["value"], 0);
    let incomplete = with(rows(GROUP, &[]), "evidences", Value::Null);
    backend.user("POST", "/computations/bulk", Some(json!({ "computations": [incomplete] }))).expect(201);
    let text = "Failed to get computation, error: a computation of the group has no evidences";
    get(GROUP).is(409, json!({ "message": text }));
}

#[test]
fn a_request_that_cannot_be_is_refused_and_no_flow_is_asked() {
    let (backend, flows) = with_flows();
    let post = |body: Value| backend.user("POST", "/computations", Some(body));
    let not_an_object = json!({ "error": "Invalid object or missing required properties" });
    for body in [json!({}), json!([]), json!({ "metric": 3 }), json!({ "metric": null })] {
        post(body).is(400, not_an_object.clone());
    }
    post(json!({ "metric": { "params": {} } })).is(400, json!({ "error": "Missing required properties: endpoint" }));
    post(json!({ "metric": {} })).is(400, json!({ "error": "Missing required properties: endpoint, params" }));
    let refused = json!({ "error": "Invalid endpoint. The specified endpoint is not allowed." });
    for endpoint in ["/a?b=c", "/../admin", "/a/..", "http://elsewhere/", "", "/%2e%2e/x", "//elsewhere/x", "/a#b"] {
        backend
            .user("POST", "/computations", request(with(metric(), "endpoint", json!(endpoint))))
            .is(400, refused.clone());
    }
    backend.user("POST", "/computations", request(with(metric(), "endpoint", json!(7)))).is(400, refused);
    let failed = |text: &str| json!({ "message": format!("Failed to create computation, error: {text}") });
    for (name, value, why) in [
        ("params", json!("x"), "metric.params must be an object"),
        ("window", json!(null), "metric.window must be an object"),
        ("window", json!([]), "metric.window must be an object"),
    ] {
        backend.user("POST", "/computations", request(with(metric(), name, value))).is(400, failed(why));
    }
    post(json!({ "metric": metric() })).is(400, failed("config.backendUrl must be a string"));
    post(json!({ "metric": metric(), "config": "x" })).is(400, failed("config must be an object"));
    post(json!({ "metric": metric(), "config": {} })).is(400, failed("config.backendUrl must be a string"));
    assert_eq!(flows.lines(), [""; 0]);
    let keys: Vec<String> = backend.cache().keys("????????-*").expect("Valkey");
    assert_eq!(keys, [""; 0]);
}

#[test]
fn a_flow_that_fails_leaves_no_flag() {
    let (backend, flows) = with_flows();
    let post = || backend.user("POST", "/computations", request(metric()));
    flows.next(1, "POST /api/v1", Trouble::Status(201, json!({})));
    post().is(400, json!({ "message": "Something went wrong when calling Node-RED" }));
    for (status, told) in [(404, "Node-RED answered 404"), (500, "Node-RED answered 500")] {
        flows.next(1, "POST /api/v1", Trouble::Status(status, json!({ "message": "secret of the flow" })));
        post().is(500, json!({ "message": format!("Failed to create computation, error: {told}") }));
    }
    // Never asked twice: a flow may have begun.
    let before = flows.lines().len();
    flows.next(1, "POST /api/v1", Trouble::Close);
    let text = "Failed to create computation, error: Node-RED cannot be reached";
    post().is(500, json!({ "message": text }));
    assert_eq!(flows.lines().len(), before + 1);
    let keys: Vec<String> = backend.cache().keys("????????-*").expect("Valkey");
    assert_eq!(keys, [""; 0]);
    post().expect(201);
}

#[test]
fn without_node_red_nothing_is_computed() {
    let backend = Backend::start();
    let text = "Failed to create computation, error: Node-RED is not configured";
    backend.user("POST", "/computations", request(metric())).is(500, json!({ "message": text }));
}

#[test]
fn many_requests_at_once_have_a_group_each() {
    let (backend, flows) = with_flows();
    let token = backend.token("USER");
    let one = || {
        let http = backend.request("POST", "/api/v1/computations").header("x-access-token", &token);
        super::harness::answer(http.json(&request(metric())))
    };
    let answers = backend.block_on(futures_util::future::join_all((0..40).map(|_| one())));
    let mut groups: Vec<String> =
        answers.into_iter().map(|answer| answer.expect(201).json()["computation"].to_string()).collect();
    groups.sort_unstable();
    groups.dedup();
    assert_eq!((groups.len(), flows.lines().len()), (40, 40));
}

#[test]
fn secrets_are_put_in_when_the_flow_is_asked() {
    let (backend, flows) = with_flows();
    backend.sql(
        r#"INSERT INTO "Users" (id, username, password, authority, email, "createdAt", "updatedAt") VALUES
        (1, 'tester', '-', 'USER', 'a@example.org', now(), now()), (2, 'other', '-', 'USER', 'b@example.org', now(), now())"#,
    );
    for (name, value) in [("first_key", "hunter2"), ("second_key", "\" and more")] {
        let secret = json!({ "name": name, "type": "TOKEN", "value": value, "environment": "test" });
        backend.user("POST", "/secrets", Some(secret)).expect(201);
    }
    let post = |refs: Value| {
        let params = json!({ "owner": "x", "secretRefs": refs });
        backend.user("POST", "/computations", request(with(metric(), "params", params)))
    };
    post(json!([{ "id": 1, "as": "token" }, { "name": "second_key", "environment": "test" }])).expect(201);
    let asked = flows.last().json();
    assert_eq!((&asked["token"], &asked["second_key"]), (&json!("hunter2"), &json!("\" and more")));
    assert_eq!((&asked["secretRefs"], &asked["owner"]), (&Value::Null, &json!("x")));
    post(json!([])).expect(201);
    assert!(!flows.last().json().as_object().unwrap().contains_key("secretRefs"));

    let asked = flows.lines().len();
    let failed = |why: &str| json!({ "message": format!("Failed to create computation, error: metric.params.{why}") });
    for (refs, why) in [
        (json!({}), "secretRefs must be an array"),
        (json!([{}]), "secretRefs[0] must have an id or a name"),
        (json!([{ "id": 1 }, { "id": 99 }]), "secretRefs[1] names no secret of yours"),
        (json!([{ "name": "first_key", "environment": "production" }]), "secretRefs[0] names no secret of yours"),
    ] {
        post(refs).is(400, failed(why));
    }
    backend.sql(r#"UPDATE secrets SET "ownerId" = 2"#);
    post(json!([{ "id": 1 }])).is(400, failed("secretRefs[0] names no secret of yours"));
    assert_eq!(flows.lines().len(), asked);
    assert!(!backend.log().contains("hunter2"));
}

#[test]
fn without_the_cache_nothing_is_half_done() {
    let cable = Cable::to(data().valkey_port);
    let flows = node_red::start();
    let backend = Backend::with(&[
        ("DRAGONFLY_PORT", &cable.port.to_string()),
        ("NODE_RED_URL", &flows.url()),
        ("USER_STATUS", node_red::USER),
        ("PASS_STATUS", node_red::PASSWORD),
    ]);
    let batch = |done: bool| {
        let batch = json!({ "computations": [rows(GROUP, &[true])], "done": done });
        backend.user("POST", "/computations/bulk", Some(batch))
    };
    let get = || backend.user("GET", &format!("/computations/{GROUP}"), None);
    cable.cut();
    let text = "Failed to create computations, error: the cache cannot be reached";
    batch(true).is(503, json!({ "message": text }));
    assert_eq!(backend.rows("SELECT id::text FROM computation"), [""; 0]);
    get().expect(503);
    backend.user("POST", "/computations", request(metric())).expect(503);
    assert_eq!(flows.lines(), [""; 0]);
    batch(false).expect(201);
    cable.mend();
    eventually("the batch is taken", || match batch(true) {
        answer if answer.status == 201 => Ok(()),
        answer => Err(answer.text),
    });
    get().expect(200);
}
