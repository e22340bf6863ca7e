//! `/controls` and `/controls/drafts`.

use serde_json::{Value, json};

use super::harness::Backend;

/// Catalog 1 is in force, catalog 2 a draft.
fn backend() -> Backend {
    let backend = Backend::start();
    backend.sql(
        r#"INSERT INTO catalog (name, "startDate", status) VALUES ('one', now(), 'finalized'), ('two', now(), 'draft')"#,
    );
    backend
}

fn params() -> Value {
    json!({ "endpoint": "/flow", "threshold": "80", "other": 1 })
}

fn control() -> Value {
    json!({
        "name": "Control", "description": "what it is", "period": "DAILY", "startDate": "2024-01-02",
        "endDate": "2025-01-01T12:00:00+02:00", "mashupId": "flow-1", "params": params(), "catalogId": 1,
    })
}

fn with(body: Value, name: &str, value: Value) -> Value {
    let mut body = body;
    body[name] = value;
    body
}

#[test]
fn a_control_is_created_read_changed_and_deleted() {
    let backend = backend();
    backend.user("GET", "/controls", None).is(200, json!([]));
    let created = backend.user("POST", "/controls", Some(control())).expect(201);
    // The order of the members, too.
    let echo = concat!(
        r#"{"id":1,"name":"Control","description":"what it is","period":"DAILY","#,
        r#""formattedStartDate":"2024-01-02T00:00:00.000Z","formattedEndDate":"2025-01-01T10:00:00.000Z","#,
        r#""mashupId":"flow-1","catalogId":1}"#
    );
    assert_eq!(created.text, echo);
    let row = json!({
        "id": 1, "name": "Control", "description": "what it is", "period": "DAILY",
        "startDate": "2024-01-02T00:00:00.000Z", "endDate": "2025-01-01T10:00:00.000Z", "mashupId": "flow-1",
        "params": params(), "status": "finalized", "catalogId": 1,
    });
    backend.user("GET", "/controls/1", None).is(200, row.clone());
    backend.user("GET", "/controls", None).is(200, json!([row]));

    let changed = with(with(row.clone(), "name", json!("New")), "params", json!({ "endpoint": 1, "threshold": null }));
    let change = json!({
        "name": "New", "params": { "endpoint": 1, "threshold": null }, "startDate": "", "endDate": null, "unknown": [],
    });
    backend.user("PATCH", "/controls/1", Some(change)).is(200, changed.clone());
    let emptied = json!({ "description": null, "mashupId": null, "catalogId": null, "period": "YEARLY" });
    let mut bare = changed;
    for (name, value) in emptied.as_object().unwrap() {
        bare[name] = value.clone();
    }
    bare["period"] = json!("ANNUALLY");
    backend.user("PATCH", "/controls/1", Some(emptied)).is(200, bare.clone());
    backend.user("PATCH", "/controls/1", None).is(200, bare);

    assert_eq!(backend.user("DELETE", "/controls/1", Some(json!({}))).expect(204).text, "");
    let missing = json!({ "message": "Control not found" });
    for method in ["GET", "PATCH", "DELETE"] {
        backend.user(method, "/controls/1", None).is(404, missing.clone());
    }
}

#[test]
fn what_the_web_client_sends_is_accepted() {
    let backend = backend();
    let body = json!({
        "name": "C", "description": "", "period": "YEARLY", "startDate": "2024-01-02", "endDate": null,
        "mashupId": "m", "params": params(), "scopes": { "a": "b" }, "catalogId": "1", "status": "draft",
    });
    backend.user("POST", "/controls", Some(body)).is(
        201,
        json!({
            "id": 1, "name": "C", "description": "", "period": "ANNUALLY",
            "formattedStartDate": "2024-01-02T00:00:00.000Z", "formattedEndDate": null, "mashupId": "m",
            "catalogId": "1",
        }),
    );
    let row = backend.user("GET", "/controls/1", None).json();
    assert_eq!((&row["status"], &row["catalogId"], &row["endDate"]), (&json!("finalized"), &json!(1), &Value::Null));
    // Absent members are absent in the echo.
    let bare = json!({ "name": "C", "period": "HOURLY", "params": params() });
    backend.user("POST", "/controls", Some(bare)).is(
        201,
        json!({ "id": 2, "name": "C", "period": "HOURLY", "formattedStartDate": null, "formattedEndDate": null }),
    );
}

#[test]
fn a_control_that_cannot_be_is_refused_and_nothing_is_written() {
    let backend = backend();
    let post = |body: Value| backend.user("POST", "/controls", Some(body));
    let not_an_object = json!({ "error": "Invalid object or missing required properties" });
    post(json!({})).is(400, not_an_object.clone());
    post(with(control(), "params", json!("text"))).is(400, not_an_object);
    post(with(control(), "params", json!({ "a": 1 })))
        .is(400, json!({ "error": "Missing required properties: endpoint, threshold" }));
    post(with(control(), "params", json!({ "endpoint": 1 })))
        .is(400, json!({ "error": "Missing required properties: threshold" }));
    for date in [json!("tomorrow"), json!([1]), json!({}), json!("2024-13-01")] {
        post(with(control(), "startDate", date)).is(400, json!({ "error": "Invalid startDate" }));
    }
    for (name, value, why) in [
        ("name", json!(null), "name is required"),
        ("name", json!(7), "name must be a string"),
        ("name", json!("a\u{0}"), "name must not contain a null byte"),
        ("name", json!("x".repeat(101)), "name must not be longer than 100 characters"),
        ("description", json!({}), "description must be a string"),
        ("period", json!(null), "period is required"),
        ("period", json!("DECADE"), "period must be HOURLY, DAILY, WEEKLY, MONTHLY or ANNUALLY"),
        ("period", json!(1), "period must be a string"),
        ("endDate", json!("never"), "endDate must be an ISO date"),
        ("mashupId", json!("x".repeat(33)), "mashupId must not be longer than 32 characters"),
        ("mashupId", json!(false), "mashupId must be a string"),
        ("catalogId", json!("x"), "catalogId must be an integer"),
        ("catalogId", json!(1.5), "catalogId must be an integer"),
        ("catalogId", json!(99_999_999_999_u64), "catalogId must be an integer"),
        ("params", json!({ "endpoint": "\u{0}", "threshold": 1 }), "params must not contain a null byte"),
    ] {
        post(with(control(), name, value)).is(400, json!({ "message": "Error creating control", "error": why }));
    }
    let unknown = post(with(control(), "catalogId", json!(99))).expect(400).json();
    assert_eq!(unknown["message"], "Error creating control");
    assert!(unknown["error"].as_str().unwrap().contains("control_catalogId_fkey"), "{unknown}");
    backend.user("GET", "/controls", None).is(200, json!([]));

    let metacharacters = r#"'; DROP TABLE control; -- $1 \ %"#;
    let made = post(with(control(), "name", json!(metacharacters))).expect(201).json();
    assert_eq!(made["name"], metacharacters);
    for id in ["abc", "1.5", "99999999999", "1;--", "%00"] {
        let answer = backend.user("GET", &format!("/controls/{id}"), None);
        answer.is(400, json!({ "message": "Failed to retrieve control", "error": "id must be an integer" }));
        backend.user("DELETE", &format!("/controls/{id}"), None).expect(400);
        backend.user("PATCH", &format!("/controls/{id}"), None).expect(400);
        backend.user("PATCH", &format!("/controls/{id}/finalize"), None).expect(400);
    }
    for (name, value) in
        [("name", json!(null)), ("period", json!(null)), ("catalogId", json!(99)), ("status", json!("gone"))]
    {
        let text = backend.user("PATCH", "/controls/2", Some(json!({ name: value }))).expect(400).json();
        assert!(text["message"].as_str().unwrap().starts_with("Failed to update control, error: "), "{text}");
    }
}

#[test]
fn lists_are_filtered_by_what_the_address_says() {
    let backend = backend();
    backend.user("POST", "/controls", Some(control())).expect(201);
    backend.user("POST", "/controls", Some(with(control(), "period", json!("YEARLY")))).expect(201);
    backend.user("POST", "/controls/drafts", Some(json!({ "name": "D", "catalogId": 2 }))).expect(201);
    let ids = |query: &str| {
        let mut ids: Vec<i64> = backend
            .user("GET", &format!("/controls?{query}"), None)
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|control| control["id"].as_i64().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(""), [1, 2, 3]);
    assert_eq!(ids("status=draft"), [3]);
    assert_eq!(ids("status=finalized&period=DAILY"), [1]);
    assert_eq!(ids("period=YEARLY"), [2]);
    assert_eq!(ids("catalogId=2&other=x"), [3]);
    assert_eq!(ids("name=Control&mashupId=flow-1"), [1, 2]);
    assert_eq!(ids("name=%27%20OR%201=1"), [0; 0]);
    backend
        .user("GET", "/controls?status=x", None)
        .is(400, json!({ "error": "Invalid value for \"status\": \"x\". Allowed values are draft or finalized." }));
    for bad in ["period=daily", "catalogId=x", "name=%00"] {
        backend.user("GET", &format!("/controls?{bad}"), None).expect(400);
    }
}

#[test]
fn a_draft_is_made_in_a_draft_catalog_and_finalized_with_it_in_force() {
    let backend = backend();
    let made = backend.user("POST", "/controls/drafts", Some(json!({ "name": "D", "catalogId": "2" }))).expect(201);
    let made = made.json();
    assert!(made["startDate"].as_str().unwrap().ends_with('Z'));
    let row = json!({
        "id": 1, "name": "D", "description": "", "period": "MONTHLY", "startDate": made["startDate"], "endDate": null,
        "mashupId": "", "params": {}, "status": "draft", "catalogId": 2,
    });
    assert_eq!(made, row);
    backend.user("GET", "/controls/drafts", None).is(200, json!([row]));
    backend.user("GET", "/controls/drafts/catalog/2", None).is(200, json!([row]));
    backend.user("GET", "/controls/drafts/catalog/1", None).is(200, json!([]));
    backend.user("GET", "/controls/drafts/catalog/9", None).is(404, json!({ "message": "Catalog not found" }));
    backend.user("GET", "/controls/drafts/catalog/x", None).expect(400);

    let draft = |body: Value| backend.user("POST", "/controls/drafts", Some(body));
    let missing = json!({ "error": "Missing required fields for draft control: name and catalogId" });
    for body in [json!({}), json!({ "name": "D" }), json!({ "name": "", "catalogId": 2 }), json!({ "catalogId": 2 })] {
        draft(body).is(400, missing.clone());
    }
    draft(json!({ "name": "D", "catalogId": 9 })).is(404, json!({ "error": "Catalog not found" }));
    draft(json!({ "name": "D", "catalogId": 1 }))
        .is(400, json!({ "error": "Draft controls can only be added to draft catalogs" }));
    draft(json!({ "name": "D", "catalogId": 2, "params": [] }))
        .is(400, json!({ "message": "Failed to create draft control, error: params must be an object" }));

    let finalize = || backend.user("PATCH", "/controls/1/finalize", None);
    backend.user("PATCH", "/controls/9/finalize", None).is(404, json!({ "message": "Control not found" }));
    finalize().is(400, json!({ "message": "Cannot finalize a control that belongs to a draft catalog" }));
    backend.sql(r#"UPDATE control SET "catalogId" = NULL"#);
    finalize().is(404, json!({ "message": "Associated catalog not found" }));
    backend.user("PATCH", "/controls/1", Some(json!({ "catalogId": 1 }))).expect(200);
    finalize().is(400, json!({ "error": "Cannot finalize control: Missing required properties: endpoint, threshold" }));
    backend
        .user("PATCH", "/controls/1", Some(json!({ "status": "finalized" })))
        .is(400, json!({ "error": "Missing required properties: endpoint, threshold" }));
    backend.user("PATCH", "/controls/1", Some(json!({ "params": params() }))).expect(200);
    let finalized = finalize().expect(200).json();
    assert_eq!((&finalized["status"], &finalized["params"]), (&json!("finalized"), &params()));
    finalize().is(400, json!({ "message": "Only draft controls can be finalized" }));
    let patch = |body: Value| backend.user("PATCH", "/controls/1", Some(body));
    patch(json!({ "status": "draft" })).is(400, json!({ "message": "Cannot change status from finalized to draft" }));
    patch(json!({ "params": { "endpoint": 1 } })).is(400, json!({ "error": "Missing required properties: threshold" }));
}

#[test]
fn of_many_who_finalize_one_control_one_does() {
    let backend = backend();
    backend.sql(
        r#"INSERT INTO control (name, period, params, status, "catalogId")
        VALUES ('D', 'DAILY', '{"endpoint": 1, "threshold": 2}', 'draft', 1)"#,
    );
    let token = backend.token("USER");
    let one = || {
        let request = backend.request("PATCH", "/api/v1/controls/1/finalize").header("x-access-token", &token);
        super::harness::answer(request)
    };
    let answers = backend.block_on(futures_util::future::join_all((0..20).map(|_| one())));
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 400), "{statuses:?}");
}

#[test]
fn what_belonged_to_a_deleted_control_stays() {
    let backend = backend();
    backend.user("POST", "/controls", Some(control())).expect(201);
    let group = "7b9ff8d2-4a5c-4d5a-8f5d-5f1f3f0a9b1c";
    let rows = json!({ "computations": [{ "computationGroup": group, "controlId": 1 }] });
    backend.user("POST", "/computations/bulk", Some(rows)).expect(201);
    backend.user("POST", "/controls/1/panel/2", None).expect(201);
    backend.user("DELETE", "/controls/1", None).expect(204);
    assert_eq!(backend.rows(r#"SELECT coalesce("controlId"::text, 'none') FROM computation"#), ["none"]);
    assert_eq!(backend.rows(r#"SELECT coalesce("controlId"::text, 'none') FROM panel"#), ["none"]);
}

#[test]
fn only_who_is_signed_in_gets_in() {
    let backend = backend();
    for (method, path) in [
        ("GET", "/controls"),
        ("POST", "/controls"),
        ("PATCH", "/controls/1/finalize"),
        ("GET", "/controls/drafts"),
        ("DELETE", "/controls/1/panels/2"),
        ("GET", "/controls/controls/1/computations"),
        ("POST", "/computations/bulk"),
    ] {
        backend.call(method, path, None, Some(json!({}))).is(401, json!({ "message": "No token provided" }));
    }
}
