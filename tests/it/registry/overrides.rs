//! Overrides: stored while the bill of their period is open, and the states computed again.

use serde_json::{Value, json};

use super::harness::{Registry, agreement};
use crate::backend::harness::Answer;
use crate::doubles::Trouble;

const PATH: &str = "/states/tpa-1/guarantees/UPTIME_1/overrides";

fn correction(id: u8) -> Value {
    json!({ "id": id, "scope": { "priority": "P1", "node": "n" }, "comment": "as agreed", "evidences": { "$x.y": 1 },
        "period": { "from": "2024-02-01T00:00:00.000Z", "to": "2024-02-29T23:59:59.000Z" } })
}

fn with_bill(state: &str) -> Registry {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let bill = json!({ "state": state, "period": { "from": "2024-02-01T00:00:00.000Z" } });
    registry.put("/bills/tpa-1/1", bill).expect(201);
    registry
}

fn remove(registry: &Registry, body: Value) -> Answer {
    registry.call("DELETE", PATH, Some(body))
}

fn told(message: &str) -> Value {
    json!({ "message": message })
}

#[test]
fn an_override_is_stored_once_and_the_states_are_computed_again() {
    let registry = with_bill("open");
    registry.get(PATH).is(404, json!({ "code": 404, "message": "Overrides not found" }));
    let stored = registry.post(PATH, correction(1)).expect(200);
    assert_eq!(
        (stored.text.as_str(), &stored.headers["content-type"]),
        ("OK", &"text/html; charset=utf-8".parse().unwrap())
    );
    registry.post(PATH, correction(1)).is(500, told("That override already exists."));
    registry.post(PATH, correction(2)).expect(200);
    let found = registry.get(PATH).expect(200);
    assert_eq!(found.text, json!([correction(1), correction(2)]).to_string());
    let documents = registry.documents("overridesmodels");
    let members: Vec<_> = documents[0].keys().map(String::as_str).collect();
    assert_eq!((documents.len(), members), (1, vec!["_id", "agreement", "guarantee", "overrides", "__v"]));
    let bodies = registry.collector.bodies();
    assert_eq!((bodies.len(), &bodies[0]["metric"]["window"]["initial"]), (2, &json!("2024-02-01T00:00:00.000Z")));
}

#[test]
fn a_failure_after_storing_does_not_fail_the_request() {
    let registry = with_bill("open");
    registry.collector.server.always("POST", Trouble::Close);
    registry.post(PATH, correction(1)).expect(200);
    assert_eq!(registry.get(PATH).expect(200).json(), json!([correction(1)]));
    assert!(registry.log().contains("states are not computed again after an override"));
}

#[test]
fn without_an_open_bill_nothing_is_overridden() {
    let registry = with_bill("Closed");
    let refused = told("You cannot override periods when the bill is closed.");
    registry.post(PATH, correction(1)).is(403, refused.clone());
    remove(&registry, correction(1)).is(403, refused);
    let mut other = correction(1);
    other["period"]["from"] = json!("2024-03-01T00:00:00.000Z");
    registry.post(PATH, other.clone()).is(404, told("Bill not found for that period."));
    remove(&registry, other).is(404, told("Bill not found for that period."));
    for part in ["period", "scope"] {
        let mut body = correction(1);
        body.as_object_mut().unwrap().remove(part);
        assert!(registry.post(PATH, body).expect(400).json()["message"].is_string());
    }
}

#[test]
fn overrides_are_removed_one_by_one_and_all_at_once() {
    let registry = with_bill("open");
    for id in 1..=3 {
        registry.post(PATH, correction(id)).expect(200);
    }
    assert_eq!(remove(&registry, correction(2)).expect(200).text, "OK");
    remove(&registry, correction(2)).is(404, told("That override does not exist."));
    // Nothing of what is sent is an operator.
    let mut sly = correction(1);
    sly["comment"] = json!({ "$gt": "" });
    remove(&registry, sly).expect(200);
    assert_eq!(registry.get(PATH).expect(200).json(), json!([correction(1), correction(3)]));
    assert_eq!(registry.delete("/states/tpa-1/overrides").expect(200).text, "OK");
    registry.delete("/states/tpa-1/overrides").is(404, json!({ "code": 404, "message": "Overrides not found" }));
    registry.get(PATH).expect(404);
}
