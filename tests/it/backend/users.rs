//! `/users`: signing up, who there is, who one is.

use serde_json::{Value, json};

use super::data::data;
use super::harness::{Backend, answer, now, token};

pub const PASSWORD: &str = "a password of the tests";

/// A user with [`PASSWORD`] and an address by the name; the id.
#[track_caller]
pub fn sign_up(backend: &Backend, username: &str, authority: &str) -> i32 {
    let body = body(username, &format!("{username}@example.org"), json!(authority));
    backend.admin("POST", "/users/signUp", Some(body)).expect(201);
    let id = backend.rows(&format!(r#"SELECT id::text FROM "Users" WHERE username = '{username}'"#));
    id[0].parse().expect("an id")
}

/// A token of that user, as another maker would make it.
pub fn token_of(id: i32, username: &str, authority: &str) -> String {
    token(json!({ "user_id": id, "username": username, "authority": authority, "exp": now() + 3600 }))
}

fn body(username: &str, email: &str, authority: Value) -> Value {
    json!({ "username": username, "password": PASSWORD, "email": email, "authority": authority })
}

fn names(backend: &Backend) -> Vec<String> {
    backend.rows(r#"SELECT username FROM "Users" ORDER BY id"#)
}

#[test]
fn an_administrator_signs_users_up() {
    let backend = Backend::start();
    let path = "/users/signUp";
    let anna = body("anna", "anna@example.org", json!("DEVELOPER"));
    backend.call("POST", path, None, Some(anna.clone())).is(401, json!({ "message": "No token provided" }));
    backend.user("POST", path, Some(anna.clone())).is(403, json!({ "message": "Forbidden" }));
    let told = json!({ "message": "User anna created successfully with authority DEVELOPER" });
    backend.admin("POST", path, Some(anna)).is(201, told);
    let mut berta = body("berta", "berta@example.org", Value::Null);
    berta.as_object_mut().unwrap().remove("authority");
    let told = json!({ "message": "User berta created successfully with authority USER" });
    backend.admin("POST", path, Some(berta)).is(201, told);
    let hashes = backend.rows(r#"SELECT password FROM "Users""#);
    assert!(hashes.iter().all(|hash| hash.starts_with("$2b$10$")), "{hashes:?}");
    // The address is looked at first.
    let taken = |text: &str| json!({ "message": text });
    for (body, text) in [
        (body("anna", "anna@example.org", json!("USER")), "Email already exists"),
        (body("carla", "anna@example.org", json!("USER")), "Email already exists"),
        (body("anna", "carla@example.org", json!("USER")), "Username already exists"),
    ] {
        backend.admin("POST", path, Some(body)).is(400, taken(text));
    }
    // Both are compared letter by letter.
    backend.admin("POST", path, Some(body("Anna", "Anna@example.org", json!("USER")))).expect(201);
    assert_eq!(names(&backend), ["anna", "berta", "Anna"]);
}

#[test]
fn a_user_that_cannot_be_is_refused_and_nothing_is_written() {
    let backend = Backend::start();
    let good = body("anna", "anna@example.org", json!("USER"));
    for (field, values) in [
        (
            "username",
            vec![
                json!(null),
                json!(""),
                json!("a b"),
                json!("a'; --"),
                json!("ä"),
                json!("x".repeat(61)),
                json!(3),
                json!("a\0"),
            ],
        ),
        ("password", vec![json!(null), json!(""), json!("x".repeat(73)), json!("a\0b"), json!(["a"])]),
        ("email", vec![json!(null), json!("a"), json!("a@b"), json!(format!("{}@b.org", "a".repeat(100))), json!({})]),
        ("authority", vec![json!("ROOT"), json!("admin"), json!(1)]),
    ] {
        for value in values {
            let mut bad = good.clone();
            bad[field] = value.clone();
            let answer = backend.admin("POST", "/users/signUp", Some(bad)).expect(400).json();
            assert_eq!(answer["message"], "Failed to create user, error");
            assert!(answer["detail"].as_str().unwrap().starts_with(field), "{field} {value}: {answer}");
        }
    }
    backend.admin("POST", "/users/signUp", None).expect(400);
    backend.admin("POST", "/users/signUp", Some(json!([]))).expect(400);
    assert_eq!(names(&backend), [""; 0]);
}

#[test]
fn of_a_hundred_sign_ups_of_one_name_one_makes_a_user() {
    let backend = Backend::start();
    let admin = backend.token("ADMIN");
    let requests = (0..100).map(|number| {
        let body = body("anna", &format!("anna{number}@example.org"), json!("USER"));
        let request = backend.request("POST", "/api/v1/users/signUp").header("x-access-token", &admin);
        answer(request.json(&body))
    });
    let answers = backend.block_on(futures_util::future::join_all(requests));
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let refused = answers.iter().filter(|answer| answer.status == 400);
    let refused: Vec<_> = refused.map(|answer| answer.json()["message"].clone()).collect();
    assert_eq!(refused, vec![json!("Username already exists"); 99]);
    assert_eq!(names(&backend), ["anna"]);
}

#[test]
fn users_are_listed_without_their_secrets_and_deleted() {
    let backend = Backend::start();
    let id = sign_up(&backend, "anna", "USER");
    backend.call("GET", "/users", None, None).is(401, json!({ "message": "No token provided" }));
    backend.user("GET", "/users", None).is(403, json!({ "message": "Forbidden" }));
    let users = backend.admin("GET", "/users", None).expect(200).json();
    let keys: Vec<_> = users[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "username", "authority", "email", "createdAt", "updatedAt"]);
    assert_eq!((&users[0]["id"], &users[0]["authority"]), (&json!(id), &json!("USER")));

    // A user's threads survive it, and its sessions do not.
    let signed_in = super::sign_in::sign_in(&backend, "anna");
    let session = signed_in.json()["accessToken"].as_str().unwrap().to_owned();
    backend.call("GET", "/users/auth", Some(&session), None).expect(200);
    backend.sql(&format!(
        r#"INSERT INTO "Threads" (gpt_id, name, run_id, "UserId", "createdAt", "updatedAt")
        VALUES ('g', 'n', 'r', {id}, now(), now())"#
    ));
    let path = format!("/users/{id}");
    backend.call("DELETE", &path, None, Some(json!({}))).expect(401);
    backend.user("DELETE", &path, Some(json!({}))).expect(403);
    backend.admin("DELETE", &path, Some(json!({}))).is(200, json!({ "message": "User deleted successfully" }));
    backend.admin("DELETE", &path, None).is(404, json!({ "message": "User not found" }));
    backend.call("GET", "/users/auth", Some(&session), None).is(401, json!({ "message": "Unauthorized" }));
    assert_eq!(backend.rows(r#"SELECT count(*)::text FROM "Threads" WHERE "UserId" IS NULL"#), ["1"]);
    for bad in ["x", "1.5", "99999999999", "-", "1;--"] {
        let answer = backend.admin("DELETE", &format!("/users/{bad}"), None).expect(400).json();
        assert_eq!(answer["message"], "Internal server error", "{bad}");
    }
}

#[test]
fn one_learns_who_one_is() {
    let backend = Backend::start();
    let id = sign_up(&backend, "anna", "DEVELOPER");
    let token = token_of(id, "anna", "DEVELOPER");
    let me = backend.call("GET", "/users/whoami", Some(&token), None).expect(200).json();
    let keys: Vec<_> = me.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "username", "email", "authority", "createdAt", "updatedAt"]);
    assert_eq!((&me["id"], &me["email"]), (&json!(id), &json!("anna@example.org")));
    let stranger = token_of(id + 1, "x", "USER");
    backend.call("GET", "/users/whoami", Some(&stranger), None).is(404, json!({ "message": "User not found" }));
    let nobody = super::harness::token(json!({ "authority": "USER" }));
    let text = "Unauthorized: No user in request";
    backend.call("GET", "/users/whoami", Some(&nobody), None).is(401, json!({ "message": text }));
    backend.call("GET", "/users/whoami", None, None).expect(401);

    // The web client's wrapper adds a slash.
    for path in ["/users/auth", "/users/auth/", "/users/AUTH"] {
        backend.call("GET", path, Some(&token), None).is(200, json!({ "authority": "DEVELOPER" }));
    }
    let answer = backend.call("GET", "/users/auth", Some(&token), None);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
}

#[test]
fn without_the_database_it_is_503_and_not_a_wrong_password() {
    let cable = crate::support::cable::Cable::to(data().postgres_port);
    let backend = Backend::with(&[("DB_PORT", &cable.port.to_string()), ("DB_WAIT", "1")]);
    sign_up(&backend, "anna", "USER");
    cable.cut();
    let body = json!({ "username": "anna", "password": PASSWORD });
    let answer = backend.call("POST", "/users/signIn", None, Some(body.clone()));
    answer.is(503, json!({ "message": "Internal server error" }));
    backend.admin("GET", "/users", None).expect(503);
    cable.mend();
    crate::support::eventually("one can sign in again", || {
        match backend.call("POST", "/users/signIn", None, Some(body.clone())) {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text),
        }
    });
}
