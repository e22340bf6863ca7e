//! `/computations` and the computations of a control.

use redis::Commands;
use serde_json::{Value, json};

use super::harness::Backend;

const GROUP: &str = "7b9ff8d2-4a5c-4d5a-8f5d-5f1f3f0a9b1c";
const OTHER: &str = "00000000-0000-4000-8000-000000000001";

/// Control 1 is there.
fn backend() -> Backend {
    let backend = Backend::start();
    backend.sql("INSERT INTO control (name, period) VALUES ('c', 'DAILY')");
    backend
}

fn row() -> Value {
    json!({
        "computationGroup": GROUP, "value": true, "scope": { "zone": "EU", "area": "1", "declaration": "x" },
        "evidences": [{ "result": true, "id": 1, "deep": [[1], [2, 3]] }, { "result": false }],
        "period": { "to": "2024-02-01", "from": "2024-01-01" }, "controlId": 1,
    })
}

fn with(body: Value, name: &str, value: Value) -> Value {
    let mut body = body;
    body[name] = value;
    body
}

fn batch(rows: Value) -> Option<Value> {
    Some(json!({ "computations": rows }))
}

#[test]
fn a_batch_is_stored_as_it_was_sent_and_in_its_order() {
    let backend = backend();
    backend.user("GET", "/computations", None).is(200, json!([]));
    let rows: Vec<Value> = (0..50).map(|n| with(row(), "scope", json!({ "z": n.to_string(), "a": "" }))).collect();
    let created = backend.user("POST", "/computations/bulk", batch(json!(rows))).expect(201).json();
    let stored = backend.user("GET", "/controls/1/computations", None).expect(200);
    assert_eq!(stored.json(), created);
    for (place, row) in created.as_array().unwrap().iter().enumerate() {
        // As text: the order of keys means something.
        assert_eq!(row["scope"].to_string(), format!(r#"{{"z":"{place}","a":""}}"#));
    }
    let first = &created[0];
    let keys: Vec<_> = first.as_object().unwrap().keys().cloned().collect();
    let names =
        ["id", "computationGroup", "value", "scope", "evidences", "period", "createdAt", "updatedAt", "controlId"];
    assert_eq!(keys, names);
    for name in ["computationGroup", "value", "evidences", "controlId"] {
        assert_eq!(first[name], row()[name], "{name}");
    }
    assert_eq!(first["evidences"].to_string(), row()["evidences"].to_string());
    assert_eq!(first["period"].to_string(), row()["period"].to_string());
    assert_eq!(backend.user("GET", "/computations", None).json().as_array().unwrap().len(), 50);
    assert_eq!(backend.user("DELETE", "/computations", Some(json!({}))).expect(204).text, "");
    backend.user("GET", "/computations", None).is(200, json!([]));
}

#[test]
fn what_a_row_leaves_out_is_null() {
    let backend = backend();
    let rows = json!([{ "computationGroup": null }, { "controlId": "1", "evidences": [], "other": 1, "value": null }]);
    let created = backend.user("POST", "/computations/bulk", batch(rows)).expect(201).json();
    for name in ["computationGroup", "value", "scope", "evidences", "period", "controlId"] {
        assert_eq!(created[0][name], Value::Null, "{name}");
    }
    assert_eq!((&created[1]["controlId"], &created[1]["evidences"]), (&json!(1), &json!([])));
}

#[test]
fn an_id_and_times_that_are_sent_are_kept() {
    let backend = backend();
    let own = json!({
        "id": OTHER, "computationGroup": GROUP, "createdAt": "2024-02-03T04:05:06.789Z", "updatedAt": "2024-02-04",
    });
    let created = backend.user("POST", "/computations/bulk", batch(json!([own]))).expect(201).json();
    for (name, value) in
        [("id", OTHER), ("createdAt", "2024-02-03T04:05:06.789Z"), ("updatedAt", "2024-02-04T00:00:00.000Z")]
    {
        assert_eq!(created[0][name], value);
    }
    backend.user("POST", "/computations/bulk", batch(json!([row(), own]))).expect(409);
    assert_eq!(backend.rows("SELECT count(*)::text FROM computation"), ["1"]);
}

#[test]
fn a_batch_with_one_bad_row_is_refused_whole() {
    let backend = backend();
    let post = |body: Value| backend.user("POST", "/computations/bulk", Some(body));
    for body in [json!({}), json!([]), json!({ "computations": [] }), json!({ "computations": {} })] {
        post(body).is(400, json!({ "error": "Invalid computations" }));
    }
    post(json!({ "computations": [{ "value": true }] }))
        .is(400, json!({ "error": "Missing required properties: computationGroup" }));
    post(json!({ "computations": ["x"] })).is(400, json!({ "error": "Invalid object or missing required properties" }));
    for (name, bad, why) in [
        ("computationGroup", json!("x"), "must be a UUID"),
        ("computationGroup", json!(1), "must be a UUID"),
        ("id", json!("x"), "must be a UUID"),
        ("value", json!("true"), "must be true or false"),
        ("scope", json!("x"), "must be an object"),
        ("scope", json!({ "a\u{0}": 1 }), "must not contain a null byte"),
        ("evidences", json!({}), "must be an array of objects"),
        ("period", json!([]), "must be an object"),
        ("controlId", json!("x"), "must be an integer"),
        ("controlId", json!(1_u64 << 40), "must be an integer"),
    ] {
        let text = format!("Failed to create computations, error: computations[1].{name} {why}");
        post(json!({ "computations": [row(), with(row(), name, bad)], "done": true }))
            .is(400, json!({ "message": text }));
    }
    for (bad, place) in [(json!([1]), 0), (json!([{}, [{}]]), 1), (json!([{}, {}, null]), 2)] {
        let text =
            format!("Failed to create computations, error: computations[0].evidences[{place}] must be an object");
        post(json!({ "computations": [with(row(), "evidences", bad)] })).is(400, json!({ "message": text }));
    }
    let unknown = post(json!({ "computations": [row(), with(row(), "controlId", json!(9))], "done": true }));
    let text = unknown.expect(400).json()["message"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Failed to create computations, error: ") && text.contains("fkey"), "{text}");
    let twice = with(row(), "id", json!(OTHER));
    post(json!({ "computations": [twice, twice] })).expect(409);
    let deep = format!(
        r#"{{"computations":[{{"computationGroup":null,"evidences":[{{"a":{}1{}}}]}}]}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let request = backend.request("POST", "/api/v1/computations/bulk").header("x-access-token", backend.token("USER"));
    backend.send(request.header("content-type", "application/json").body(deep)).expect(400);
    backend.user("GET", "/computations", None).is(200, json!([]));
    assert_eq!(backend.cache().get::<_, Option<String>>(GROUP), Ok(None));
}

#[test]
fn the_last_batch_raises_the_flag_and_the_flag_does_not_stay_for_ever() {
    let backend = backend();
    let mut cache = backend.cache();
    let flag = |cache: &mut redis::Connection| cache.get::<_, Option<String>>(GROUP).expect("Valkey");
    let post = |done: Value| {
        backend.user("POST", "/computations/bulk", Some(json!({ "computations": [row()], "done": done }))).expect(201)
    };
    for falsy in [json!(false), json!(null), json!(0), json!("")] {
        post(falsy);
        assert_eq!(flag(&mut cache), None);
    }
    post(json!(true));
    assert_eq!(flag(&mut cache).as_deref(), Some("true"));
    let seconds: i64 = cache.ttl(GROUP).expect("Valkey");
    assert!((86_000..=86_400).contains(&seconds), "{seconds}");
}

#[test]
fn a_batch_of_several_megabytes_is_one_statement() {
    let backend = backend();
    let evidence = json!({ "result": true, "text": "x".repeat(900) });
    let rows: Vec<Value> = (0..5000).map(|_| with(row(), "evidences", json!([evidence]))).collect();
    let created = backend.user("POST", "/computations/bulk", batch(json!(rows))).expect(201);
    assert!(created.text.len() > 5 << 20, "{}", created.text.len());
    assert_eq!(backend.rows("SELECT count(*)::text FROM computation"), ["5000"]);
    assert_eq!(backend.rows("SELECT count(DISTINCT xmin::text)::text FROM computation"), ["1"]);
    let too_large = json!({ "computations": [with(row(), "scope", json!({ "a": "x".repeat(9 << 20) }))] });
    backend.user("POST", "/computations/bulk", Some(too_large)).expect(413);
}

#[test]
fn the_computations_of_a_control_are_found_under_both_addresses() {
    let backend = backend();
    backend
        .user("POST", "/computations/bulk", batch(json!([row(), with(row(), "controlId", json!(null))])))
        .expect(201);
    backend.sql(r#"UPDATE computation SET "createdAt" = '2024-03-01T23:59:59.999Z' WHERE "controlId" = 1"#);
    for path in ["/controls/1/computations", "/controls/controls/1/computations"] {
        let all = backend.user("GET", path, None).expect(200).json();
        assert_eq!((all.as_array().unwrap().len(), &all[0]["controlId"]), (1, &json!(1)));
        assert_eq!(all[0]["createdAt"], "2024-03-01T23:59:59.999Z");
        let on = |day: &str| {
            backend.user("GET", &format!("{path}/{day}"), None).expect(200).json().as_array().unwrap().len()
        };
        assert_eq!((on("2024-03-01"), on("2024-03-02"), on("2024-02-29")), (1, 0, 0));
        assert_eq!((on("2024-03-01T05:00:00.000Z"), on("2024-03-02T01:00:00%2B02:00")), (1, 1));
        for bad in ["yesterday", "2024-02-30", "1;DROP", "%00"] {
            let text = "Failed to get computations, error: createdAt must be an ISO date";
            backend.user("GET", &format!("{path}/{bad}"), None).is(400, json!({ "message": text }));
        }
    }
    backend.user("GET", "/controls/9/computations", None).is(200, json!([]));
    let text = "Failed to get computations, error: id must be an integer";
    backend.user("GET", "/controls/x/computations", None).is(400, json!({ "message": text }));
    backend.user("GET", "/controls/controls/x/computations/2024-01-01", None).is(400, json!({ "message": text }));
}

#[test]
fn the_period_of_a_controls_computations_is_set() {
    let backend = backend();
    backend.user("POST", "/computations/bulk", batch(json!([row(), row()]))).expect(201);
    for path in ["/controls/1/computations", "/controls/controls/1/computations"] {
        let put = |path: &str, body: Value| backend.user("PUT", path, Some(body));
        let missing = json!({ "error": "\"from\" and \"to\" are required in body" });
        for body in [json!({}), json!({ "from": "2024-01-01" }), json!({ "to": "2024-01-01", "from": null })] {
            put(path, body).is(400, missing.clone());
        }
        let text = "Failed to update computation, error: to must be an ISO date";
        put(path, json!({ "from": "2024-01-01", "to": 7 })).is(400, json!({ "message": text }));
        let body = json!({ "from": "2024-01-01T00:00:00.000Z", "to": "2024-05-06" });
        put(path, body).expect(204);
        let periods = backend.rows("SELECT DISTINCT period::text FROM computation");
        assert_eq!(periods, [r#"{"from":"2024-01-01T00:00:00.000Z","to":"2024-05-06"}"#]);
        put(&path.replace('1', "9"), json!({ "from": "2024-01-01", "to": "2024-01-02" }))
            .is(404, json!({ "message": "No computations found for the given controlId" }));
    }
}

#[test]
fn the_computations_of_a_control_are_deleted() {
    let backend = backend();
    for path in ["/controls/1/computations", "/controls/controls/1/computations"] {
        backend.user("POST", "/computations/bulk", batch(json!([row()]))).expect(201);
        assert_eq!(backend.user("DELETE", path, Some(json!({}))).expect(204).text, "");
        backend.user("GET", path, None).is(200, json!([]));
        // Also when there are none.
        backend.user("DELETE", path, None).expect(204);
        backend.user("DELETE", &path.replace('1', "x"), None).expect(400);
    }
}
