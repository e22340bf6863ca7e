//! MongoDB is cut off and comes back: requests fail fast with 503 in the shape of their endpoint, no restart is needed, and
//! nothing that was stored is lost.

use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::{Registry, agreement};
use crate::backend::data::data;
use crate::support::cable::Cable;
use crate::support::eventually;

/// Fail fast: well below what a person or a proxy waits.
const FAST: Duration = Duration::from_secs(6);

#[test]
fn without_the_database_answers_are_503_at_once_and_right_again_when_it_is_back() {
    let cable = Cable::to(data().mongo_port);
    let registry = Registry::through(cable.port, &[]);
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    cable.cut();
    let began = Instant::now();
    let answer = registry.get("/agreements/tpa-1").expect(503);
    assert_eq!(answer.json(), json!({ "code": 503, "message": "MongoDB cannot be reached" }));
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(began.elapsed() < FAST, "{:?}", began.elapsed());
    for (method, path) in [("POST", "/agreements"), ("PUT", "/agreements/tpa-1")] {
        registry.call(method, path, Some(agreement("tpa-2", 1))).expect(503);
    }
    registry.get("/states/tpa-1/guarantees").is(503, json!({ "message": "MongoDB cannot be reached" }));
    registry.get("/states/tpa-1/quotas").is(503, json!({ "error": "MongoDB cannot be reached" }));
    assert_eq!(registry.get("/bills/tpa-1").expect(503).text, "MongoDB cannot be reached");
    let ready = registry.send(registry.request("GET", "/health/ready")).expect(503).json();
    assert_eq!(ready["checks"]["database"]["status"], "down", "{ready}");
    // Nothing is wrong with the process itself.
    registry.send(registry.request("GET", "/health/live")).expect(200);
    cable.mend();
    let found = eventually("it answers again", || match registry.get("/agreements/tpa-1") {
        answer if answer.status == 200 => Ok(answer.json()),
        answer => Err(answer.text),
    });
    assert_eq!(found["terms"], agreement("tpa-1", 1)["terms"]);
    registry.send(registry.request("GET", "/health/ready")).expect(200);
}

#[test]
fn a_database_that_takes_requests_and_never_answers_is_given_up() {
    let cable = Cable::to(data().mongo_port);
    let registry = Registry::through(cable.port, &[]);
    registry.get("/agreements").expect(200);
    cable.mute();
    let began = Instant::now();
    registry.get("/agreements").expect(503);
    assert!(began.elapsed() < FAST, "{:?}", began.elapsed());
    cable.mend();
    eventually("it answers again", || match registry.get("/agreements") {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    });
}

#[test]
fn what_was_acknowledged_is_there_after_an_outage_in_the_middle_of_writing() {
    let cable = Cable::to(data().mongo_port);
    let registry = Registry::through(cable.port, &[]);
    let mut acknowledged = Vec::new();
    for number in 0..60 {
        if number == 20 {
            cable.cut();
        }
        if number == 22 {
            cable.mend();
        }
        let id = format!("tpa-{number}");
        let answer = registry.post("/agreements", agreement(&id, 1));
        match answer.status {
            200 => acknowledged.push(id),
            503 => assert!(number >= 20, "{}", answer.text),
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert!(acknowledged.len() >= 50, "{acknowledged:?}");
    for id in acknowledged {
        registry.get(&format!("/agreements/{id}")).expect(200);
    }
}

#[test]
fn states_are_refused_while_the_database_is_away_and_not_half_written() {
    let cable = Cable::to(data().mongo_port);
    let registry = Registry::through(cable.port, &[]);
    registry.post("/agreements", agreement("tpa-1", 2)).expect(200);
    let path = "/states/tpa-1/guarantees?from=2024-01-01&to=2024-01-31";
    registry.get(path).expect(200);
    cable.cut();
    registry.get(path).expect(503);
    cable.mend();
    eventually("states are computed again", || match registry.get(path) {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    });
    let records: Vec<_> = registry
        .documents("statemodels")
        .iter()
        .map(|state| state.get_array("records").map(Vec::len).unwrap())
        .collect();
    assert_eq!(records, [0, 2, 2, 2, 2]);
}

#[test]
fn it_starts_without_the_database_and_is_ready_when_it_is_there() {
    let cable = Cable::to(data().mongo_port);
    cable.cut();
    let registry = Registry::through(cable.port, &[]);
    registry.send(registry.request("GET", "/health/ready")).expect(503);
    registry.get("/agreements").expect(503);
    cable.mend();
    eventually("it is ready", || match registry.send(registry.request("GET", "/health/ready")) {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    });
    registry.post("/agreements", agreement("tpa-1", 1)).expect(200);
    eventually("the indexes are made", || {
        let names = registry.stored("statemodels", async |states| states.list_index_names().await);
        let names = names.map_err(|error| error.to_string())?;
        let wanted = ["agreementId_1", "key"];
        if wanted.iter().all(|name| names.iter().any(|it| it == name)) { Ok(()) } else { Err(names.join(" ")) }
    });
}
