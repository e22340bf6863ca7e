//! Bills: one for the period, stored or not; closed ones stay as they are.

use serde_json::json;

use super::harness::{Registry, agreement};

#[test]
fn a_period_without_a_bill_has_an_open_one() {
    let registry = Registry::start();
    let missing = registry.get("/bills/tpa-1").expect(404);
    assert_eq!(missing.text, "Agreement not found");
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let range = "from=2024-02-10&to=2024-02-20";
    let bills = registry.get(&format!("/bills/tpa-1?{range}")).expect(200).json();
    let period = json!({ "from": "2024-02-01T00:00:00.000Z", "to": "2024-02-29T23:59:59.000Z" });
    assert_eq!(bills, json!([{ "agreementId": "tpa-1", "billId": "1706745600", "state": "open", "period": period }]));
    // The same instant, in other words.
    let stored = json!({ "state": "closed", "period": { "from": "2024-02-01T00:00:00Z", "to": "x" }, "other": 1 });
    let made = registry.put("/bills/tpa-1/7", stored).expect(201).json();
    assert_eq!((&made["agreementId"], &made["billId"], &made["__v"]), (&json!("tpa-1"), &json!("7"), &json!(0)));
    assert!(made.get("other").is_none());
    registry.get(&format!("/bills/tpa-1?{range}")).is(200, json!([made]));
    // Without a range it is all the time since the agreement began.
    let whole = registry.get("/bills/tpa-1?from=2024-02-10").expect(200).json();
    assert_eq!(whole[0]["period"]["from"], "2022-01-01T00:00:00.000Z");
    assert_eq!(registry.get("/bills/tpa-1?from=x&to=y").expect(500).text, "Invalid time value");
}

#[test]
fn an_open_bill_can_be_changed_and_a_closed_one_cannot() {
    let registry = Registry::start();
    let path = "/bills/tpa-1/1706745600";
    registry.put(path, json!({ "state": "open", "agreementId": "tpa-1" })).expect(201);
    let changed = |matched, modified| {
        json!({ "acknowledged": true, "modifiedCount": modified, "upsertedId": null, "upsertedCount": 0,
            "matchedCount": matched })
    };
    registry.put(path, json!({ "closeDate": "2024" })).is(200, changed(1, 1));
    registry.put(path, json!({ "closeDate": "2024" })).is(200, changed(1, 0));
    registry.put(path, json!({ "state": "closed" })).is(200, changed(1, 1));
    let refused = registry.put(path, json!({ "state": "open" })).expect(403);
    assert_eq!(refused.text, "Cannot edit bill when state is closed.");
    let bills = registry.documents("billsmodels");
    assert_eq!((bills.len(), &bills[0]["state"]), (1, &"closed".into()));
    assert_eq!(
        registry.put(path.replace("1706", "1707").as_str(), json!({ "state": {} })).expect(500).json()["code"],
        500
    );
}

#[test]
fn bills_of_one_agreement_are_deleted() {
    let registry = Registry::start();
    for (agreement, bill) in [("a", 1), ("a", 2), ("b", 1)] {
        registry.put(&format!("/bills/{agreement}/{bill}"), json!({})).expect(201);
    }
    assert_eq!(registry.delete("/bills/a").expect(200).text, "Bills deleted successfully");
    assert_eq!(registry.delete("/bills/a").expect(404).text, "No bills found for the given agreementId");
    assert_eq!(registry.documents("billsmodels").len(), 1);
}
