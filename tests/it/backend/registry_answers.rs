//! `GET /catalogs/{tpaId}/points` with answers that no right registry gives, by a double of one; and without any registry.

use serde_json::{Value, json};

use super::harness::Backend;
use crate::doubles::Trouble;
use crate::doubles::registry::Registry;

/// A backend with its registry, and a catalog with one control.
struct Stage {
    backend: Backend,
    registry: Registry,
    agreement: String,
}

impl Stage {
    fn new() -> Self {
        let registry = Registry::start();
        let backend = Backend::with(&[("REGISTRY_URL", &registry.server.url())]);
        let body = json!({ "name": "C", "startDate": "2024-01-01", "endDate": "2024-12-31" });
        let catalog = backend.user("POST", "/catalogs", Some(body)).expect(201).json();
        backend.sql(&format!(
            r#"INSERT INTO control (name, period, status, params, "catalogId") VALUES
            ('Second', 'MONTHLY', 'finalized', '{{"endpoint": "/s", "threshold": 50}}', {})"#,
            catalog["id"]
        ));
        let agreement = catalog["tpaId"].as_str().expect("an agreement").to_owned();
        Self { backend, registry, agreement }
    }

    fn state(&self, guarantee: &str, owner: &str, month: u32) -> Value {
        json!({
            "stateType": "guarantees", "agreementId": self.agreement, "id": guarantee, "scope": { "owner": owner },
            "period": { "from": "2024-01-01T00:00:00.000Z", "to": format!("2024-{month:02}-01T00:00:00.000Z") },
            "value": true, "metrics": { (format!("{guarantee}_METRIC")): 87, "OTHER": 1 }, "evidences": [{}],
        })
    }

    fn stored(&self) -> Value {
        self.backend.user("GET", &format!("/points/catalog/{}", self.agreement), None).expect(200).json()
    }

    #[track_caller]
    fn compute(&self, status: u16) -> Value {
        let path = format!("/catalogs/{}/points?from=2024-01-01T00:00:00.000Z&to=2024-07-01", self.agreement);
        self.backend.user("GET", &path, None).expect(status).json()
    }

    /// How many points the answer tells when the registry gives these states.
    #[track_caller]
    fn points(&self, states: Value) -> usize {
        self.registry.tell_states(states);
        self.compute(200).as_array().expect("a list").len()
    }
}

#[test]
fn states_that_repeat_themselves_or_are_of_nothing_known_make_no_second_point() {
    let stage = Stage::new();
    let state = |owner: &str, month: u32| stage.state("SECOND", owner, month);
    assert_eq!(stage.points(json!([state("a", 4), state("a", 4), stage.state("UNKNOWN", "a", 4)])), 1);
    assert_eq!(stage.points(json!([state("a", 4), state("b", 4), state("a", 5)])), 3);
    assert_eq!(stage.points(json!([stage.state("UNKNOWN", "a", 4)])), 0);
    // The order of a scope's keys is none.
    let mut wider = state("a", 4);
    wider["scope"] = json!({ "owner": "a", "region": "x" });
    assert_eq!(stage.points(json!([wider])), 1);
    wider["scope"] = json!({ "region": "x", "owner": "a" });
    assert_eq!(stage.points(json!([wider])), 4);
    // The first of several metrics is the value; evidence without a group has none.
    let points = stage.stored();
    assert!(points.as_array().unwrap().iter().all(|point| point["guaranteeValue"] == 87), "{points}");
    assert!(points.as_array().unwrap().iter().all(|point| point["computationGroup"].is_null()), "{points}");
}

#[test]
fn states_that_make_no_point_are_told_when_there_is_nothing_else() {
    let stage = Stage::new();
    let mut empty = stage.state("SECOND", "a", 4);
    empty["period"]["to"] = empty["period"]["from"].clone();
    let mut without = stage.state("SECOND", "b", 4);
    without["metrics"] = json!({});
    stage.registry.tell_states(json!([empty, without]));
    let refused = stage.compute(400);
    let message = json!("Point of guarantee SECOND cannot be stored.");
    assert_eq!(refused.as_array().unwrap().iter().map(|one| &one["message"]).collect::<Vec<_>>(), [&message, &message]);
    assert_eq!(stage.stored(), json!([]));
    // With a point stored, that one is the answer.
    stage.registry.tell_states(json!([empty, stage.state("SECOND", "c", 4)]));
    assert_eq!(stage.compute(200), stage.stored());
}

#[test]
fn an_agreement_that_another_made_meanwhile_is_replaced() {
    let stage = Stage::new();
    stage.compute(200);
    let missing = Trouble::Status(404, json!({ "code": 404, "message": "There is no agreement" }));
    stage.registry.server.next(1, "GET /api/v6/agreements/", missing);
    let taken = Trouble::Status(409, json!({ "code": 409, "message": "Agreement already exists" }));
    stage.registry.server.next(1, "POST /api/v6/agreements", taken);
    assert_eq!(stage.compute(200), json!([]));
    assert!(stage.registry.server.lines().contains(&format!("PUT /api/v6/agreements/{}", stage.agreement)));
}

#[test]
fn what_cannot_be_computed_is_refused_with_its_reason_and_nobody_is_asked() {
    let stage = Stage::new();
    let refused = |path: &str, status: u16| {
        let body = stage.backend.user("GET", path, None).expect(status).json();
        let message = body["message"].as_str().unwrap().strip_prefix("Failed to get points, error: ");
        message.unwrap_or_else(|| panic!("{body}")).to_owned()
    };
    for unknown in ["tpa-00000000-0000-4000-8000-000000000000", "1", "tpa-'%20OR%201=1%20--"] {
        assert_eq!(refused(&format!("/catalogs/{unknown}/points"), 404), "Catalog not found");
    }
    let of = |query: &str| format!("/catalogs/{}/points?{query}", stage.agreement);
    assert_eq!(refused(&of("from=yesterday"), 400), "from must be an ISO date");
    assert_eq!(refused(&of("from=2024-01-01&to=2024-02-31"), 400), "to must be an ISO date");
    assert!(refused("/catalogs/%00/points", 400).starts_with("tpaId "));
    stage.backend.sql("UPDATE control SET params = '{\"endpoint\": \"/p\"}' WHERE id = 1");
    assert_eq!(refused(&of(""), 409), "control Second has no threshold in its params");
    let path = of("");
    stage.backend.call("GET", &path, None, None).is(401, json!({ "message": "No token provided" }));
    assert_eq!(stage.registry.server.lines(), [""; 0]);
}

#[test]
fn a_registry_that_fails_is_told_and_nothing_is_stored() {
    let stage = Stage::new();
    stage.registry.tell_states(json!([stage.state("SECOND", "a", 4)]));
    let server = &stage.registry.server;
    let failed = |status: u16| {
        let body = stage.compute(status);
        assert!(body["message"].as_str().unwrap().starts_with("Failed to get points, error: "), "{body}");
        assert_eq!(stage.stored(), json!([]));
    };
    let broken = Trouble::Status(500, json!({ "code": 500, "message": "Error processing guarantees sequentially" }));
    for trouble in [broken, Trouble::Text("no JSON"), Trouble::Text("[{\"id\": 3}]")] {
        server.next(1, "GET /api/v6/states/", trouble);
        failed(500);
    }
    server.next(1, "GET /api/v6/states/", Trouble::Close);
    failed(500);
    server.next(1, "PUT /api/v6/agreements/", Trouble::Status(500, json!({})));
    stage.backend.sql("UPDATE control SET description = 'another' WHERE id = 1");
    failed(500);
    // What cannot be stored is the registry's fault, not the caller's.
    let mut long = stage.state("SECOND", "a", 4);
    long["scope"] = json!({ "owner": "a\u{0}" });
    stage.registry.tell_states(json!([long, stage.state("SECOND", "b", 4)]));
    failed(500);
    assert_eq!(stage.points(json!([stage.state("SECOND", "a", 4)])), 1);
}

#[test]
fn without_a_registry_there_are_no_points() {
    let backend = Backend::start();
    let body = json!({ "name": "C", "startDate": "2024-01-01", "endDate": "2024-12-31" });
    let catalog = backend.user("POST", "/catalogs", Some(body)).expect(201).json();
    let path = format!("/catalogs/{}/points", catalog["tpaId"].as_str().unwrap());
    let body = backend.user("GET", &path, None).expect(500).json();
    assert_eq!(body["message"], "Failed to get points, error: the registry is not configured");
}
