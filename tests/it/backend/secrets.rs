//! `/secrets`: kept encrypted, shown once, one's own alone.

use serde_json::{Value, json};

use super::harness::{Answer, Backend, answer};
use super::users::{sign_up, token_of};

const VALUE: &str = "hunter2 ñ €";

struct Owner<'a> {
    backend: &'a Backend,
    token: String,
}

impl<'a> Owner<'a> {
    fn new(backend: &'a Backend, name: &str) -> Self {
        let id = sign_up(backend, name, "USER");
        Self { backend, token: token_of(id, name, "USER") }
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.backend.call(method, path, Some(&self.token), body)
    }

    #[track_caller]
    fn create(&self, name: &str) -> Value {
        self.call("POST", "/secrets", Some(secret(name))).expect(201).json()
    }
}

fn secret(name: &str) -> Value {
    json!({ "name": name, "type": "API_KEY", "value": VALUE })
}

fn shown(created: &Value) -> Value {
    let mut shown = created.clone();
    shown["value"] = json!("********");
    shown.as_object_mut().expect("an object").remove("message");
    shown
}

#[test]
fn a_secret_is_shown_once_and_kept_encrypted() {
    let backend = Backend::start();
    let anna = Owner::new(&backend, "anna");
    anna.call("GET", "/secrets", None).is(200, json!([]));
    let created = anna.create(" My  Key");
    let keys: Vec<_> = created.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "id",
        "name",
        "type",
        "environment",
        "createdBy",
        "version",
        "rotatedAt",
        "createdAt",
        "updatedAt",
        "value",
        "message",
    ];
    assert_eq!(keys, expected);
    let expected = json!({
        "id": created["id"], "name": "my_key", "type": "API_KEY", "environment": "production", "createdBy": "anna",
        "version": 1, "rotatedAt": null, "createdAt": created["createdAt"], "updatedAt": created["updatedAt"],
        "value": VALUE, "message": "Secret created successfully",
    });
    assert_eq!(created, expected);
    anna.call("GET", "/secrets", None).is(200, json!([shown(&created)]));
    let path = format!("/secrets/{}", created["id"]);
    anna.call("GET", &path, None).is(200, shown(&created));
    let stored = backend.rows(r#"SELECT "valueEncrypted" FROM secrets"#);
    assert!(!stored[0].contains("hunter2") && stored[0].split(':').count() == 3, "{stored:?}");
    assert!(!backend.log().contains("hunter2"));

    // Another name alone is no new version; another value is.
    let changed = anna.call("PATCH", &path, Some(json!({ "name": "Your Key", "environment": "test" }))).expect(200);
    let changed = changed.json();
    assert_eq!(
        (&changed["name"], &changed["environment"], &changed["version"], &changed["rotatedAt"], &changed["value"]),
        (&json!("your_key"), &json!("test"), &json!(1), &json!(null), &json!("********"))
    );
    assert_eq!(changed["message"], "Secret updated successfully");
    assert_eq!(backend.rows(r#"SELECT "valueEncrypted" FROM secrets"#), stored);
    let rotated = anna.call("PATCH", &path, Some(json!({ "value": "another" }))).expect(200).json();
    assert_eq!(
        (&rotated["version"], &rotated["value"], &rotated["name"]),
        (&json!(2), &json!("********"), &json!("your_key"))
    );
    assert!(rotated["rotatedAt"].is_string());
    assert_ne!(backend.rows(r#"SELECT "valueEncrypted" FROM secrets"#), stored);
    assert_eq!(anna.call("DELETE", &path, Some(json!({}))).expect(204).text, "");
    anna.call("GET", &path, None).is(404, json!({ "message": "Secret not found or access denied" }));
    anna.call("GET", "/secrets", None).is(200, json!([]));
}

#[test]
fn somebody_else_s_secret_is_as_good_as_none() {
    let backend = Backend::start();
    let (anna, berta) = (Owner::new(&backend, "anna"), Owner::new(&backend, "berta"));
    let id = anna.create("key")["id"].clone();
    // The name is taken for its owner alone.
    berta.create("key");
    assert_eq!(berta.call("GET", "/secrets", None).json().as_array().unwrap().len(), 1);
    let denied = json!({ "message": "Secret not found or access denied" });
    for id in
        [id.to_string(), "999999".to_owned(), "x".to_owned(), uuid::Uuid::new_v4().to_string(), "9999999999".to_owned()]
    {
        let path = format!("/secrets/{id}");
        berta.call("GET", &path, None).is(404, denied.clone());
        berta.call("PATCH", &path, Some(json!({ "name": "x" }))).is(404, denied.clone());
        berta.call("DELETE", &path, Some(json!({}))).is(404, denied.clone());
    }
    // An administrator is somebody else too.
    let admin = token_of(999, "admin", "ADMIN");
    backend.call("GET", &format!("/secrets/{id}"), Some(&admin), None).is(404, denied);
    for (method, path) in [
        ("GET", "/secrets"),
        ("POST", "/secrets"),
        ("GET", "/secrets/1"),
        ("PATCH", "/secrets/1"),
        ("DELETE", "/secrets/1"),
    ] {
        backend.call(method, path, None, Some(json!({}))).is(401, json!({ "message": "No token provided" }));
    }
    assert_eq!(backend.rows("SELECT count(*)::text FROM secrets"), ["2"]);
    // They go with their owner.
    backend.sql(r#"DELETE FROM "Users" WHERE username = 'anna'"#);
    assert_eq!(backend.rows("SELECT name FROM secrets"), ["key"]);
    // Whom a token names may be gone.
    anna.call("POST", "/secrets", Some(secret("other"))).is(404, json!({ "message": "User not found" }));
    let nobody = super::harness::token(json!({ "authority": "USER" }));
    backend.call("GET", "/secrets", Some(&nobody), None).expect(401);
}

#[test]
fn a_secret_that_cannot_be_is_refused_and_nothing_is_written() {
    let backend = Backend::start();
    let anna = Owner::new(&backend, "anna");
    let with = |field: &str, value: Value| {
        let mut body = secret("key");
        body[field] = value;
        anna.call("POST", "/secrets", Some(body))
    };
    for name in [json!(null), json!(3), json!(""), json!("  "), json!(["key"])] {
        with("name", name).is(400, json!({ "error": "Name must be a string" }));
    }
    for value in [json!(null), json!(""), json!(" \n ")] {
        with("value", value).is(400, json!({ "message": "Secret value is required." }));
    }
    for (field, value) in [
        ("name", json!("x".repeat(101))),
        ("name", json!("a\0b")),
        ("type", json!(null)),
        ("type", json!("x".repeat(51))),
        ("type", json!(1)),
        ("environment", json!("x".repeat(21))),
        ("environment", json!({})),
        ("value", json!(1)),
        ("value", json!("a\0b")),
    ] {
        let answer = with(field, value.clone()).expect(400).json();
        assert_eq!(answer["message"], "Error creating secret", "{field} {value}");
        assert!(answer["error"].as_str().unwrap().starts_with(field), "{field} {value}: {answer}");
    }
    assert_eq!(backend.rows("SELECT count(*)::text FROM secrets"), ["0"]);
    let path = format!("/secrets/{}", anna.create("key")["id"]);
    anna.create("other");
    let clash = json!({ "message": "A secret with this name already exists." });
    anna.call("POST", "/secrets", Some(secret("KEY"))).is(409, clash.clone());
    anna.call("PATCH", &path, Some(json!({ "name": "Other" }))).is(409, clash);
    let empty = json!({ "message": "Secret value cannot be an empty string or whitespace." });
    for value in ["", " \t"] {
        anna.call("PATCH", &path, Some(json!({ "name": "x", "value": value }))).is(400, empty.clone());
    }
    let nothing = json!({ "message": "No valid fields provided for update." });
    for body in [json!({}), json!({ "owner": 3 }), json!({ "name": null })] {
        anna.call("PATCH", &path, Some(body)).is(400, nothing.clone());
    }
    anna.call("PATCH", &path, Some(json!({ "name": 3 }))).is(400, json!({ "error": "Name must be a string" }));
    let answer = anna.call("PATCH", &path, Some(json!({ "type": "x".repeat(51) }))).expect(400).json();
    assert_eq!(answer["message"], "Error updating secret");
    assert_eq!(backend.rows("SELECT name FROM secrets ORDER BY id"), ["key", "other"]);
}

#[test]
fn of_many_at_the_same_time_one_has_the_name_and_no_version_is_lost() {
    let backend = Backend::start();
    let anna = Owner::new(&backend, "anna");
    let request = |method: &str, path: &str, body: &Value| {
        answer(backend.request(method, &format!("/api/v1{path}")).header("x-access-token", &anna.token).json(body))
    };
    let made =
        backend.block_on(futures_util::future::join_all((0..20).map(|_| request("POST", "/secrets", &secret("key")))));
    let count = |status| made.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(409)), (1, 19));
    let id = backend.rows("SELECT id::text FROM secrets")[0].clone();
    let path = format!("/secrets/{id}");
    let body = json!({ "value": "next" });
    let changed = backend.block_on(futures_util::future::join_all((0..20).map(|_| request("PATCH", &path, &body))));
    assert!(changed.iter().all(|answer| answer.status == 200));
    assert_eq!(anna.call("GET", &path, None).json()["version"], 21);
}
