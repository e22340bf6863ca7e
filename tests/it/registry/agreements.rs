//! Agreements: stored as they are sent, found, changed and deleted.

use mongodb::bson::{Bson, doc};
use serde_json::{Value, json};

use super::harness::{PREFIX, Registry, agreement};
use crate::backend::harness::answer;

fn coded(code: u16, message: &str) -> Value {
    json!({ "code": code, "message": message })
}

#[test]
fn an_agreement_is_given_back_as_it_was_sent() {
    let registry = Registry::start();
    registry.get("/agreements").is(200, json!([]));
    let sent = agreement("tpa-1", 2);
    let stored = registry.post("/agreements", sent.clone()).expect(200);
    assert_eq!(
        (stored.text.as_str(), &stored.headers["content-type"]),
        ("OK", &"text/plain; charset=utf-8".parse().unwrap())
    );
    let found = registry.get("/agreements/tpa-1").expect(200);
    assert_eq!(found.headers["content-type"], "application/json; charset=utf-8");
    // The text itself: members in their order, the id of the document first, its version last.
    let text = sent.to_string();
    let (start, rest) = found.text.split_once(',').expect("members");
    assert!(start.starts_with("{\"_id\":\"") && start.len() == 8 + 24 + 1, "{start}");
    assert_eq!(rest, format!("{},\"__v\":0}}", &text[1..text.len() - 1]));
    assert_eq!(registry.get("/agreements").text, format!("[{}]", found.text));
    let states = registry.documents("statemodels");
    let members: Vec<_> = states[0].keys().map(String::as_str).collect();
    assert_eq!((states.len(), members), (1, vec!["_id", "agreementId", "scope", "records", "__v"]));
    assert_eq!((&states[0]["agreementId"], &states[0]["scope"]), (&Bson::from("tpa-1"), &Bson::from(doc! {})));
}

#[test]
fn only_fields_of_the_model_are_stored_and_strings_are_cast() {
    let registry = Registry::start();
    let sent = json!({ "version": 1.5, "id": 7, "surprise": true, "terms": { "n": [1, 2.5, 3e9], "$ref": "#/x", "a.b": {} },
        "context": {}, "_id": "x", "__v": 4, "$set": { "id": "evil" }, "type": true });
    registry.post("/agreements", sent).expect(200);
    let stored = &registry.documents("agreementmodels")[0];
    let members: Vec<_> = stored.keys().map(String::as_str).collect();
    assert_eq!(members, ["_id", "version", "id", "terms", "context", "type", "__v"]);
    assert_eq!((&stored["version"], &stored["id"], &stored["type"]), (&"1.5".into(), &"7".into(), &"true".into()));
    assert_eq!(stored["terms"], doc! { "n": [1, 2.5, 3e9], "$ref": "#/x", "a.b": {} }.into());
    assert_eq!((&stored["context"], &stored["__v"]), (&doc! {}.into(), &Bson::Int32(0)));
}

#[test]
fn an_agreement_has_an_id_and_only_one_has_it() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    registry.post("/agreements", agreement("tpa-1", 2)).is(409, coded(409, "Agreement already exists"));
    for nameless in [json!({}), json!({ "id": "" }), json!({ "id": null }), json!([])] {
        registry.post("/agreements", nameless).expect(400);
    }
    let refused = registry.post("/agreements", json!({ "id": { "a": 1 } })).expect(500).json();
    assert_eq!(refused["code"], 500);
    assert!(refused["message"].as_str().unwrap().starts_with("Cast to string failed for value {\"a\":1}"), "{refused}");
    registry.post("/agreements", json!({ "id": "x", "version": [1] })).expect(500);
    assert_eq!(registry.documents("agreementmodels").len(), 1);
}

#[test]
fn many_requests_at_once_for_one_id_make_one_agreement() {
    let registry = Registry::with(&[("WORKERS", "4")]);
    for round in 0..5 {
        let id = format!("tpa-{round}");
        let requests = (0..16).map(|_| {
            let request = registry.request("POST", &format!("{PREFIX}/agreements"));
            answer(request.json(&agreement(&id, 1)))
        });
        let statuses: Vec<u16> =
            registry.block_on(futures_util::future::join_all(requests)).iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 15, "{statuses:?}");
    }
    assert_eq!(registry.documents("agreementmodels").len(), 5);
    assert_eq!(registry.documents("statemodels").len(), 5);
}

#[test]
fn a_change_replaces_whole_fields_and_leaves_the_others() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let before = registry.get("/agreements/tpa-1").json();
    let change = json!({ "terms": { "guarantees": [{ "$ref": "#/x" }] }, "surprise": 1, "$set": { "type": "evil" },
        "templateId": 5, "_id": "x", "__v": 9 });
    let after = registry.put("/agreements/tpa-1", change).expect(200).json();
    let mut wanted = before;
    wanted["terms"] = json!({ "guarantees": [{ "$ref": "#/x" }] });
    wanted["templateId"] = json!("5");
    assert_eq!(after, wanted);
    registry.get("/agreements/tpa-1").is(200, wanted.clone());
    // What the caller got can be sent back, and nothing at all changes nothing.
    registry.put("/agreements/tpa-1", wanted.clone()).is(200, wanted.clone());
    registry.put("/agreements/tpa-1", json!({})).is(200, wanted);
    registry.put("/agreements/tpa-1", json!({ "id": [] })).expect(500);
    registry
        .put("/agreements/nobody", json!({ "id": "x" }))
        .is(404, coded(404, "There is no agreement with id: nobody"));
    // The id may change; then its old one is free again.
    assert_eq!(registry.put("/agreements/tpa-1", json!({ "id": "tpa-2" })).expect(200).json()["id"], "tpa-2");
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    assert_eq!(registry.documents("agreementmodels").len(), 2);
}

#[test]
fn deleting_one_leaves_its_states_and_deleting_all_does_not() {
    let registry = Registry::start();
    for id in ["a", "b", "c d/ä"] {
        registry.post("/agreements", agreement(id, 1)).expect(200);
    }
    assert_eq!(registry.get("/agreements/c%20d%2F%C3%A4").expect(200).json()["id"], "c d/ä");
    assert_eq!(registry.delete("/agreements/a").expect(200).text, "OK");
    registry.delete("/agreements/a").is(404, coded(404, "There is no agreement with id: a"));
    registry.get("/agreements/a").is(404, coded(404, "There is no agreement with id: a"));
    assert_eq!(registry.documents("statemodels").len(), 3);
    assert_eq!(registry.delete("/agreements").expect(200).text, "OK");
    registry.get("/agreements").is(200, json!([]));
    assert_eq!(registry.documents("statemodels").len(), 0);
}

#[test]
fn a_database_of_the_original_is_taken_as_it_is() {
    let registry = Registry::start();
    let id = mongodb::bson::oid::ObjectId::parse_str("67ae0f1a7d6afdc94d9699da").unwrap();
    let made = mongodb::bson::DateTime::from_millis(1_706_695_200_000);
    let document = doc! { "_id": id, "id": "tpa-1", "terms": { "double": 87.0, "long": 5_i64, "made": made }, "extra": "kept", "__v": 3 };
    registry.insert("agreementmodels", vec![document]);
    let text = r#"{"_id":"67ae0f1a7d6afdc94d9699da","id":"tpa-1","terms":{"double":87,"long":5,"made":"2024-01-31T10:00:00.000Z"},"extra":"kept","__v":3}"#;
    assert_eq!(registry.get("/agreements/tpa-1").expect(200).text, text);
    registry.post("/agreements", json!({ "id": "tpa-1" })).expect(409);
    assert_eq!(registry.put("/agreements/tpa-1", json!({ "version": "2" })).expect(200).json()["__v"], 3);
}

#[test]
fn who_has_an_answer_is_told_so_and_gets_a_smaller_one_if_it_likes() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 5)).expect(200);
    let path = format!("{PREFIX}/agreements/tpa-1");
    let whole = registry.send(registry.request("GET", &path)).expect(200);
    let tag = whole.headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let known = registry.send(registry.request("GET", &path).header("if-none-match", &tag)).expect(304);
    assert_eq!((known.text.as_str(), &known.headers["etag"]), ("", &whole.headers["etag"]));
    let head = registry.send(registry.request("HEAD", &path)).expect(200);
    assert_eq!(
        (head.text.as_str(), &head.headers["content-length"]),
        ("", &whole.text.len().to_string().parse().unwrap())
    );
    let smaller = registry.send(registry.request("GET", &path).header("accept-encoding", "gzip")).expect(200);
    assert_eq!(smaller.headers["content-encoding"], "gzip");
    registry.put("/agreements/tpa-1", json!({ "version": "2" })).expect(200);
    registry.send(registry.request("GET", &path).header("if-none-match", &tag)).expect(200);
}
