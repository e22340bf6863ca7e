//! `/scopes/sets` on a real MongoDB.

use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc, oid::ObjectId};
use serde_json::{Value, json};

use super::data::data;
use super::harness::Backend;
use crate::support::cable::Cable;
use crate::support::{Running, eventually};

const UNKNOWN: &str = "67ae0f1a7d6afdc94d9699da";

/// The collection as anybody else sees it.
fn stored<T>(backend: &Backend, work: impl AsyncFnOnce(mongodb::Collection<Document>) -> T) -> T {
    backend.block_on(async {
        let client = mongodb::Client::with_uri_str(data().mongo_url(&backend.database)).await.expect("MongoDB");
        let result = work(client.database(&backend.database).collection("scopesets")).await;
        client.shutdown().await;
        result
    })
}

#[test]
fn a_set_is_created_read_and_changed_and_its_order_stays() {
    let backend = Backend::start();
    backend.user("GET", "/scopes/sets", None).is(200, json!([]));
    let scopes = json!({ "zone": "*", "country": "Spain", "city": "Córdoba" });
    let body = json!({ "controlId": 21, "scopes": scopes });
    let created = backend.user("POST", "/scopes/sets", Some(body)).expect(201);
    let id = created.json()["_id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 24);
    let wire = r#""controlId":21,"scopes":{"zone":"*","country":"Spain","city":"Córdoba"},"__v":0}"#;
    assert_eq!(created.text, format!(r#"{{"_id":"{id}",{wire}"#));
    let path = format!("/scopes/sets/{id}");
    assert_eq!(backend.user("GET", &path, None).expect(200).text, created.text);
    assert_eq!(backend.user("GET", "/scopes/sets", None).expect(200).text, format!("[{}]", created.text));
    // What is not given stays; a map that is given replaces the other.
    let moved = backend.user("PUT", &path, Some(json!({ "controlId": "22" }))).expect(200).json();
    assert_eq!((&moved["controlId"], &moved["scopes"]), (&json!(22), &scopes));
    let fewer = backend.user("PUT", &path, Some(json!({ "scopes": { "n": 5, "t": true } }))).expect(200).json();
    assert_eq!(fewer, json!({ "_id": id, "controlId": 22, "scopes": { "n": "5", "t": "true" }, "__v": 0 }));
    backend.user("PUT", &path, Some(json!({}))).is(200, fewer.clone());
    backend.user("GET", "/scopes/sets/control/22", None).is(200, json!([fewer]));
    backend.user("GET", "/scopes/sets/control/21", None).is(200, json!([]));
    let document = stored(&backend, async |all| all.find_one(doc! {}).await.unwrap().unwrap());
    let wanted = doc! { "_id": ObjectId::parse_str(&id).unwrap(), "controlId": 22,
    "scopes": { "n": "5", "t": "true" }, "__v": 0 };
    assert_eq!(document, wanted);
}

#[test]
fn documents_of_the_original_are_served_as_they_are() {
    let backend = Backend::start();
    let id = ObjectId::parse_str(UNKNOWN).unwrap();
    let documents = [
        doc! { "_id": id, "controlId": 20.0, "scopes": { "country": "Spain", "city": "Seville" }, "__v": 0 },
        doc! { "_id": ObjectId::new(), "controlId": 20_i64, "scopes": { "city": "Seville" }, "__v": 0 },
        doc! { "_id": ObjectId::new(), "controlId": 9, "__v": 0 },
    ];
    stored(&backend, async |all| all.insert_many(documents).await.unwrap());
    let first = json!({ "_id": UNKNOWN, "controlId": 20,
        "scopes": { "country": "Spain", "city": "Seville" }, "__v": 0 });
    backend.user("GET", &format!("/scopes/sets/{UNKNOWN}"), None).is(200, first.clone());
    let of_20 = backend.user("GET", "/scopes/sets/control/20", None).expect(200).json();
    assert_eq!((of_20.as_array().unwrap().len(), &of_20[0]), (2, &first));
    let of_9 = backend.user("GET", "/scopes/sets/control/9", None).expect(200).json();
    assert_eq!(of_9[0]["scopes"], json!({}));
}

#[test]
fn a_set_that_cannot_be_is_refused_and_nothing_is_written() {
    let backend = Backend::start();
    let refused = |method: &str, path: &str, body: Option<Value>, text: &str| {
        let answer = backend.user(method, path, body).expect(400).json();
        assert_eq!(answer["error"], text, "{answer}");
        assert!(answer["detail"].is_string(), "{answer}");
    };
    for body in [
        json!({}),
        json!([]),
        json!({ "controlId": null }),
        json!({ "controlId": "abc" }),
        json!({ "controlId": [1] }),
        json!({ "controlId": true }),
        json!({ "controlId": { "$gt": 0 } }),
        json!({ "controlId": 1, "scopes": "x" }),
        json!({ "controlId": 1, "scopes": [] }),
        json!({ "controlId": 1, "scopes": { "a": { "b": 1 } } }),
        json!({ "controlId": 1, "scopes": { "a": null } }),
        json!({ "controlId": 1, "scopes": { "a.b": "x" } }),
        json!({ "controlId": 1, "scopes": { "$where": "x" } }),
        json!({ "controlId": 1, "scopes": { "a\u{0}": "x" } }),
        json!({ "controlId": 1, "scopes": { "a": "x\u{0}" } }),
    ] {
        refused("POST", "/scopes/sets", Some(body), "Failed to create scope set");
    }
    backend.user("GET", "/scopes/sets", None).is(200, json!([]));
    refused("GET", "/scopes/sets/short", None, "Failed to retrieve scope set by ID");
    refused("PUT", "/scopes/sets/short", Some(json!({})), "Failed to update scope set by ID");
    let unknown = format!("/scopes/sets/{UNKNOWN}");
    refused("PUT", &unknown, Some(json!({ "controlId": "x" })), "Failed to update scope set by ID");
    refused("GET", "/scopes/sets/control/x", None, "Failed to retrieve scope sets by control ID");
    let none = json!({ "error": "ScopeSet not found" });
    backend.user("GET", &unknown, None).is(404, none.clone());
    backend.user("PUT", &unknown, Some(json!({ "controlId": 1 }))).is(404, none.clone());
    backend.user("PUT", &unknown, Some(json!({}))).is(404, none);
    for (method, path) in [("GET", "/scopes/sets"), ("POST", "/scopes/sets"), ("GET", "/scopes/sets/control/1")] {
        backend.call(method, path, None, None).is(401, json!({ "message": "No token provided" }));
    }
}

#[test]
fn without_mongodb_only_scope_sets_are_away_and_they_come_back() {
    let cable = Cable::to(data().mongo_port);
    let (password, port) = (&data().mongo_password, cable.port);
    let uri = format!("mongodb://root:{password}@127.0.0.1:{port}/x?authSource=admin&directConnection=true");
    let backend = Backend::with(&[("MONGO_URI", &uri)]);
    // Cut off before the first connection, and mute after it.
    for outage in [Cable::cut, Cable::mute] {
        outage(&cable);
        let began = Instant::now();
        let answer = backend.user("GET", "/scopes/sets", None);
        assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
        assert_eq!(answer.headers["retry-after"], "1");
        answer.is(503, json!({ "error": "Failed to retrieve all scope sets" }));
        let body = json!({ "controlId": 1 });
        backend.user("POST", "/scopes/sets", Some(body)).is(503, json!({ "error": "Failed to create scope set" }));
        backend.user("GET", "/scopes", None).expect(200);
        cable.mend();
        eventually("it answers again", || match backend.user("GET", "/scopes/sets", None) {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text),
        });
    }
    assert!(!backend.log().contains(password));
}

#[test]
fn an_address_of_mongodb_that_cannot_be_is_said_at_the_start_without_its_password() {
    let backend = Backend::prepared(&[("MONGO_URI", "mongodb:/root:hunter2@x")]);
    let mut process = Running::start(backend.command());
    assert_ne!(process.end(), 0);
    let log = backend.log();
    assert!(log.contains("the address of MongoDB cannot be used") && !log.contains("hunter2"), "{log}");
}
