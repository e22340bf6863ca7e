//! Large answers are sent as they are read: the memory of the process does not grow with them.

use mongodb::bson::doc;
use serde_json::{Value, json};

use super::harness::{PREFIX, Registry};

/// Of the answer.
const MEGABYTES: usize = 50;

fn peak(registry: &Registry) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", registry.pid())).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("kilobytes")
}

#[test]
fn fifty_megabytes_of_states_stream_out_in_little_memory() {
    let registry = Registry::start();
    let evidence = "x".repeat(1000);
    for part in 0..MEGABYTES / 10 {
        let states = (0..100).map(|number| {
            let evidences = vec![doc! { "text": evidence.as_str() }; 100];
            let record = doc! { "value": true, "time": "2024-01-01T00:00:00.000Z", "metrics": {}, "evidences": evidences };
            doc! { "agreementId": "tpa-1", "stateType": "guarantees", "id": "UP", "scope": { "n": part as i32 * 100 + number },
                "period": { "from": "2024", "to": "2025" }, "records": [record], "__v": 0 }
        });
        registry.insert("statemodels", states.collect());
    }
    registry.get("/states/tpa-1/guarantees/UP?lasts=1").expect(200);
    let before = peak(&registry);
    let path = format!("{PREFIX}/states/tpa-1/filtered?indicator=UP&type=guarantees&from=2024");
    let text = registry.send(registry.request("GET", &path)).expect(200);
    assert!(text.headers.get("content-length").is_none() && text.headers.get("etag").is_none());
    assert!(text.text.len() > MEGABYTES * 1_000_000, "{}", text.text.len());
    let all: Value = text.json();
    assert_eq!(all.as_array().unwrap().len(), MEGABYTES * 10);
    let grown = (peak(&registry) - before) / 1024;
    assert!(grown < 16, "{grown} MB for {MEGABYTES} MB");
    // The same for a caller that reads slowly, or not at all.
    let half = registry.block_on(async {
        let mut response = registry.request("GET", &path).send().await.expect("an answer");
        response.chunk().await.expect("a piece").map(|piece| piece.len())
    });
    assert!(half.is_some_and(|bytes| bytes > 0));
    let grown = (peak(&registry) - before) / 1024;
    assert!(grown < 16, "{grown} MB after a caller that went away");
    assert_eq!(all[0]["records"]["evidences"].as_array().map(Vec::len), Some(100));
    registry.get("/agreements").is(200, json!([]));
}

#[test]
fn a_long_list_is_whole_json() {
    let registry = Registry::start();
    let agreements = |from: i32| {
        (from..from + 500)
            .map(|number| doc! { "id": format!("tpa-{number}"), "terms": { "text": "x".repeat(3000) }, "__v": 0 })
    };
    registry.insert("agreementmodels", agreements(0).collect());
    registry.insert("agreementmodels", agreements(500).collect());
    let all = registry.get("/agreements").expect(200);
    assert!(all.headers.get("content-length").is_none());
    let all = all.json();
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, (0..1000).map(|number| format!("tpa-{number}")).collect::<Vec<_>>());
}
