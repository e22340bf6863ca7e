//! `/points` and its alias `/point`.

use serde_json::{Value, json};

use super::harness::Backend;

const FIRST: &str = "b31c3627-d0ea-482a-91a0-05ae6755819a";
const SECOND: &str = "4aee5b3a-1b6c-4a0e-8a85-8f0c3f4f8a11";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// A point of agreement `tpa-1` and one of `tpa-2`.
fn with_two() -> Backend {
    let backend = Backend::start();
    backend.sql(&format!(
        r#"INSERT INTO "Points" (id, "agreementId", "guaranteeId", "guaranteeValue", "guaranteeResult", timestamp,
            metrics, scope, "computationGroup", "createdAt", "updatedAt") VALUES
        ('{FIRST}', 'tpa-1', 'G', 83.5, true, '2024-06-01T00:00:00Z', '{{"G_METRIC": 83.5}}', '{{"owner": "ä"}}',
            '{NOBODY}', '2024-07-01T10:00:00.1234Z', '2024-07-01T12:00:00+02'),
        ('{SECOND}', 'tpa-2', 'H', 100, false, '2024-06-01T00:00:00Z', '{{}}', '{{}}', NULL, now(), now())"#
    ));
    backend
}

fn first() -> Value {
    json!({
        "id": FIRST, "agreementId": "tpa-1", "guaranteeId": "G", "guaranteeValue": 83.5, "guaranteeResult": true,
        "timestamp": "2024-06-01T00:00:00.000Z", "metrics": { "G_METRIC": 83.5 }, "scope": { "owner": "ä" },
        "computationGroup": NOBODY,
        "createdAt": "2024-07-01T10:00:00.123Z", "updatedAt": "2024-07-01T10:00:00.000Z",
    })
}

#[test]
fn points_are_listed_read_and_deleted_under_both_spellings() {
    for name in ["points", "point"] {
        let backend = with_two();
        let all = backend.user("GET", &format!("/{name}"), None).expect(200).json();
        assert_eq!(all.as_array().unwrap().len(), 2);
        let one = backend.user("GET", &format!("/{name}/{FIRST}"), None).expect(200);
        assert_eq!(one.json().to_string(), first().to_string(), "the order of the members is promised, too");
        backend.user("GET", &format!("/{name}/catalog/tpa-1"), None).is(200, json!([first()]));
        backend.user("GET", &format!("/{name}/catalog/tpa-3"), None).is(200, json!([]));
        let second = backend.user("GET", &format!("/{name}/{SECOND}"), None).expect(200).json();
        assert_eq!((&second["computationGroup"], &second["guaranteeValue"]), (&Value::Null, &json!(100)));

        assert_eq!(backend.user("DELETE", &format!("/{name}/{FIRST}"), Some(json!({}))).expect(204).text, "");
        let gone = json!({ "message": format!("Point with id {FIRST} not found") });
        backend.user("GET", &format!("/{name}/{FIRST}"), None).is(404, gone.clone());
        backend.user("DELETE", &format!("/{name}/{FIRST}"), None).is(404, gone);
        assert_eq!(backend.rows(r#"SELECT id::text FROM "Points""#), [SECOND]);
        assert_eq!(backend.user("DELETE", &format!("/{name}"), Some(json!({}))).expect(204).text, "");
        backend.user("GET", &format!("/{name}"), None).is(200, json!([]));
        // Also when there are none.
        backend.user("DELETE", &format!("/{name}"), None).expect(204);
    }
}

#[test]
fn an_id_that_is_no_uuid_is_refused() {
    let backend = with_two();
    let invalid = json!({ "message": "Invalid point id" });
    for id in ["1", "ae08pn1m04lxcd", "catalog/", "%00", "'%3B%20DROP%20TABLE%20%22Points%22%3B%20--", "..%2fscopes"] {
        backend.user("GET", &format!("/points/{id}"), None).is(400, invalid.clone());
        backend.user("DELETE", &format!("/points/{id}"), None).is(400, invalid.clone());
    }
    let unknown = json!({ "message": format!("Point with id {NOBODY} not found") });
    backend.user("GET", &format!("/points/{NOBODY}"), None).is(404, unknown.clone());
    backend.user("DELETE", &format!("/points/{NOBODY}"), None).is(404, unknown);
    assert_eq!(backend.rows(r#"SELECT count(*)::text FROM "Points""#), ["2"]);
}

#[test]
fn an_agreement_is_any_text_that_could_be_stored() {
    let backend = with_two();
    backend.user("GET", "/points/catalog/'%20OR%201%3D1%20--", None).is(200, json!([]));
    let text = "An error occurred while retrieving the points for this agreement.";
    for bad in ["%00".to_owned(), "x".repeat(256)] {
        let answer = backend.user("GET", &format!("/points/catalog/{bad}"), None).expect(400).json();
        assert_eq!(answer["message"], text);
    }
}

#[test]
fn points_are_for_those_who_are_signed_in() {
    let backend = Backend::start();
    for (method, path) in [
        ("GET", "/points".to_owned()),
        ("DELETE", "/points".to_owned()),
        ("GET", format!("/points/{FIRST}")),
        ("DELETE", format!("/point/{FIRST}")),
        ("GET", "/points/catalog/tpa-1".to_owned()),
    ] {
        backend.call(method, &path, None, None).is(401, json!({ "message": "No token provided" }));
    }
}

#[test]
fn many_points_arrive_whole() {
    let backend = Backend::start();
    backend.sql(
        r#"INSERT INTO "Points" (id, "agreementId", "guaranteeId", "guaranteeValue", "guaranteeResult", timestamp,
            metrics, scope, "createdAt", "updatedAt")
        SELECT gen_random_uuid(), 'tpa-1', 'G' || n, n, true, now(), '{"m": 1}', '{"owner": "o"}', now(), now()
        FROM generate_series(1, 10000) n"#,
    );
    for path in ["/points", "/points/catalog/tpa-1"] {
        let all = backend.user("GET", path, None).expect(200).json();
        let values: std::collections::BTreeSet<i64> =
            all.as_array().unwrap().iter().map(|point| point["guaranteeValue"].as_i64().unwrap()).collect();
        assert_eq!(values, (1..=10_000).collect());
    }
}
