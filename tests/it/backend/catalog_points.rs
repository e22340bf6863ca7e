//! `GET /catalogs/{tpaId}/points` from a catalog to stored points: the backend, a real registry that calls it back, and
//! flows that are played.

use std::time::Duration;

use serde_json::{Value, json};

use super::governed::Governed;
use super::harness::answer;
use crate::doubles::node_red::{Play, row};
use crate::support::eventually;

/// Two final controls, of which the first has two scope sets, and a draft.
struct Stage {
    governed: Governed,
    agreement: String,
}

impl Stage {
    fn new() -> Self {
        Self::of(Governed::start())
    }

    fn of(governed: Governed) -> Self {
        let backend = &governed.backend;
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
        let agreement = catalog["tpaId"].as_str().expect("an agreement").to_owned();
        let stage = Self { governed, agreement };
        for (control, scopes) in [
            (1, json!({ "owner": "a", "unknown": "*" })),
            (1, json!({ "owner": "b" })),
            (2, json!({ "owner": "*" })),
            (3, json!({ "owner": "draft" })),
        ] {
            stage.add_set(control, scopes);
        }
        stage
    }

    fn add_set(&self, control: i32, scopes: Value) {
        let set = json!({ "controlId": control, "scopes": scopes });
        self.governed.backend.user("POST", "/scopes/sets", Some(set)).expect(201);
    }

    /// Seven of eight, everywhere.
    fn plays(&self) {
        self.governed.flows.when("", Play::results(&[true, true, true, true, false, true, true, true]));
    }

    fn path(&self) -> String {
        format!("/catalogs/{}/points?from=2024-01-01T00:00:00.000Z&to=2024-07-01", self.agreement)
    }

    #[track_caller]
    fn compute(&self, status: u16) -> Value {
        self.governed.backend.user("GET", &self.path(), None).expect(status).json()
    }

    #[track_caller]
    fn failed(&self) -> String {
        let body = self.compute(500);
        let message = body["message"].as_str().and_then(|text| text.strip_prefix("Failed to get points, error: "));
        message.unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    fn stored(&self) -> Value {
        self.governed.backend.user("GET", &format!("/points/catalog/{}", self.agreement), None).expect(200).json()
    }

    /// Calls of the backend to the registry that succeeded.
    fn calls(&self) -> u32 {
        let backend = &self.governed.backend;
        let text = backend.send(backend.request("GET", "/metrics")).expect(200).text;
        let mut calls =
            text.lines().filter(|line| line.starts_with("upstream_requests_total{upstream=\"the registry\""));
        let ok = calls.find(|line| line.contains("\"ok\"")).expect("calls");
        ok.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
    }
}

/// In an order of their own.
fn sorted(points: &Value) -> Vec<String> {
    let mut points: Vec<_> = points.as_array().expect("a list").iter().map(Value::to_string).collect();
    points.sort();
    points
}

/// Of every point: guarantee, owner, value, result.
fn told(points: &Value) -> Vec<Value> {
    let points = points.as_array().expect("a list").iter();
    let one =
        |it: &Value| json!([it["guaranteeId"], it["scope"]["owner"], it["guaranteeValue"], it["guaranteeResult"]]);
    points.map(one).collect()
}

#[test]
fn what_flows_find_becomes_points() {
    let stage = Stage::new();
    stage.plays();
    let Governed { backend, flows, .. } = &stage.governed;
    let points = stage.compute(200);
    assert_eq!(
        told(&points),
        [
            json!(["DATA_PRIVACY", "a", 88, true]),
            json!(["DATA_PRIVACY", "b", 88, true]),
            json!(["SECOND", "*", 88, true])
        ]
    );
    // What a flow was asked: the parameters of its control, one of its scopes, the window; in the caller's name.
    let mut asked = flows.server.asked();
    asked.sort_by_key(|asked| (asked.path.clone(), asked.json()["scope"].to_string()));
    let lines: Vec<_> = asked.iter().map(|asked| asked.line()).collect();
    assert_eq!(lines, ["POST /api/v1/p", "POST /api/v1/p", "POST /api/v1/s"]);
    assert!(asked.iter().all(|asked| asked.header("x-access-token") == Some(&backend.token("USER"))));
    let group = asked[0].json()["computationGroup"].clone();
    // A name that no scope has is unknown to the registry, which leaves it out.
    let expected = json!({
        "computationGroup": group, "backendUrl": format!("{}/api/v1/computations/bulk", backend.address), "x": "1",
        "scope": { "owner": "a" }, "to": "2024-07-01T00:00:00.000Z", "type": "static",
        "initial": "2024-01-01T00:00:00.000Z", "period": "monthly", "from": "2024-01-01T00:00:00.000Z",
        "timeZone": "America/Los_Angeles",
    });
    assert_eq!(asked[0].json(), expected);
    assert_eq!(flows.posted(), [201, 201, 201]);

    let point = &points[0];
    let expected = json!({
        "id": point["id"], "agreementId": stage.agreement, "guaranteeId": "DATA_PRIVACY", "guaranteeValue": 88,
        "guaranteeResult": true, "timestamp": "2024-06-01T00:00:00.000Z", "metrics": { "DATA_PRIVACY_METRIC": 88 },
        "scope": { "owner": "a" }, "computationGroup": group,
        "createdAt": point["createdAt"], "updatedAt": point["updatedAt"],
    });
    assert_eq!(point, &expected);
    // A year is one period, named by its start.
    assert_eq!(points[2]["timestamp"], "2024-01-01T00:00:00.000Z");
    assert_eq!(sorted(&points), sorted(&stage.stored()));
    // The evidences stay where they were posted.
    let path = format!("/computations/{}", group.as_str().unwrap());
    let computed = backend.user("GET", &path, None).expect(200).json();
    assert_eq!(computed["computations"][0]["evidences"][0]["evidences"].as_array().unwrap().len(), 8);
}

#[test]
fn the_registry_is_given_the_catalog_as_an_agreement() {
    let stage = Stage::new();
    stage.plays();
    stage.compute(200);
    let Governed { backend, registry, .. } = &stage.governed;
    let agreement = registry.agreement(&stage.agreement);
    assert_eq!([&agreement["id"], &agreement["type"]], [&json!(stage.agreement), &json!("agreement")]);
    let validity = &agreement["context"]["validity"];
    let dates = ["2024-01-01T00:00:00.000Z", "2024-12-31T00:00:00.000Z"];
    assert_eq!([&validity["startDate"], &validity["endDate"]], dates);
    let metrics = &agreement["terms"]["metrics"];
    assert_eq!(metrics.as_object().unwrap().keys().collect::<Vec<_>>(), ["DATA_PRIVACY_METRIC", "SECOND_METRIC"]);
    let metric = &metrics["DATA_PRIVACY_METRIC"];
    assert_eq!(metric["measure"], json!({ "endpoint": "/p", "params": { "x": "1" }, "scope": {} }));
    let bulk = format!("{}/api/v1/computations/bulk", backend.address);
    assert_eq!(metric["collector"]["config"]["backendUrl"], bulk, "without BACKEND_URL: where it listens");
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
    assert_eq!(stage.calls(), 2, "not there; here it is, compute");

    // As it is: nothing to say. Changed: replaced, and it is the same one.
    stage.compute(200);
    assert_eq!(stage.calls(), 4, "it is there, compute");
    backend.sql(r#"UPDATE control SET params = params || '{"threshold": "90"}' WHERE id = 1"#);
    stage.compute(200);
    assert_eq!(stage.calls(), 7, "it is there, this is new, compute");
    let changed = registry.agreement(&stage.agreement);
    assert_eq!(changed["terms"]["guarantees"][0]["of"][0]["objective"], "DATA_PRIVACY_METRIC >= 90");
    assert_eq!(changed["_id"], agreement["_id"]);
}

#[test]
fn a_second_run_tells_what_is_there_and_stores_only_what_is_new() {
    let stage = Stage::new();
    stage.plays();
    let first = stage.compute(200);
    // Other results for the same time and scope: the points are there already, with the results they had.
    stage.governed.flows.when("", Play::results(&[false]));
    assert_eq!(sorted(&stage.compute(200)), sorted(&first));
    assert_eq!(stage.governed.flows.bodies().len(), 6, "computed again");
    // A new scope set is a new point.
    stage.add_set(2, json!({ "owner": "c" }));
    let all = stage.compute(200);
    assert_eq!(all.as_array().unwrap().len(), 4);
    assert!(sorted(&first).iter().all(|point| sorted(&all).contains(point)), "the old ones as they were");
    assert!(told(&all).contains(&json!(["SECOND", "c", 0, false])));
    assert_eq!(sorted(&all), sorted(&stage.stored()));
    // Another month is another point; a year is the same one.
    let path = stage.path().replace("2024-07-01", "2024-06-01");
    let all = stage.governed.backend.user("GET", &path, None).expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 6);
    // Nothing known of the time: only what is new is told.
    let path = stage.path().replace("2024", "2023");
    let new = stage.governed.backend.user("GET", &path, None).expect(200).json();
    assert_eq!(new.as_array().unwrap().len(), 4);
    assert_eq!(stage.stored().as_array().unwrap().len(), 10);
}

#[test]
fn a_guarantee_below_its_threshold_is_a_point_that_says_so() {
    let stage = Stage::new();
    let flows = &stage.governed.flows;
    flows.when("\"owner\":\"a\"", Play::results(&[true, true, true, true, false]));
    flows.when("\"owner\":\"b\"", Play::results(&[true, true, true, false, false]));
    // No evidence is no compliance.
    flows.when("/s ", Play::results(&[]));
    let points = stage.compute(200);
    let expected = [
        json!(["DATA_PRIVACY", "a", 80, true]),
        json!(["DATA_PRIVACY", "b", 60, false]),
        json!(["SECOND", "*", 0, false]),
    ];
    assert_eq!(told(&points), expected);
    assert_eq!(points[1]["metrics"], json!({ "DATA_PRIVACY_METRIC": 60 }));
}

#[test]
fn batches_are_one_result_once_the_last_one_is_there() {
    let stage = Stage::new();
    stage.plays();
    let flows = &stage.governed.flows;
    let batches = vec![vec![row(&[true, false]), row(&[true])], vec![row(&[false, false])], vec![row(&[true])]];
    flows.when("\"owner\":\"b\"", Play::batches(batches).slowly(Duration::from_millis(300)));
    let points = stage.compute(200);
    assert_eq!(told(&points)[1], json!(["DATA_PRIVACY", "b", 50, false]));
    assert_eq!(flows.posted(), [201; 5]);
}

#[test]
fn computing_at_the_same_time_stores_each_point_once() {
    // What is tested is not how soon a busy machine makes connections.
    let stage = Stage::of(Governed::with(&[("DB_WAIT", "30")], &[]));
    stage.plays();
    (0..3).for_each(|owner| stage.add_set(1, json!({ "owner": owner.to_string() })));
    let backend = &stage.governed.backend;
    let (address, token) = (format!("/api/v1{}", stage.path()), backend.token("USER"));
    let requests = (0..4).map(|_| answer(backend.request("GET", &address).header("x-access-token", &token)));
    let answers = backend.block_on(futures_util::future::join_all(requests));
    for answer in answers {
        assert_eq!(answer.expect(200).json().as_array().unwrap().len(), 6);
    }
    assert_eq!(stage.stored().as_array().unwrap().len(), 6);
    assert_eq!(stage.governed.flows.bodies().len(), 24);
}

#[test]
fn a_flow_that_sends_no_row_or_fails_leaves_no_point() {
    let stage = Stage::of(Governed::with(&[], &[("REGISTRY_COLLECTOR_BUDGET_MS", "1000")]));
    stage.plays();
    let flows = &stage.governed.flows;
    flows.when("\"owner\":\"b\"", Play::nothing());
    assert_eq!(stage.failed(), "the registry answered 500");
    assert_eq!(stage.stored(), json!([]));
    flows.server.next(1, "POST /api/v1/s", crate::doubles::Trouble::Status(404, json!({})));
    stage.plays();
    assert_eq!(stage.failed(), "the registry answered 500");
    assert_eq!(stage.stored(), json!([]));
    assert_eq!(stage.compute(200).as_array().unwrap().len(), 3);
}

#[test]
fn a_registry_that_is_away_is_told_and_asked_again_when_it_is_back() {
    let stage = Stage::new();
    stage.plays();
    stage.governed.registry.cable.cut();
    let answer = stage.governed.backend.user("GET", &stage.path(), None);
    assert!(!answer.headers.contains_key("retry-after"));
    answer.is(500, json!({ "message": "Failed to get points, error: the registry cannot be reached" }));
    assert_eq!((stage.stored(), stage.governed.flows.bodies().len()), (json!([]), 0));
    stage.governed.registry.cable.mend();
    assert_eq!(stage.compute(200).as_array().unwrap().len(), 3);
}

#[test]
fn a_registry_that_is_cut_off_or_killed_in_the_middle_leaves_no_point() {
    let mut stage = Stage::new();
    let path = stage.path();
    // The request is under way: every flow was asked, and none has sent a row.
    let interrupted = |stage: &mut Stage, asked: usize, interrupt: fn(&mut Governed)| {
        let backend = &stage.governed.backend;
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request =
            http.get(format!("{}/api/v1{path}", backend.address)).header("x-access-token", backend.token("USER"));
        let thread = std::thread::spawn(move || {
            let runtime = crate::support::event_loop();
            runtime.block_on(answer(request))
        });
        eventually("the flows are asked", || match stage.governed.flows.bodies().len() {
            count if count == asked => Ok(()),
            count => Err(count),
        });
        interrupt(&mut stage.governed);
        let body = thread.join().expect("an answer").expect(500).json();
        let text = body["message"].as_str().unwrap();
        assert!(text.starts_with("Failed to get points, error: the registry "), "{text}");
        assert_eq!(stage.stored(), json!([]));
    };
    interrupted(&mut stage, 3, |governed| governed.registry.cable.cut());
    stage.governed.registry.cable.mend();
    // It is not confused by a second one that finds it at work.
    stage.plays();
    assert_eq!(stage.compute(200).as_array().unwrap().len(), 3);
    stage.governed.backend.sql(r#"DELETE FROM "Points""#);
    stage.governed.flows.when("", Play::nothing());
    interrupted(&mut stage, 9, |governed| governed.registry.kill());
}
