//! States of guarantees: what the collector is asked, what is answered, what is stored.

use std::io::Write as _;

use mongodb::bson::{Bson, doc};
use serde_json::{Value, json};

use super::harness::{PREFIX, Registry, agreement};
use crate::doubles::Trouble;
use crate::doubles::collector::Behaviour;
use crate::support::eventually;

const RANGE: &str = "from=2024-01-01&to=2024-01-31T10:00:00Z&newPeriodsFromGuarantees=false";

fn sequential() -> Value {
    json!({ "code": 500, "message": "Error processing guarantees sequentially" })
}

#[test]
fn the_exchange_of_the_contract_byte_for_byte() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 2)).expect(200);
    registry.collector.admit("TOK");
    let path = format!("{PREFIX}/states/tpa-1/guarantees?{RANGE}");
    let answer = registry.send(registry.request("GET", &path).header("x-access-token", "TOK")).expect(200);
    let line = |number: u8| {
        format!(
            r#"{{"stateType":"guarantees","agreementId":"tpa-1","id":"UPTIME_{number}","scope":{{"project":"p1"}},"period":{{"from":"2024-01-01T00:00:00.000Z","to":"2024-01-31T10:00:00.000Z"}},"value":true,"metrics":{{"UPTIME_{number}_METRIC":87}},"evidences":[{{"computationGroup":"g","value":true}}]}}"#
        )
    };
    assert_eq!(answer.text, format!("[\n{}\n,\n{}\n]\n", line(1), line(2)));
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let asked = registry.collector.server.asked();
    assert!(asked.iter().all(|asked| asked.header("cookie") == Some("accessToken=TOK")));
    let wanted = json!({
        "config": { "backendUrl": "http://status-backend:3001/api/v1/computations/bulk" },
        "metric": {
            "endpoint": "/UPTIME_1", "params": {}, "scope": { "project": "p1" },
            "window": { "type": "static", "initial": "2024-01-01T00:00:00.000Z", "period": "daily", "from": "2024-01-01",
                        "end": "2024-01-31T10:00:00.000Z", "timeZone": "America/Los_Angeles" },
        },
    });
    // As texts: the order of the members counts.
    let bodies: Vec<_> = registry.collector.bodies().iter().map(Value::to_string).collect();
    assert!(bodies.contains(&wanted.to_string()), "{bodies:?}");
}

#[test]
fn states_are_stored_as_the_original_stores_them_and_grow_by_a_record_at_every_call() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    for _ in 0..3 {
        registry.get(&format!("/states/tpa-1/guarantees?{RANGE}")).expect(200);
    }
    let states = registry.documents("statemodels");
    // The empty one that came with the agreement, one of the metric, one of the guarantee.
    assert_eq!(states.len(), 3, "{states:?}");
    let members = |kind: &str| {
        let state = states.iter().find(|state| state.get_str("stateType").is_ok_and(|it| it == kind)).expect("a state");
        (state.clone(), state.keys().map(String::as_str).collect::<Vec<_>>().join(" "))
    };
    let (metric, names) = members("metrics");
    assert_eq!(names, "_id agreementId stateType id period scope window records __v");
    assert_eq!(metric["id"], "UPTIME_1_METRIC".into());
    assert_eq!(metric["period"], doc! { "from": "2024-01-01T00:00:00.000Z", "to": "2024-01-31T10:00:00.000Z" }.into());
    assert_eq!(metric.get_document("window").unwrap()["from"], "2024-01-01".into());
    let (guarantee, names) = members("guarantees");
    assert_eq!(names, "_id agreementId stateType id period scope records __v");
    assert_eq!((&guarantee["scope"], &guarantee["__v"]), (&doc! { "project": "p1" }.into(), &Bson::Int32(0)));
    for (state, wanted) in [(&metric, "value time evidences"), (&guarantee, "value time metrics evidences")] {
        let records = state.get_array("records").unwrap();
        assert_eq!(records.len(), 3);
        let record = records[2].as_document().unwrap();
        assert_eq!(record.keys().map(String::as_str).collect::<Vec<_>>().join(" "), wanted);
        assert!(record.get_str("time").unwrap().ends_with('Z'));
    }
    let last = guarantee.get_array("records").unwrap()[2].as_document().unwrap();
    assert_eq!((&last["value"], &last["metrics"]), (&Bson::Boolean(true), &doc! { "UPTIME_1_METRIC": 87 }.into()));
}

#[test]
fn without_a_range_it_is_the_last_period_or_nothing() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    let answer = registry.get("/states/tpa-1/guarantees").expect(200).json();
    let from = answer[0]["period"]["from"].as_str().unwrap().to_owned();
    // A day begins at seven or eight in the morning where that agreement is.
    assert!(from.ends_with("T07:00:00.000Z") || from.ends_with("T08:00:00.000Z"), "{from}");
    let answer = registry.get("/states/tpa-1/guarantees?lastPeriod=false").expect(200);
    assert_eq!(answer.text, "[\n\n]\n");
    let widened =
        registry.get("/states/tpa-1/guarantees?from=2024-01-01T12:00:00Z&to=2024-01-02T12:00:00Z").expect(200);
    assert_eq!(
        widened.json()[0]["period"],
        json!({ "from": "2024-01-01T00:00:00.000Z", "to": "2024-01-02T23:59:59.000Z" })
    );
}

#[test]
fn what_cannot_be_computed_is_told_in_the_shape_of_the_original() {
    let registry = Registry::start();
    registry.get("/states/nobody/guarantees").is(404, json!({ "message": "There is no agreement with id: nobody" }));
    registry.post("/agreements", agreement("tpa-1", 2)).expect(200);
    registry.get("/states/tpa-1/guarantees?from=x&to=2024-01-01").is(500, json!({ "message": "Invalid time value" }));
    let mut lost = agreement("lost", 1);
    lost["context"]["validity"]["timeZone"] = json!("Mars/Olympus");
    registry.post("/agreements", lost).expect(200);
    let message = "Invalid time zone specified: Mars/Olympus";
    registry.get("/states/lost/guarantees").is(500, json!({ "message": message }));
    // The first result is there, the second is not: no half of a list.
    registry.collector.when("/UPTIME_2", Behaviour::rows(json!([])));
    registry.get(&format!("/states/tpa-1/guarantees?{RANGE}")).is(500, sequential());
    registry.collector.server.always("POST", Trouble::Status(500, json!({ "message": "broken" })));
    registry.get(&format!("/states/tpa-1/guarantees?{RANGE}")).is(500, sequential());
    assert!(registry.log().contains("broken"), "the cause is for the log");
}

#[test]
fn agreements_without_anything_to_compute_have_no_states() {
    let registry = Registry::start();
    let mut empty = agreement("empty", 1);
    empty["terms"]["guarantees"][0]["of"] = json!([]);
    registry.post("/agreements", empty).expect(200);
    registry.post("/agreements", json!({ "id": "bare" })).expect(200);
    for id in ["empty", "bare"] {
        assert_eq!(registry.get(&format!("/states/{id}/guarantees?{RANGE}")).expect(200).text, "[\n\n]\n");
    }
}

#[test]
fn one_guarantee_is_computed_or_shown_as_it_was() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 2)).expect(200);
    let path = "/states/tpa-1/guarantees/UPTIME_2";
    let found = registry.get(&format!("{path}?from=2024-01-01T12:00:00Z&to=2024-01-02T12:00:00Z")).expect(200);
    assert_eq!(found.json().as_array().unwrap().len(), 1);
    assert_eq!((&found.json()[0]["id"], &found.json()[0]["value"]), (&json!("UPTIME_2"), &json!(true)));
    assert_eq!(registry.get(path).expect(200).text, "[\n\n]\n");
    let coded = |message: &str| json!({ "code": 404, "message": message });
    registry.get("/states/tpa-1/guarantees/NONE").is(404, coded("There is no guarantee with id: NONE"));
    registry.get("/states/x/guarantees/NONE").is(404, coded("There is no agreement with id: x"));
    registry.get(&format!("{path}?lasts=0")).expect(400);
    let stored = registry.get(&format!("{path}?lasts=5&evidences=false&withNoEvidences=false")).expect(200).json();
    assert_eq!(stored.as_array().unwrap().len(), 1);
    let state = &stored[0];
    assert_eq!(
        (&state["id"], &state["record_size"], &state["record"]["value"]),
        (&json!("UPTIME_2"), &json!(1), &json!(true))
    );
    assert!(state.get("records").is_none() && state["record"].get("evidences").is_none(), "{state}");
    let stored = registry.get(&format!("{path}?withNoEvidences=true")).expect(200).json();
    assert_eq!(stored[0]["record"]["evidences"], json!([{ "computationGroup": "g", "value": true }]));
    registry.get("/states/x/guarantees/NONE?lasts=1").is(200, json!([]));
    registry.collector.server.always("POST", Trouble::Close);
    registry.get(&format!("{path}?from=2024-01-01&to=2024-01-02")).is(500, sequential());
}

#[test]
fn the_whole_agreement_is_its_guarantees_and_the_metrics_that_are_reloaded() {
    let registry = Registry::start();
    let mut sent = agreement("tpa-1", 2);
    sent["terms"]["metrics"]["UPTIME_2_METRIC"]["defaultStateReload"] = json!(true);
    registry.post("/agreements", sent).expect(200);
    let states = registry.get("/states/tpa-1").expect(200).json();
    let names: Vec<_> = states.as_array().unwrap().iter().map(|state| state["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["UPTIME_1", "UPTIME_2", "UPTIME_2_METRIC"]);
    registry.get("/states/nobody").is(404, json!({ "error": "There is no agreement with id: nobody" }));
    registry.collector.server.always("POST", Trouble::Close);
    let failed = registry.get("/states/tpa-1").expect(500).json();
    assert_eq!(failed["code"], 500);
    assert!(failed["message"].as_str().unwrap().starts_with("Error while retrieving tpa-1 states: "), "{failed}");
}

#[test]
fn states_are_deleted_with_the_bills_and_nothing_else_is() {
    let registry = Registry::start();
    for id in ["a", "b"] {
        registry.post("/agreements", agreement(id, 2)).expect(200);
        registry.get(&format!("/states/{id}/guarantees?{RANGE}")).expect(200);
        registry.put(&format!("/bills/{id}/1"), json!({ "state": "open" })).expect(201);
    }
    assert_eq!(registry.delete("/states/a").expect(200).text, "OK");
    let of_a = |name: &str| {
        registry.documents(name).iter().filter(|one| one.get_str("agreementId").is_ok_and(|id| id == "a")).count()
    };
    assert_eq!((of_a("statemodels"), of_a("billsmodels")), (0, 0));
    assert_eq!((registry.documents("statemodels").len(), registry.documents("billsmodels").len()), (5, 1));
    registry.delete("/states/a").is(404, json!({ "message": "No state found to delete for agreement a" }));
    assert_eq!(registry.delete("/states").expect(200).text, "OK");
    assert_eq!(registry.documents("statemodels").len(), 0);
    assert_eq!(registry.documents("agreementmodels").len(), 2);
}

#[test]
fn a_client_that_goes_away_ends_the_computation() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    registry.collector.server.always("POST", Trouble::Hang);
    let path = format!("{PREFIX}/states/tpa-1/guarantees?{RANGE}");
    let address = registry.address.trim_start_matches("http://");
    let mut client = std::net::TcpStream::connect(address).unwrap();
    write!(client, "GET {path} HTTP/1.1\r\nhost: registry\r\n\r\n").unwrap();
    eventually("the collector is asked", || match registry.collector.server.asked().len() {
        0 => Err("not yet"),
        _ => Ok(()),
    });
    drop(client);
    let gone = std::time::Instant::now();
    eventually("no connection to the collector is left", || {
        let port = registry.collector.url().rsplit(':').next().unwrap().parse::<u16>().unwrap();
        let wanted = format!("0100007F:{port:04X}");
        let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", registry.pid())).unwrap();
        // 01 is "established", and the third column is the other end.
        let open = table.lines().filter(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            columns.get(2).is_some_and(|peer| *peer == wanted) && columns.get(3) == Some(&"01")
        });
        let open: Vec<_> = open.map(str::to_owned).collect();
        if open.is_empty() { Ok(()) } else { Err(open) }
    });
    assert!(gone.elapsed() < std::time::Duration::from_secs(30), "only its time-out ended it: {:?}", gone.elapsed());
    assert_eq!(registry.documents("statemodels").len(), 1);
}
