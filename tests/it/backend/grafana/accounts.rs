//! Service accounts, their tokens, and data sources.

use serde_json::json;

use super::Pair;
use crate::backend::harness::PREFIX;
use crate::doubles::grafana_http::USER;

#[test]
fn the_set_up_makes_an_account_and_a_token_with_a_bearer_token() {
    let pair = Pair::start();
    let post = |path: &str, body: serde_json::Value| {
        let request = pair.backend.request("POST", &format!("{PREFIX}{path}")).json(&body);
        let token = pair.backend.token("ADMIN");
        pair.backend.send(request.header("authorization", format!("Bearer {token}")))
    };
    let account = json!({ "name": "Status system", "role": "Admin" });
    let made = post("/grafana/serviceaccount", account.clone()).expect(201).json();
    let sent = json!({ "name": "Status system", "role": "Admin", "isDisabled": false });
    assert_eq!((pair.grafana.server.last().json(), &made["role"]), (sent, &json!("Admin")));
    let id = made["id"].as_u64().expect("an id");
    let path = format!("/grafana/serviceaccount/{id}");
    let token = post(&format!("{path}/token"), json!({ "name": "STATUS System Token" })).expect(201).json();
    assert!(token["key"].as_str().is_some_and(|key| key.starts_with("glsa_")), "{token}");
    assert_eq!(pair.grafana.server.last().json(), json!({ "name": "STATUS System Token" }));
    pair.get(&format!("/serviceaccount/{id}")).is(200, made);
    // A second run finds the account there already.
    let again = post("/grafana/serviceaccount", account).expect(400).json();
    assert_eq!(again["message"], "Request failed with status code 400");
}

#[test]
fn an_account_or_a_token_that_cannot_be_is_not_asked_for() {
    let pair = Pair::start();
    let text = "Failed to create service account in Grafana due to server error";
    for (body, detail) in [
        (json!({}), "name is required"),
        (json!([]), "name is required"),
        (json!({ "name": 3 }), "name must be a string"),
        (json!({ "name": "a\u{0}" }), "name must not contain a null byte"),
        (json!({ "name": "a", "role": ["Admin"] }), "role must be a string"),
    ] {
        pair.post("/serviceaccount", body).is(400, json!({ "message": text, "error": detail }));
    }
    let text = "Failed to create service account token in Grafana due to server error";
    for (body, detail) in [
        (json!({}), "name is required"),
        (json!({ "name": "t", "secondsToLive": "soon" }), "secondsToLive must be an integer"),
    ] {
        pair.post("/serviceaccount/1/token", body).is(400, json!({ "message": text, "error": detail }));
    }
    assert!(pair.grafana.server.asked().is_empty());
    pair.post("/serviceaccount/1/token", json!({ "name": "t", "secondsToLive": 60 })).expect(404);
    assert_eq!(pair.grafana.server.last().json(), json!({ "name": "t", "secondsToLive": 60 }));
    // An id stays where an id belongs.
    pair.get("/serviceaccount/..%2f..%2fapi%2ffolders").expect(400);
    assert_eq!(pair.grafana.server.last().path, "/api/serviceaccounts/..%2F..%2Fapi%2Ffolders");
    let asked = pair.grafana.server.asked().len();
    let text = "Failed to retrieve service account in Grafana due to server error";
    let request = pair.backend.send_raw("GET", "/grafana/serviceaccount/%2e%2e");
    request.is(400, json!({ "message": text, "error": "Grafana has no such path" }));
    assert_eq!(pair.grafana.server.asked().len(), asked);
}

#[test]
fn a_data_source_is_made_and_listed() {
    let pair = Pair::start();
    pair.get("/datasource").is(200, json!([]));
    let body = json!({
        "datasourceName": "db", "type": "grafana-postgresql-datasource", "url": "127.0.0.1:5432", "access": "proxy",
        "database": "statusdb", "user": "grafanauser", "basicAuth": false, "isDefault": true,
        "jsonData": { "sslmode": "disable" }, "unknown": 1,
    });
    let made = pair.post("/datasource", body.clone()).expect(201).json();
    assert_eq!(made["message"], "Datasource added");
    let mut sent = pair.grafana.server.last().json();
    let id = sent["uid"].take();
    assert!(id.as_str().is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()), "{id}");
    let expected = json!({
        "name": "db", "type": "grafana-postgresql-datasource", "url": "127.0.0.1:5432", "access": "proxy",
        "database": "statusdb", "user": "grafanauser", "basicAuth": false, "isDefault": true,
        "jsonData": { "sslmode": "disable" }, "withCredentials": true, "basicAuthUser": USER, "uid": null,
    });
    assert_eq!(sent, expected);
    assert_eq!(pair.get("/datasource").expect(200).json()[0]["name"], "db");
    pair.post("/datasource", body).is(
        409,
        json!({
            "message": "Failed to create datasource in Grafana: Conflict",
            "error": "data source with the same name already exists",
        }),
    );
    let text = "Failed to create datasource in Grafana due to server error";
    let good = json!({ "datasourceName": "x", "type": "t", "url": "u", "access": "proxy" });
    for (name, bad, detail) in [
        ("datasourceName", json!(null), "datasourceName is required"),
        ("url", json!(null), "url is required"),
        ("type", json!(7), "type must be a string"),
        ("access", json!({}), "access must be a string"),
        ("user", json!(1), "user must be a string"),
        ("basicAuth", json!("true"), "basicAuth must be true or false"),
        ("jsonData", json!("{}"), "jsonData must be an object"),
    ] {
        let mut body = good.clone();
        body[name] = bad;
        pair.post("/datasource", body).is(400, json!({ "message": text, "error": detail }));
    }
}
