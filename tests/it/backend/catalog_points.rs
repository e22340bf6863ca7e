//! `GET /catalogs/{tpaId}/points`: from a catalog to stored points, with a double of the registry.

use serde_json::{Value, json};

use super::harness::{Backend, answer};
use crate::doubles::Trouble;
use crate::doubles::registry::Registry;

const GROUP: &str = "b31c3627-d0ea-482a-91a0-05ae6755819a";

/// A backend with its registry, and a catalog with two final controls, of which the first has two scope sets, and a draft.
struct Stage {
    backend: Backend,
    registry: Registry,
    agreement: String,
}

impl Stage {
    fn new() -> Self {
        let registry = Registry::start();
        let backend = Backend::with(&[("REGISTRY_URL", &registry.server.url()), ("BACKEND_URL", "http://here:1/")]);
        let body = json!({ "name": "C", "startDate": "2024-01-01", "endDate": "2024-12-31" });
        let catalog = backend.user("POST", "/catalogs", Some(body)).expect(201).json();
        backend.sql(&format!(
            r#"INSERT INTO control (name, description, period, status, params, "catalogId") VALUES
            ('Data  Privacy', 'about', 'MONTHLY', 'finalized', '{{"endpoint": "/p", "threshold": "80", "x": "1"}}', {id}),
            ('Second', NULL, 'ANNUALLY', 'finalized', '{{"endpoint": "/s", "threshold": 50}}', {id}),
            ('Draft', NULL, 'DAILY', 'draft', '{{}}', {id})"#,
            id = catalog["id"]
        ));
        let scope = json!({ "name": "owner", "description": "d", "default": "*" });
        backend.user("POST", "/scopes", Some(scope)).expect(201);
        for (control, scopes) in [
            (1, json!({ "owner": "a", "unknown": "*" })),
            (1, json!({ "owner": "b" })),
            (2, json!({ "owner": "*" })),
            (3, json!({ "owner": "draft" })),
        ] {
            let set = json!({ "controlId": control, "scopes": scopes });
            backend.user("POST", "/scopes/sets", Some(set)).expect(201);
        }
        let agreement = catalog["tpaId"].as_str().expect("an agreement").to_owned();
        Self { backend, registry, agreement }
    }

    fn path(&self) -> String {
        format!("/catalogs/{}/points?from=2024-01-01T00:00:00.000Z&to=2024-07-01", self.agreement)
    }

    fn state(&self, guarantee: &str, owner: &str, month: u32) -> Value {
        json!({
            "stateType": "guarantees", "agreementId": self.agreement, "id": guarantee, "scope": { "owner": owner },
            "period": { "from": "2024-01-01T00:00:00.000Z", "to": format!("2024-{month:02}-01T00:00:00.000Z") },
            "value": true, "metrics": { (format!("{guarantee}_METRIC")): 87, "OTHER": 1 },
            "evidences": [{ "computationGroup": GROUP }, {}],
        })
    }

    fn stored(&self) -> Vec<Value> {
        let stored = self.backend.user("GET", &format!("/points/catalog/{}", self.agreement), None).expect(200).json();
        stored.as_array().expect("a list").clone()
    }

    #[track_caller]
    fn compute(&self, status: u16) -> Value {
        self.backend.user("GET", &self.path(), None).expect(status).json()
    }
}

/// In an order of their own.
fn sorted(points: &Value) -> Vec<String> {
    let mut points: Vec<_> = points.as_array().expect("a list").iter().map(Value::to_string).collect();
    points.sort();
    points
}

#[test]
fn states_of_the_registry_become_points() {
    let stage = Stage::new();
    stage.registry.tell_states(json!([
        stage.state("DATA_PRIVACY", "a", 4),
        stage.state("SECOND", "*", 7),
        stage.state("UNKNOWN", "a", 4)
    ]));
    let points = stage.compute(200);
    let point = &points[0];
    let expected = json!({
        "id": point["id"], "agreementId": stage.agreement, "guaranteeId": "DATA_PRIVACY", "guaranteeValue": 87,
        "guaranteeResult": true, "timestamp": "2024-03-01T00:00:00.000Z",
        "metrics": { "OTHER": 1, "DATA_PRIVACY_METRIC": 87 }, "scope": { "owner": "a" }, "computationGroup": GROUP,
        "createdAt": point["createdAt"], "updatedAt": point["updatedAt"],
    });
    assert_eq!(point, &expected);
    // A year is one period, named by its start.
    assert_eq!([&points[1]["guaranteeId"], &points[1]["timestamp"]], ["SECOND", "2024-01-01T00:00:00.000Z"]);
    assert_eq!(points.as_array().unwrap().len(), 2, "{points}");
    assert_eq!(sorted(&points), sorted(&json!(stage.stored())));

    let asked = stage.registry.server.asked();
    let lines: Vec<_> = asked.iter().map(|asked| asked.line()).collect();
    let one = format!("GET /api/v6/agreements/{}", stage.agreement);
    let states = format!("GET /api/v6/states/{}/guarantees", stage.agreement);
    assert_eq!(lines, [one.as_str(), "POST /api/v6/agreements", &states]);
    assert_eq!(asked[2].query, "from=2024-01-01T00%3A00%3A00.000Z&to=2024-07-01&newPeriodsFromGuarantees=false");
    assert_eq!(asked[2].header("x-access-token"), Some(stage.backend.token("USER").as_str()));
}

#[test]
fn the_registry_is_given_the_catalog_as_an_agreement() {
    let stage = Stage::new();
    assert_eq!(stage.compute(200), json!([]));
    let agreement = stage.registry.agreement(&stage.agreement).unwrap();
    assert_eq!([&agreement["id"], &agreement["type"]], [&json!(stage.agreement), &json!("agreement")]);
    let validity = &agreement["context"]["validity"];
    let dates = ["2024-01-01T00:00:00.000Z", "2024-12-31T00:00:00.000Z"];
    assert_eq!([&validity["startDate"], &validity["endDate"]], dates);
    let metrics = &agreement["terms"]["metrics"];
    assert_eq!(metrics.as_object().unwrap().keys().collect::<Vec<_>>(), ["DATA_PRIVACY_METRIC", "SECOND_METRIC"]);
    let metric = &metrics["DATA_PRIVACY_METRIC"];
    assert_eq!(metric["measure"], json!({ "endpoint": "/p", "params": { "x": "1" }, "scope": {} }));
    assert_eq!(metric["collector"]["config"]["backendUrl"], "http://here:1/api/v1/computations/bulk");
    let guarantees = agreement["terms"]["guarantees"].as_array().unwrap();
    let of = |at: usize| guarantees[at]["of"].as_array().unwrap().iter().map(|of| of["scope"].clone());
    // Each has the sets of its own control, in their own words, and of the names those that are known.
    assert_eq!(of(0).collect::<Vec<_>>(), [json!({ "owner": "a", "unknown": "*" }), json!({ "owner": "b" })]);
    assert_eq!(of(1).collect::<Vec<_>>(), [json!({ "owner": "*" })]);
    assert_eq!(guarantees.len(), 2, "the draft is not part of it");
    let known = json!({ "owner": { "name": "owner", "description": "d", "type": "string", "default": "*" } });
    assert_eq!(guarantees[0]["scope"], known);
    let first = &guarantees[0]["of"][0];
    assert_eq!([&first["objective"], &first["window"]["period"]], ["DATA_PRIVACY_METRIC >= 80", "monthly"]);
    assert_eq!(guarantees[1]["of"][0]["objective"], "SECOND_METRIC >= 50");

    // As it is: nothing to say. Changed: replaced.
    let count = |stage: &Stage, method: &str| {
        stage.registry.server.lines().iter().filter(|line| line.starts_with(method)).count()
    };
    stage.compute(200);
    assert_eq!((count(&stage, "POST"), count(&stage, "PUT")), (1, 0));
    stage.backend.sql(r#"UPDATE control SET params = params || '{"threshold": "90"}' WHERE id = 1"#);
    stage.compute(200);
    assert_eq!((count(&stage, "POST"), count(&stage, "PUT")), (1, 1));
    let agreement = stage.registry.agreement(&stage.agreement).unwrap();
    assert_eq!(agreement["terms"]["guarantees"][0]["of"][0]["objective"], "DATA_PRIVACY_METRIC >= 90");
}

#[test]
fn a_point_is_stored_once_and_then_all_are_told() {
    let stage = Stage::new();
    stage.registry.tell_states(json!([stage.state("DATA_PRIVACY", "a", 4)]));
    let first = stage.compute(200);
    // The same again, twice; another scope; another time; another guarantee.
    stage.registry.tell_states(json!([
        stage.state("DATA_PRIVACY", "a", 4),
        stage.state("DATA_PRIVACY", "a", 4),
        stage.state("DATA_PRIVACY", "b", 4),
        stage.state("DATA_PRIVACY", "a", 5),
        stage.state("SECOND", "a", 4),
    ]));
    let all = stage.compute(200);
    assert_eq!(all.as_array().unwrap().len(), 4);
    assert_eq!(sorted(&all), sorted(&json!(stage.stored())));
    assert!(sorted(&all).contains(&first[0].to_string()), "the old one as it was");
    assert_eq!(sorted(&stage.compute(200)), sorted(&all), "nothing new: all, as they are");

    // A scope with a key more is another scope; the order of keys is none.
    let mut wider = stage.state("DATA_PRIVACY", "a", 4);
    wider["scope"] = json!({ "owner": "a", "region": "x" });
    stage.registry.tell_states(json!([wider]));
    assert_eq!(stage.compute(200).as_array().unwrap().len(), 1);
    wider["scope"] = json!({ "region": "x", "owner": "a" });
    stage.registry.tell_states(json!([wider]));
    assert_eq!(stage.compute(200).as_array().unwrap().len(), 5);
}

#[test]
fn twice_in_one_answer_is_once_in_the_table() {
    let stage = Stage::new();
    stage.registry.tell_states(json!([stage.state("SECOND", "a", 4), stage.state("SECOND", "a", 4)]));
    assert_eq!(stage.compute(200).as_array().unwrap().len(), 1);
    assert_eq!(stage.stored().len(), 1);
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
    assert!(stage.stored().is_empty());
    // With a point stored, that one is the answer.
    stage.registry.tell_states(json!([empty, stage.state("SECOND", "c", 4)]));
    assert_eq!(stage.compute(200), json!(stage.stored()));
}

#[test]
fn computing_at_the_same_time_stores_each_point_once() {
    let stage = Stage::new();
    let states: Vec<_> = (0..40).map(|owner| stage.state("DATA_PRIVACY", &owner.to_string(), 4)).collect();
    stage.registry.tell_states(json!(states));
    let (address, token) = (format!("/api/v1{}", stage.path()), stage.backend.token("USER"));
    let requests: Vec<_> =
        (0..8).map(|_| answer(stage.backend.request("GET", &address).header("x-access-token", &token))).collect();
    let answers = stage.backend.block_on(async {
        let running: Vec<_> = requests.into_iter().map(tokio::spawn).collect();
        let mut answers = Vec::new();
        for one in running {
            answers.push(one.await.unwrap());
        }
        answers
    });
    for answer in answers {
        assert_eq!(answer.expect(200).json().as_array().unwrap().len(), 40);
    }
    assert_eq!(stage.stored().len(), 40);
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
fn what_cannot_be_computed_is_refused_with_its_reason() {
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
    assert!(stage.registry.server.lines().is_empty(), "nobody was asked");
    stage.backend.sql("UPDATE control SET params = '{\"endpoint\": \"/p\"}' WHERE id = 1");
    assert_eq!(refused(&of(""), 409), "control Data  Privacy has no threshold in its params");
    let path = of("");
    stage.backend.call("GET", &path, None, None).is(401, json!({ "message": "No token provided" }));
}

#[test]
fn a_registry_that_fails_is_told_and_nothing_is_stored() {
    let stage = Stage::new();
    stage.registry.tell_states(json!([stage.state("SECOND", "a", 4)]));
    let server = &stage.registry.server;
    let failed = |status: u16| {
        let body = stage.compute(status);
        assert!(body["message"].as_str().unwrap().starts_with("Failed to get points, error: "), "{body}");
        assert!(stage.stored().is_empty());
    };
    let collector = json!({ "code": 500, "message": "Error processing guarantees sequentially" });
    for trouble in [Trouble::Status(500, collector), Trouble::Text("no JSON"), Trouble::Text("[{\"id\": 3}]")] {
        server.next(1, "GET /api/v6/states/", trouble);
        failed(500);
    }
    server.next(1, "GET /api/v6/states/", Trouble::Close);
    failed(503);
    server.next(1, "PUT /api/v6/agreements/", Trouble::Status(500, json!({})));
    stage.backend.sql(r#"UPDATE control SET params = params || '{"threshold": "90"}' WHERE id = 1"#);
    failed(500);
    // What cannot be stored is the registry's fault, not the caller's.
    let mut long = stage.state("SECOND", "a", 4);
    long["scope"] = json!({ "owner": "a\u{0}" });
    stage.registry.tell_states(json!([long, stage.state("SECOND", "b", 4)]));
    failed(500);
    stage.registry.tell_states(json!([stage.state("SECOND", "a", 4)]));
    assert_eq!(stage.compute(200).as_array().unwrap().len(), 1);
}

#[test]
fn without_a_registry_there_are_no_points() {
    let backend = Backend::start();
    let body = json!({ "name": "C", "startDate": "2024-01-01", "endDate": "2024-12-31" });
    let catalog = backend.user("POST", "/catalogs", Some(body)).expect(201).json();
    let path = format!("/catalogs/{}/points", catalog["tpaId"].as_str().unwrap());
    let body = backend.user("GET", &path, None).expect(503).json();
    assert_eq!(body["message"], "Failed to get points, error: the registry cannot be reached");
}
