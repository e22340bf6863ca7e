//! States of metrics: asked for, told, counted up; penalties; quotas and rates, which nobody computes.

use serde_json::json;

use super::harness::{Registry, agreement};
use crate::doubles::Trouble;

const WINDOW: &str = "window.initial=2024-01-01&window.period=daily&window.type=static&window.timeZone=UTC";

#[test]
fn metrics_are_computed_for_a_scope_and_a_window() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 2)).expect(200);
    let all = registry.get(&format!("/states/tpa-1/metrics?scope.project=p1&{WINDOW}")).expect(200);
    assert!(
        all.text.starts_with("[\n{\"stateType\":\"metrics\",\"agreementId\":\"tpa-1\",\"id\":\"UPTIME_1_METRIC\""),
        "{}",
        all.text
    );
    assert_eq!(all.json().as_array().unwrap().len(), 2);
    let one =
        registry.get(&format!("/states/tpa-1/metrics/UPTIME_2_METRIC?scope.project=p1&{WINDOW}")).expect(200).json();
    assert_eq!(
        (&one[0]["id"], &one[0]["value"], &one[0]["scope"]),
        (&json!("UPTIME_2_METRIC"), &json!(87), &json!({ "project": "p1" }))
    );
    assert_eq!(one[0]["window"]["timeZone"], "UTC");
    assert!(one[0].get("records").is_none() && one[0].get("time").is_none());
}

#[test]
fn a_question_that_is_not_whole_is_refused_with_a_report() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 2)).expect(200);
    let report =
        |metric: &str| json!({ "valid": false, "errors": ["must have required property 'scope'"], "metric": metric });
    registry
        .get("/states/tpa-1/metrics")
        .is(400, json!({ "code": 400, "message": [report("UPTIME_1_METRIC"), report("UPTIME_2_METRIC")] }));
    let one = json!({ "valid": false, "errors": ["must have required property 'window'"] });
    registry.get("/states/tpa-1/metrics/UPTIME_1_METRIC?scope.a=1").is(400, json!({ "code": 400, "message": one }));
    let missing = json!({ "code": 404, "message": "There is no agreement with id: x" });
    for path in ["/states/x/metrics", "/states/x/metrics/M"] {
        registry.get(path).is(404, missing.clone());
    }
    registry.post("/states/x/metrics/M", json!({})).is(404, missing.clone());
    registry.post("/states/x/metrics/M/increase", json!({})).is(404, missing);
    registry.get("/states/tpa-1/metrics/M").is(404, json!({ "code": 404, "message": "Metric M not found." }));
    registry.post("/states/tpa-1/metrics/M", json!({})).expect(404);
    registry.collector.server.always("POST", Trouble::Status(500, json!({})));
    let failed = registry.get(&format!("/states/tpa-1/metrics/UPTIME_1_METRIC?scope.project=p1&{WINDOW}")).expect(500);
    assert_eq!(failed.json()["code"], 500);
}

#[test]
fn a_value_can_be_told_and_counted_up() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let window = json!({ "initial": "2024-01-01", "period": "daily", "type": "static", "timeZone": "UTC" });
    let told = json!({ "scope": { "project": "p1" }, "window": window, "value": 5 });
    let path = "/states/tpa-1/metrics/UPTIME_1_METRIC";
    let state = registry.post(path, told.clone()).expect(200).json();
    assert_eq!((&state[0]["value"], &state[0]["window"]), (&json!(5), &window));
    registry.post(path, told).expect(200);
    let states = registry.documents("statemodels");
    assert_eq!(states.len(), 2);
    assert_eq!(states[1].get_array("records").unwrap().len(), 2);
    let question = json!({ "scope": { "project": "p1" }, "window": window });
    let more = registry.post(&format!("{path}/increase"), question).expect(200).json();
    assert_eq!(more[0]["value"], 88);
    registry.post(&format!("{path}/increase"), json!({ "scope": {} })).expect(400);
}

#[test]
fn penalties_are_lines_and_agreements_without_them_have_none() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let path = "/states/tpa-1/pricing/billing/penalties";
    registry.get(path).is(200, json!([]));
    let error = json!({ "valid": false, "errors": ["must have required property 'period'"] });
    registry.get(&format!("{path}?window.initial=2024-01-01")).is(400, json!({ "code": 400, "message": error }));
    registry.get("/states/x/pricing/billing/penalties").is(404, json!({ "error": "There is no agreement with id: x" }));
    let penalties = json!([{ "over": { "PENALTY": {} }, "groupBy": { "project": { "default": "*" } } }]);
    let mut sent = agreement("tpa-2", 1);
    sent["terms"]["pricing"] = json!({ "billing": { "penalties": penalties } });
    registry.post("/agreements", sent).expect(200);
    let path = "/states/tpa-2/pricing/billing/penalties";
    let lines = registry.get(&format!("{path}?{WINDOW}&window.end=2024-01-31")).expect(200).json();
    assert_eq!(
        (&lines[0]["penalty"], &lines[0]["value"], &lines[0]["scope"]),
        (&json!("PENALTY"), &json!(0), &json!({ "project": "*" }))
    );
    registry.collector.server.always("POST", Trouble::Close);
    let failed = registry.get(path).expect(500).json();
    assert!(failed["error"].as_str().unwrap().starts_with("Error while retrieving pricing states: "), "{failed}");
}

#[test]
fn nobody_computes_quotas_and_rates() {
    let registry = Registry::start();
    registry.post("/agreements", json!({ "id": "a" })).expect(200);
    for (path, name) in [("quotas", "quotaId"), ("rates", "rateId")] {
        let missing = json!({ "error": "There is no agreement with id: x" });
        registry.get(&format!("/states/x/{path}")).is(404, missing.clone());
        registry.get(&format!("/states/x/{path}/q")).is(404, missing);
        registry.get(&format!("/states/a/{path}/%20")).is(400, json!({ "error": format!("Invalid {name}") }));
        for path in [format!("/states/a/{path}"), format!("/states/a/{path}/q")] {
            assert_eq!(registry.get(&path).expect(501).json()["code"], 501);
        }
    }
}
