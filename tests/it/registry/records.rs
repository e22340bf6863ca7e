//! Which document a record goes into, and how many it keeps.

use mongodb::bson::{Bson, Document, doc};
use serde_json::json;

use super::harness::{PREFIX, Registry, agreement};
use crate::backend::harness::answer;
use crate::doubles::collector::Behaviour;

const PATH: &str = "/states/tpa-1/guarantees?from=2024-01-01&to=2024-01-31&newPeriodsFromGuarantees=false";

fn row(scope: serde_json::Value, value: f64) -> serde_json::Value {
    json!({ "value": value, "scope": scope, "period": { "from": "a", "to": "b" }, "evidences": [] })
}

fn guarantees(registry: &Registry) -> Vec<Document> {
    let all = registry.documents("statemodels");
    all.into_iter().filter(|state| state.get_str("stateType").is_ok_and(|kind| kind == "guarantees")).collect()
}

fn records(state: &Document) -> usize {
    state.get_array("records").expect("records").len()
}

#[test]
fn a_state_of_the_original_goes_on_whatever_the_order_of_its_members() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let state = |scope: Document, period: Document, value: bool| {
        doc! { "agreementId": "tpa-1", "stateType": "guarantees", "id": "UPTIME_1", "period": period, "scope": scope,
        "records": [{ "value": value, "time": "2024-01-01T00:00:00.000Z", "metrics": {}, "evidences": [] }], "__v": 0 }
    };
    let period = doc! { "to": "b", "from": "a" };
    registry.insert(
        "statemodels",
        vec![
            // More names, another type, another period: other states.
            state(doc! { "project": "p1", "level": 2, "more": 1 }, period.clone(), true),
            state(doc! { "project": "p1", "level": "2" }, period.clone(), true),
            state(doc! { "project": "p1", "level": 2 }, doc! { "from": "a" }, true),
            state(doc! { "level": 2.0, "project": "p1" }, period.clone(), true),
            // The original may have made two of one key; it goes on with the first.
            state(doc! { "level": 2, "project": "p1" }, period, true),
        ],
    );
    registry.collector.when("/UPTIME_1", Behaviour::rows(json!([row(json!({ "project": "p1", "level": 2 }), 90.0)])));
    registry.get(PATH).expect(200);
    registry.get(PATH).expect(200);
    let counts: Vec<_> = guarantees(&registry).iter().map(records).collect();
    let mut sorted = counts.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 1, 1, 1, 3], "{counts:?}");
    assert_eq!(counts[..3], [1, 1, 1]);
}

#[test]
fn scopes_that_contain_each_other_are_two_states() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let rows = json!([row(json!({ "a": 1, "b": 2 }), 90.0), row(json!({ "a": 1 }), 10.0), row(json!({}), 85.0)]);
    registry.collector.when("/UPTIME_1", Behaviour::rows(rows));
    for _ in 0..2 {
        let answer = registry.get(PATH).expect(200).json();
        let values: Vec<_> = answer.as_array().unwrap().iter().map(|state| state["value"].as_bool().unwrap()).collect();
        assert_eq!(values, [true, false, true]);
    }
    let states = guarantees(&registry);
    assert_eq!(states.iter().map(records).collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn calls_at_the_same_time_lose_no_record_and_make_no_state_twice() {
    let registry = Registry::with(&[("WORKERS", "4"), ("REGISTRY_MAX_RECORDS", "100")]);
    registry.post("/agreements", agreement("tpa-1", 3)).expect(200);
    let calls = (0..24).map(|_| answer(registry.request("GET", &format!("{PREFIX}{PATH}"))));
    let answers = registry.block_on(futures_util::future::join_all(calls));
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let states = registry.documents("statemodels");
    let counts: Vec<_> = states.iter().map(records).collect();
    assert_eq!(counts.iter().filter(|count| **count == 24).count(), 6, "{counts:?}");
    assert_eq!(states.len(), 7);
}

#[test]
fn a_state_keeps_so_many_records_and_the_last_ones() {
    let registry = Registry::with(&[("REGISTRY_MAX_RECORDS", "3")]);
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    for value in 0..5 {
        registry.collector.when("/UPTIME_1", Behaviour::rows(json!([row(json!({}), f64::from(value))])));
        registry.get(PATH).expect(200);
    }
    let metric = registry
        .documents("statemodels")
        .into_iter()
        .find(|state| state.get_str("stateType").is_ok_and(|kind| kind == "metrics"));
    let metric = metric.expect("a state");
    let values: Vec<_> = metric
        .get_array("records")
        .unwrap()
        .iter()
        .map(|record| record.as_document().unwrap()["value"].clone())
        .collect();
    assert_eq!(values, [Bson::Int32(2), Bson::Int32(3), Bson::Int32(4)]);
}

#[test]
fn of_large_records_fewer_are_kept() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let mut large = row(json!({}), 90.0);
    large["evidences"] = json!([{ "text": "x".repeat(600 << 10) }]);
    registry.collector.when("/UPTIME_1", Behaviour::rows(json!([large])));
    for _ in 0..5 {
        registry.get(PATH).expect(200);
    }
    assert_eq!(guarantees(&registry).iter().map(records).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_history_of_the_original_that_is_full_begins_anew() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let evidences = vec!["x".repeat(5_500_000)];
    let record = doc! { "value": true, "time": "2024-01-01T00:00:00.000Z", "metrics": {}, "evidences": evidences };
    let records_of_it = vec![record.clone(), record.clone(), record];
    registry.insert(
        "statemodels",
        vec![doc! { "agreementId": "tpa-1", "stateType": "guarantees", "id": "UPTIME_1", "scope": {},
        "period": { "from": "a", "to": "b" }, "records": records_of_it, "__v": 0 }],
    );
    let mut large = row(json!({}), 90.0);
    large["evidences"] = json!([{ "text": "x".repeat(400_000) }]);
    registry.collector.when("/UPTIME_1", Behaviour::rows(json!([large])));
    for wanted in 1..3 {
        registry.get(PATH).expect(200);
        assert_eq!(guarantees(&registry).iter().map(records).collect::<Vec<_>>(), [wanted]);
    }
    assert!(registry.log().contains("only its last record is kept"), "{}", registry.log());
}
