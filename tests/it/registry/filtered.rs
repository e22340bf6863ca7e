//! The stored records by indicator, period and scope.

use serde_json::json;

use super::harness::{Registry, agreement};
use crate::doubles::collector::Behaviour;

#[test]
fn records_are_found_by_indicator_period_and_scope() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let row = |scope: serde_json::Value, value: u8| json!({ "value": value, "scope": scope, "period": { "from": "2024", "to": "2025" }, "evidences": [value] });
    let rows =
        json!([row(json!({ "project": "p1", "level": 1 }), 90), row(json!({ "project": "p2", "level": 1 }), 10)]);
    registry.collector.when("/UPTIME_1", Behaviour::rows(rows));
    for _ in 0..2 {
        registry.get("/states/tpa-1/guarantees?from=2024-01-01&to=2024-01-31").expect(200);
    }
    let path = "/states/tpa-1/filtered?type=guarantees&indicator=UPTIME_1";
    let found = registry.get(&format!("{path}&from=2024")).expect(200).json();
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 4);
    let first = &found[0];
    assert_eq!((&first["scope"], &first["records"]["value"]), (&json!({ "project": "p1", "level": 1 }), &json!(true)));
    assert!(first["_id"].is_string() && first["__v"] == 0, "{first}");
    assert_eq!(registry.get(&format!("{path}&at=2024&to=2025")).expect(200).json().as_array().unwrap().len(), 4);
    let grouped = registry.get(&format!("{path}&from=2024&scope.level=1&scope.project=*")).expect(200).json();
    let mut grouped = grouped.as_array().unwrap().clone();
    grouped.sort_by_key(ToString::to_string);
    assert_eq!(
        grouped,
        [json!({ "_id": "p1", "evidences": [[90], [90]] }), json!({ "_id": "p2", "evidences": [[10], [10]] })]
    );
    let nothing = json!({ "message": "No states found for agreementId: tpa-1" });
    for query in [
        "",
        "?indicator=UPTIME_1&type=guarantees",
        "?indicator=UPTIME_1&type=guarantees&from=2023",
        "?indicator=UPTIME_1&type=metrics&from=2024&scope.level=one",
    ] {
        registry.get(&format!("/states/tpa-1/filtered{query}")).is(404, nothing.clone());
    }
    registry.get(&format!("{path}&from=2024&scope.$where=1")).expect(400);
}
