//! `/config`, and the availability gate in every process that shares the databases.

use serde_json::{Value, json};

use super::data::data;
use super::harness::Backend;
use crate::support::cable::Cable;
use crate::support::eventually;

fn set(backend: &Backend, endpoint: &str, available: bool) -> Value {
    let body = json!({ "endpoint": endpoint, "available": available });
    backend.admin("PUT", "/config", Some(body)).expect(200).json()
}

#[test]
fn rows_are_listed_and_looked_up() {
    let backend = Backend::start();
    let rows = backend.admin("GET", "/config", None).expect(200).json();
    let endpoints: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["endpoint"].as_str().unwrap()).collect();
    assert_eq!(endpoints[..3], ["/api/v1/config", "/api/v1/users", "/api/v1/scripts"]);
    assert_eq!(endpoints[13..15], ["docs", "api-docs"]);
    let keys: Vec<_> = rows[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "endpoint", "available", "limit", "createdAt", "updatedAt"]);
    let assistant = backend.admin("POST", "/config", Some(json!({ "endpoint": "/api/v1/assistant" }))).expect(200);
    assert_eq!(assistant.json(), rows[7]);
    assert_eq!((&rows[7]["limit"], &rows[0]["limit"]), (&json!(5), &json!(1)));
    let unknown = Some(json!({ "endpoint": "/'; --" }));
    backend.admin("POST", "/config", unknown).is(404, json!({ "message": "Configuration /'; -- not found" }));
    for body in [json!({}), json!([]), json!({ "endpoint": 3 }), json!({ "endpoint": "a\u{0}" })] {
        let answer = backend.admin("POST", "/config", Some(body)).expect(400).json();
        assert!(answer["message"].as_str().unwrap().starts_with("Failed to get configuration, error: endpoint "));
    }
}

#[test]
fn only_administrators_may_see_and_change_it() {
    let backend = Backend::start();
    let routes = [
        ("GET", "/config"),
        ("POST", "/config"),
        ("PUT", "/config"),
        ("GET", "/config/assistant/limit"),
        ("PUT", "/config/assistant/limit/7"),
    ];
    for (method, path) in routes {
        backend.user(method, path, None).is(403, json!({ "message": "Forbidden" }));
        backend.call(method, path, None, None).is(401, json!({ "message": "No token provided" }));
    }
}

#[test]
fn an_endpoint_is_switched_off_and_on() {
    let backend = Backend::start();
    let id = backend.admin("POST", "/config", Some(json!({ "endpoint": "/api/v1/scopes" }))).json()["id"].clone();
    let done = json!({ "message": format!("Configuration {id} updated successfully") });
    assert_eq!(set(&backend, "/api/v1/scopes", false), done);
    let closed = backend.user("GET", "/scopes", None).expect(404);
    assert_eq!(
        (closed.text.as_str(), &closed.headers["content-type"]),
        ("Endpoint not available", &"text/html; charset=utf-8".parse().unwrap())
    );
    let nothing = json!({ "message": "No changes were applied to the configuration" });
    backend.admin("PUT", "/config", Some(json!({ "endpoint": "/api/v1/scopes" }))).is(200, nothing);
    backend.user("GET", "/scopes", None).expect(404);
    assert_eq!(set(&backend, "/api/v1/scopes", true), done);
    backend.user("GET", "/scopes", None).expect(200);
}

#[test]
fn a_change_that_cannot_be_is_refused() {
    let backend = Backend::start();
    let required = json!({ "message": "Endpoint is required" });
    for body in [json!({}), json!([]), json!({ "endpoint": "" }), json!({ "available": true })] {
        backend.admin("PUT", "/config", Some(body)).is(400, required.clone());
    }
    for body in [
        json!({ "endpoint": 3, "available": false }),
        json!({ "endpoint": "a\u{0}", "available": false }),
        json!({ "endpoint": "/api/v1/scopes", "available": "no" }),
        json!({ "endpoint": "/api/v1/scopes", "available": 0 }),
    ] {
        let answer = backend.admin("PUT", "/config", Some(body)).expect(400).json();
        assert!(answer["message"].as_str().unwrap().starts_with("Failed to update configuration, error: "));
    }
    for body in [json!({ "endpoint": "x" }), json!({ "endpoint": "x", "available": false })] {
        let none = json!({ "message": "Configuration with endpoint x not found" });
        backend.admin("PUT", "/config", Some(body)).is(404, none);
    }
    backend.user("GET", "/scopes", None).expect(200);
}

#[test]
fn the_limit_of_assistants_is_read_and_set() {
    let backend = Backend::start();
    let path = "/config/assistant/limit";
    backend.admin("GET", path, None).is(200, json!({ "limit": 5 }));
    let set = |limit: &str| backend.admin("PUT", &format!("{path}/{limit}"), Some(json!({})));
    set("3").is(200, json!({ "message": "Limit updated successfully" }));
    backend.admin("GET", path, None).is(200, json!({ "limit": 3 }));
    for bad in ["0", "-1", "x", "1.5", "1e3", "3000000000", "%00", "1;--"] {
        set(bad).is(400, json!({ "message": "Invalid limit value" }));
    }
    backend.sql(
        r#"INSERT INTO "Assistants" ("assistantId", name, instructions, tools, model, "createdAt", "updatedAt")
        SELECT 'a', 'n', 'i', 't', 'm', now(), now() FROM generate_series(1, 3)"#,
    );
    set("2").is(400, json!({ "message": "Limit cannot be less than the number of assistants" }));
    set("3").expect(200);
    backend.sql(r#"UPDATE "Configurations" SET "limit" = NULL"#);
    backend.admin("GET", path, None).is(400, json!({ "message": "Assistant limit is not set" }));
    backend.sql(r#"DELETE FROM "Configurations" WHERE endpoint = '/api/v1/assistant'"#);
    // The gate still knows the row of the configuration.
    backend.admin("GET", path, None).is(404, json!({ "message": "Configuration /api/assistant not found" }));
    set("9").is(404, json!({ "message": "Configuration undefined not found" }));
}

/// What another process answers for scopes, asked until it is that.
#[track_caller]
fn eventually_answers(other: &Backend, status: u16) {
    eventually("the other process knows", || match other.user("GET", "/scopes", None) {
        answer if answer.status == status => Ok(()),
        answer => Err(format!("{} {}", answer.status, answer.text)),
    });
}

#[test]
fn a_change_is_known_in_every_process_also_after_the_cache_was_away() {
    let mut first = Backend::start();
    let cable = Cable::to(data().valkey_port);
    let database = first.database.clone();
    let second = Backend::with(&[("DB_NAME", &database), ("DRAGONFLY_PORT", &cable.port.to_string())]);
    let began = std::time::Instant::now();
    for (by, other, available) in [(&first, &second, false), (&second, &first, true)] {
        set(by, "/api/v1/scopes", available);
        eventually_answers(other, if available { 200 } else { 404 });
    }
    // By word, not by reading the table every now and then.
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    // Not heard of, but found out.
    cable.cut();
    set(&first, "/api/v1/scopes", false);
    eventually_answers(&second, 404);
    cable.mend();
    set(&first, "/api/v1/scopes", true);
    eventually_answers(&second, 200);
    assert_eq!(first.stop(), 0);
}
