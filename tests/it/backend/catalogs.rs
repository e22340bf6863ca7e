//! `/catalogs`: their rows, their lives as drafts, their controls.

use serde_json::{Value, json};

use super::harness::Backend;

const MISSING: &str = "Missing required fields: name, startDate, and/or endDate";

fn catalog() -> Value {
    json!({ "name": "Ley", "startDate": "2024-01-01", "endDate": "2024-12-31T00:00:00.000Z" })
}

#[track_caller]
fn created(backend: &Backend, body: Value) -> Value {
    backend.user("POST", "/catalogs", Some(body)).expect(201).json()
}

fn path(catalog: &Value) -> String {
    format!("/catalogs/{}", catalog["id"])
}

fn not_found() -> Value {
    json!({ "message": "Catalog not found" })
}

/// The message of a refusal, which begins as promised.
#[track_caller]
fn refused(backend: &Backend, method: &str, path: &str, body: Value, begin: &str) {
    let answer = backend.user(method, path, Some(body)).expect(400).json();
    assert!(answer["message"].as_str().expect("a message").starts_with(begin), "{answer}");
}

fn is_agreement(id: &Value) -> bool {
    let uuid = id.as_str().and_then(|id| id.strip_prefix("tpa-"));
    uuid.is_some_and(|uuid| uuid.len() == 36 && uuid::Uuid::try_parse(uuid).is_ok())
}

#[test]
fn a_catalog_is_created_read_changed_and_deleted() {
    let backend = Backend::start();
    backend.user("GET", "/catalogs", None).is(200, json!([]));
    let first = created(&backend, catalog());
    let expected = json!({
        "id": 1, "name": "Ley", "description": null, "startDate": "2024-01-01T00:00:00.000Z",
        "endDate": "2024-12-31T00:00:00.000Z", "dashboard_id": null, "tpaId": first["tpaId"], "status": "finalized",
    });
    assert_eq!(first.to_string(), expected.to_string(), "the order of the members is promised, too");
    assert!(is_agreement(&first["tpaId"]), "{first}");
    backend.user("GET", &path(&first), None).is(200, first.clone());

    let change = json!({ "description": "d", "dashboard_id": "ae08pn1m04lxcd", "endDate": null, "controls": [1] });
    let changed = backend.user("PATCH", &path(&first), Some(change)).expect(200).json();
    let mut expected = first.clone();
    expected["description"] = json!("d");
    expected["dashboard_id"] = json!("ae08pn1m04lxcd");
    expected["endDate"] = Value::Null;
    assert_eq!(changed, expected);
    // Nothing known in it: the row as it is.
    backend.user("PATCH", &path(&first), Some(json!({ "dashboardConfig": {} }))).is(200, expected.clone());
    backend.user("PATCH", &path(&first), None).is(200, expected.clone());
    let change =
        json!({ "name": "N", "startDate": "2023-05-06T07:08:09+02:00", "tpaId": "tpa-x", "description": null });
    let changed = backend.user("PATCH", &path(&first), Some(change)).expect(200).json();
    assert_eq!(changed["startDate"], "2023-05-06T05:08:09.000Z");
    assert_eq!(
        [&changed["name"], &changed["tpaId"], &changed["description"]],
        [&json!("N"), &json!("tpa-x"), &Value::Null]
    );
    backend.user("GET", "/catalogs", None).is(200, json!([changed]));

    assert_eq!(backend.user("DELETE", &path(&first), Some(json!({}))).expect(204).text, "");
    backend.user("GET", &path(&first), None).is(404, not_found());
    backend.user("PATCH", &path(&first), Some(json!({ "name": "x" }))).is(404, not_found());
    backend.user("PATCH", &path(&first), Some(json!({ "status": "draft" }))).is(404, not_found());
    backend.user("DELETE", &path(&first), None).is(404, not_found());
}

#[test]
fn the_agreement_is_named_by_the_server() {
    let backend = Backend::start();
    let with = |name: &str, value: Value| {
        let mut body = catalog();
        body[name] = value;
        created(&backend, body)
    };
    let other = with("tpaId", json!("tpa-mine"));
    assert!(is_agreement(&other["tpaId"]), "{other}");
    assert_eq!(with("status", json!("draft"))["tpaId"], Value::Null);
    assert_eq!(with("status", json!("draft"))["status"], "draft");
    assert_eq!(with("status", Value::Null)["status"], "finalized");
    assert!(is_agreement(&with("status", json!("finalized"))["tpaId"]));
}

#[test]
fn a_catalog_that_cannot_be_is_refused_and_nothing_is_written() {
    let backend = Backend::start();
    for name in ["name", "startDate", "endDate"] {
        for value in [Value::Null, json!(""), json!(0), json!(false)] {
            let mut body = catalog();
            body[name] = value;
            backend.user("POST", "/catalogs", Some(body)).is(400, json!({ "message": MISSING }));
        }
        let mut body = catalog();
        body.as_object_mut().unwrap().remove(name);
        backend.user("POST", "/catalogs", Some(body)).is(400, json!({ "message": MISSING }));
    }
    backend.user("POST", "/catalogs", None).is(400, json!({ "message": MISSING }));
    backend.user("POST", "/catalogs", Some(json!([]))).is(400, json!({ "message": MISSING }));

    let kept = created(&backend, catalog());
    let bad = [
        ("name", json!("x".repeat(101))),
        ("name", json!("a\u{0}")),
        ("name", json!(["a"])),
        ("name", json!(3)),
        ("description", json!("x".repeat(256))),
        ("description", json!({})),
        ("dashboard_id", json!("x".repeat(33))),
        ("dashboard_id", json!(true)),
        ("startDate", json!("tomorrow")),
        ("startDate", json!("2024-02-30")),
        ("startDate", json!({ "a": 1 })),
        ("endDate", json!("2024-13-01")),
        ("endDate", json!(["2024-01-01"])),
        ("status", json!("FINALIZED")),
        ("status", json!(1)),
        ("status", json!("draft'; DROP TABLE catalog; --")),
    ];
    for (name, value) in bad {
        let mut body = catalog();
        body[name] = value.clone();
        refused(&backend, "POST", "/catalogs", body, &format!("Failed to create catalog, error: {name} "));
        let begin = format!("Failed to update catalog, error: {name} ");
        refused(&backend, "PATCH", &path(&kept), json!({ name: value }), &begin);
    }
    for (name, value) in
        [("name", Value::Null), ("startDate", Value::Null), ("tpaId", json!("x".repeat(41))), ("tpaId", json!(1))]
    {
        let begin = format!("Failed to update catalog, error: {name} ");
        refused(&backend, "PATCH", &path(&kept), json!({ "description": "new", name: value }), &begin);
    }
    backend.user("GET", "/catalogs", None).is(200, json!([kept]));
    let injection = "'); DROP TABLE catalog; --";
    let mut body = catalog();
    body["name"] = json!(injection);
    assert_eq!(created(&backend, body)["name"], injection);
    // Width is counted in characters, as the database does.
    let mut body = catalog();
    body["name"] = json!("ä".repeat(100));
    created(&backend, body);
}

#[test]
fn an_id_that_is_no_integer_is_refused() {
    let backend = Backend::start();
    for id in ["abc", "1.5", "99999999999", "%00", "1%3BDROP%20TABLE%20catalog"] {
        let path = format!("/catalogs/{id}");
        refused(&backend, "GET", &path, json!({}), "Failed to retrieve catalog, error: id ");
        refused(&backend, "PATCH", &path, json!({}), "Failed to update catalog, error: id ");
        refused(&backend, "DELETE", &path, json!({}), "Failed to delete catalog, error: id ");
        refused(&backend, "PATCH", &format!("{path}/finalize"), json!({}), "Failed to finalize catalog, error: id ");
        let begin = "Failed to retrieve controls of the catalog, error: catalogId ";
        refused(&backend, "GET", &format!("{path}/controls"), json!({}), begin);
    }
    for id in ["0", "-1", "2147483647"] {
        backend.user("GET", &format!("/catalogs/{id}"), None).is(404, not_found());
        backend.user("DELETE", &format!("/catalogs/{id}"), None).is(404, not_found());
        backend.user("PATCH", &format!("/catalogs/{id}/finalize"), None).is(404, not_found());
        backend.user("GET", &format!("/catalogs/{id}/controls"), None).is(200, json!([]));
    }
}

#[test]
fn drafts_are_made_and_listed_apart() {
    let backend = Backend::start();
    let final_one = created(&backend, catalog());
    let body = json!({ "name": "D", "startDate": "2024-01-01", "status": "finalized", "tpaId": "tpa-x" });
    let draft = backend.user("POST", "/catalogs/drafts", Some(body)).expect(201).json();
    assert_eq!([&draft["status"], &draft["tpaId"], &draft["endDate"]], [&json!("draft"), &Value::Null, &Value::Null]);
    backend.user("GET", "/catalogs/drafts", None).is(200, json!([draft]));
    backend.user("GET", "/catalogs", None).is(200, json!([final_one, draft]));
    backend.user("GET", "/catalogs?status=draft", None).is(200, json!([draft]));
    backend.user("GET", "/catalogs?status=finalized", None).is(200, json!([final_one]));
    let text = r#"Invalid value for "status": "x". Allowed values are draft or finalized."#;
    backend.user("GET", "/catalogs?status=x", None).is(400, json!({ "error": text }));

    let missing = json!({ "message": "Missing required fields: name and/or startDate" });
    for body in [json!({}), json!({ "name": "D" }), json!({ "startDate": "2024-01-01", "name": "" })] {
        backend.user("POST", "/catalogs/drafts", Some(body)).is(400, missing.clone());
    }
    let body = json!({ "name": "D", "startDate": "never" });
    refused(&backend, "POST", "/catalogs/drafts", body, "Failed to create draft catalog, error: startDate ");
    let body = json!({ "name": "D", "startDate": "2024-01-01", "description": "x".repeat(256) });
    refused(&backend, "POST", "/catalogs/drafts", body, "Failed to create draft catalog, error: description ");
}

/// Two drafts and one final control.
fn with_controls(backend: &Backend, catalog: &Value) {
    backend.sql(&format!(
        "INSERT INTO control (name, period, status, params, \"startDate\", \"catalogId\") VALUES
        ('A', 'MONTHLY', 'draft', '{{\"threshold\": \"50\"}}', '2024-01-01T00:00:00Z', {id}),
        ('B', 'HOURLY', 'draft', NULL, NULL, {id}), ('C', 'ANNUALLY', 'finalized', '{{}}', NULL, {id}),
        ('D', 'DAILY', 'draft', '{{}}', NULL, NULL)",
        id = catalog["id"]
    ));
}

#[test]
fn a_draft_becomes_final_with_its_controls() {
    let backend = Backend::start();
    let mut body = catalog();
    body["status"] = json!("draft");
    let draft = created(&backend, body);
    with_controls(&backend, &draft);
    let done = backend.user("PATCH", &format!("{}/finalize", path(&draft)), Some(json!({}))).expect(200).json();
    assert!(is_agreement(&done["catalog"]["tpaId"]), "{done}");
    let mut expected = draft.clone();
    expected["status"] = json!("finalized");
    expected["tpaId"] = done["catalog"]["tpaId"].clone();
    assert_eq!(done, json!({ "catalog": expected, "controls": { "finalized": 2 } }));
    backend.user("GET", &path(&draft), None).is(200, expected.clone());
    let of = |sql: &str| backend.rows(sql);
    assert_eq!(of("SELECT name FROM control WHERE status = 'draft'"), ["D"], "only those of the catalog");

    let again = json!({ "message": "Only draft catalogs can be finalized" });
    backend.user("PATCH", &format!("{}/finalize", path(&draft)), None).is(400, again);
    backend.user("GET", &path(&draft), None).is(200, expected);
    let back = json!({ "message": "Cannot change status from finalized to draft" });
    backend.user("PATCH", &path(&draft), Some(json!({ "status": "draft", "name": "x" }))).is(400, back);
    assert_eq!(backend.user("GET", &path(&draft), None).json()["name"], "Ley");
}

#[test]
fn a_draft_without_an_end_stays_a_draft() {
    let backend = Backend::start();
    let body = json!({ "name": "D", "startDate": "2024-01-01" });
    let draft = backend.user("POST", "/catalogs/drafts", Some(body)).expect(201).json();
    with_controls(&backend, &draft);
    let refused = json!({ "message": "Catalog must have startDate and endDate to be finalized" });
    backend.user("PATCH", &format!("{}/finalize", path(&draft)), None).is(400, refused);
    backend.user("GET", &path(&draft), None).is(200, draft.clone());
    assert_eq!(backend.rows("SELECT count(*)::text FROM control WHERE status = 'draft'"), ["3"]);
    // A draft may be said to be one, and be made final by hand.
    backend.user("PATCH", &path(&draft), Some(json!({ "status": "draft" }))).is(200, draft.clone());
    let changed = backend.user("PATCH", &path(&draft), Some(json!({ "status": "finalized" }))).expect(200).json();
    assert_eq!([&changed["status"], &changed["tpaId"]], [&json!("finalized"), &Value::Null]);
}

#[test]
fn a_catalog_is_finalized_once_however_many_ask() {
    let backend = Backend::start();
    let mut body = catalog();
    body["status"] = json!("draft");
    let draft = created(&backend, body);
    with_controls(&backend, &draft);
    let token = backend.token("USER");
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let request = backend.request("PATCH", &format!("/api/v1{}/finalize", path(&draft)));
            super::harness::answer(request.header("x-access-token", &token))
        })
        .collect();
    let answers = backend.block_on(async {
        let running: Vec<_> = asked.into_iter().map(tokio::spawn).collect();
        let mut answers = Vec::new();
        for one in running {
            answers.push(one.await.unwrap());
        }
        answers
    });
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| [200, 400].contains(&answer.status)), "{answers:?}");
    assert_eq!(done[0].json()["catalog"], backend.user("GET", &path(&draft), None).json());
}

#[test]
fn controls_survive_their_catalog() {
    let backend = Backend::start();
    let catalog = created(&backend, catalog());
    with_controls(&backend, &catalog);
    let controls = backend.user("GET", &format!("{}/controls", path(&catalog)), None).expect(200).json();
    assert_eq!(controls.as_array().unwrap().len(), 3);
    let first = json!({
        "id": 1, "name": "A", "description": null, "period": "MONTHLY", "startDate": "2024-01-01T00:00:00.000Z",
        "endDate": null, "mashupId": null, "params": { "threshold": "50" }, "status": "draft", "catalogId": catalog["id"],
    });
    assert_eq!(controls[0].to_string(), first.to_string());
    backend.user("DELETE", &path(&catalog), None).expect(204);
    assert_eq!(backend.rows(r#"SELECT count(*)::text FROM control WHERE "catalogId" IS NULL"#), ["4"]);
    backend.user("GET", &format!("{}/controls", path(&catalog)), None).is(200, json!([]));
}

#[test]
fn catalogs_are_for_those_who_are_signed_in() {
    let backend = Backend::start();
    for (method, path) in [
        ("GET", "/catalogs"),
        ("POST", "/catalogs"),
        ("GET", "/catalogs/1"),
        ("PATCH", "/catalogs/1"),
        ("DELETE", "/catalogs/1"),
        ("GET", "/catalogs/1/controls"),
        ("GET", "/catalogs/drafts"),
        ("POST", "/catalogs/drafts"),
        ("PATCH", "/catalogs/1/finalize"),
    ] {
        backend.call(method, path, None, None).is(401, json!({ "message": "No token provided" }));
    }
}
