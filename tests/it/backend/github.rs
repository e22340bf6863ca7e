//! `/ghAccessToken` and `/getAuth`, and what a developer gets of Node-RED: against doubles of both.

use serde_json::{Value, json};

use super::harness::{Answer, Backend, PREFIX};
use super::users::{PASSWORD, sign_up};
use crate::doubles::{Trouble, github, node_red};

#[track_caller]
fn get(backend: &Backend, path: &str) -> Answer {
    backend.send(backend.request("GET", &format!("{PREFIX}{path}")))
}

#[test]
fn a_code_of_github_is_exchanged() {
    let double = github::start();
    let backend = Backend::with(&[
        ("GITHUB_URL", &double.url()),
        ("GH_CLIENT_ID", github::CLIENT),
        ("GH_CLIENT_SECRET", github::SECRET),
    ]);
    let token = json!({ "access_token": github::TOKEN, "token_type": "bearer", "scope": "repo,gist" });
    get(&backend, &format!("/ghAccessToken?code={}", github::CODE)).is(200, token);
    let asked = double.last();
    assert_eq!(asked.line(), "POST /login/oauth/access_token");
    assert!(asked.query.contains("redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fprofile"), "{}", asked.query);
    assert_eq!(asked.header("accept"), Some("application/json"));
    // GitHub's own refusal is passed on as it is.
    assert_eq!(get(&backend, "/ghAccessToken?code=other%26x=y").expect(200).json()["error"], "bad_verification_code");
    let words = "Error interno del servidor.";
    for bad in ["", "?code=", &format!("?code={}", "x".repeat(600))] {
        assert_eq!(get(&backend, &format!("/ghAccessToken{bad}")).expect(400).json()["message"], words);
    }
    assert_eq!(double.asked().len(), 2, "what cannot be good is not asked");
    double.always("login", Trouble::Status(500, json!({ "secret": github::SECRET })));
    get(&backend, "/ghAccessToken?code=x").is(500, json!({ "message": words }));
    double.heal();
    double.always("login", Trouble::Close);
    get(&backend, "/ghAccessToken?code=x").is(500, json!({ "message": words }));
    assert!(!backend.log().contains(github::SECRET));
}

#[test]
fn the_authorization_header_is_echoed() {
    let backend = Backend::start();
    get(&backend, "/getAuth").is(200, json!({}));
    let request = backend.request("GET", &format!("{PREFIX}/getAuth")).header("authorization", "Basic YTpi");
    backend.send(request).is(200, json!({ "authorizationHeader": "Basic YTpi" }));
}

fn sign_in(backend: &Backend, username: &str, password: &str) -> Answer {
    let body = json!({ "username": username, "password": password });
    backend.call("POST", "/users/signIn", None, Some(body))
}

fn developer(backend: &Backend, username: &str, password: &str) {
    let email = format!("{username}@example.org");
    let body = json!({ "username": username, "password": password, "email": email, "authority": "DEVELOPER" });
    backend.admin("POST", "/users/signUp", Some(body)).expect(201);
}

#[test]
fn a_developer_gets_a_token_of_node_red() {
    let double = node_red::start();
    let settings = [
        ("NODE_RED_URL", double.url()),
        ("USER_STATUS", node_red::USER.to_owned()),
        ("PASS_STATUS", node_red::PASSWORD.to_owned()),
        ("RATE_LIMIT_SIGN_IN", "2".to_owned()),
    ];
    let backend = Backend::with(&settings.each_ref().map(|(name, value)| (*name, value.as_str())));
    let (name, password) = node_red::DEVELOPER;
    developer(&backend, name, password);
    let signed_in = sign_in(&backend, name, password).expect(200);
    let body = signed_in.json();
    assert_eq!((&body["nodeRedToken"], &body["nodeRedAccess"]), (&json!(node_red::TOKEN), &Value::Null));
    let cookie = signed_in.cookies().pop().expect("cookies");
    let expected =
        format!("nodeRedToken={}; HttpOnly; SameSite=Lax; Path=/; Max-Age=604800; Expires=", node_red::TOKEN);
    assert!(cookie.starts_with(&expected), "{cookie}");

    // An account that Node-RED does not know.
    sign_up(&backend, "anna", "DEVELOPER");
    let signed_in = sign_in(&backend, "anna", PASSWORD).expect(200);
    let body = signed_in.json();
    let told = "Logged in successfully, but Node-RED access was denied. Check Node-RED credentials.";
    assert_eq!((&body["nodeRedAccess"], &body["message"]), (&json!(false), &json!(told)));
    assert!(body.get("nodeRedToken").is_none() && signed_in.cookies().len() == 2);

    // It gives none.
    double.next(1, "auth/token", Trouble::Status(200, json!({ "access_token": "" })));
    let body = sign_in(&backend, "anna", PASSWORD).expect(200).json();
    assert_eq!((&body["nodeRedAccess"], body.get("nodeRedToken")), (&json!(false), None));

    // Nobody else needs it.
    let asked = double.asked().len();
    sign_up(&backend, "berta", "USER");
    assert_eq!(sign_in(&backend, "berta", PASSWORD).expect(200).json()["nodeRedToken"], "");
    assert_eq!(double.asked().len(), asked);

    // Its failure is one of the sign-in, stores nothing, and is not held against the developer.
    backend.sql(r#"UPDATE "Users" SET refresh_token = ''"#);
    double.always("auth/token", Trouble::Status(500, json!({})));
    for _ in 0..3 {
        sign_in(&backend, "anna", PASSWORD).is(500, json!({ "message": "Internal server error" }));
    }
    assert_eq!(backend.rows(r#"SELECT DISTINCT refresh_token FROM "Users""#), [""]);
    double.heal();
    double.always("auth/token", Trouble::Close);
    sign_in(&backend, "anna", PASSWORD).is(500, json!({ "message": "Internal server error" }));
    double.heal();
    sign_in(&backend, "berta", PASSWORD).expect(200);
}

#[test]
fn without_a_node_red_a_developer_signs_in_all_the_same() {
    let backend = Backend::start();
    sign_up(&backend, "anna", "DEVELOPER");
    let body = sign_in(&backend, "anna", PASSWORD).expect(200).json();
    assert_eq!((&body["nodeRedAccess"], body.get("nodeRedToken")), (&json!(false), None));
}
