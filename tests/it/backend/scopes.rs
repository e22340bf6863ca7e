//! `/scopes`, and with it what holds for every route: tokens, the gate, spelling, CORS, bodies.

use serde_json::{Value, json};

use super::harness::{Backend, PREFIX, token};

fn country() -> Value {
    json!({ "name": "My  Country", "description": "area", "default": "*" })
}

#[test]
fn a_scope_is_created_read_changed_and_deleted() {
    let backend = Backend::start();
    backend.user("GET", "/scopes", None).is(200, json!([]));
    let created = backend.user("POST", "/scopes", Some(country())).expect(201).json();
    assert_eq!(created["name"], "my_country");
    assert_eq!(created["type"], "string");
    let keys: Vec<_> = created.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "name", "description", "type", "default", "createdAt", "updatedAt"]);
    let path = format!("/scopes/{}", created["id"].as_str().unwrap());
    backend.user("GET", &path, None).is(200, created.clone());
    let changed = backend.user("PUT", &path, Some(json!({ "name": "City" }))).expect(200).json();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("city"), &json!("area")));
    backend.user("GET", "/scopes", None).is(200, json!([changed]));
    // The web client sends a body with every DELETE.
    assert_eq!(backend.user("DELETE", &path, Some(json!({}))).expect(204).text, "");
    backend.user("GET", &path, None).is(404, json!({ "error": "Scope not found" }));
    backend.user("PUT", &path, Some(json!({ "name": "x" }))).is(404, json!({ "error": "Scope not found" }));
    backend.user("DELETE", &path, None).is(404, json!({ "error": "Scope not found" }));
}

#[test]
fn a_scope_that_cannot_be_is_refused_and_nothing_is_written() {
    let backend = Backend::start();
    let name = json!({ "error": "Name must be a string" });
    for body in [json!({}), json!({ "name": 3 }), json!({ "name": null, "description": "d" }), json!([])] {
        backend.user("POST", "/scopes", Some(body)).is(400, name.clone());
    }
    for body in [
        json!({ "name": "x", "default": "*" }),
        json!({ "name": "x", "description": "d" }),
        json!({ "name": "x\u{0}", "description": "d", "default": "*" }),
        json!({ "name": "x".repeat(256), "description": "d", "default": "*" }),
        json!({ "name": "x", "description": ["d"], "default": "*" }),
    ] {
        let answer = backend.user("POST", "/scopes", Some(body)).expect(400).json();
        assert_eq!(answer["error"], "Failed to create scope");
    }
    let injection = "'; DROP TABLE \"Scopes\"; --";
    backend
        .user("POST", "/scopes", Some(json!({ "name": injection, "description": injection, "default": "*" })))
        .expect(201);
    assert_eq!(backend.user("GET", "/scopes", None).json().as_array().unwrap().len(), 1);
    backend.user("GET", "/scopes/not-an-id", None).is(400, json!({ "error": "Invalid UUID for parameter: id" }));
    // A Grafana UID passes the check and names no scope.
    backend.user("GET", "/scopes/ae08pn1m04lxcd", None).is(404, json!({ "error": "Scope not found" }));
}

#[test]
fn a_token_is_asked_for_and_may_come_in_three_ways() {
    let backend = Backend::start();
    let path = format!("{PREFIX}/scopes");
    let with = |name: &str, value: &str| backend.send(backend.request("GET", &path).header(name, value));
    let user = backend.token("USER");
    with("x-other", "").is(401, json!({ "message": "No token provided" }));
    with("x-access-token", &user).expect(200);
    with("authorization", &format!("Bearer {user}")).expect(200);
    with("cookie", &format!("a=b; accessToken={user}")).expect(200);
    with("x-access-token", "nonsense").is(401, json!({ "message": "Unauthorized" }));
    // Without `exp`, as the original's own tests mint them.
    with("x-access-token", &token(json!({ "userId": 1, "authority": "USER" }))).expect(200);
}

#[test]
fn addresses_are_spelled_loosely_and_unknown_ones_end_as_promised() {
    let backend = Backend::start();
    let get = |path: &str, token: Option<&str>| {
        let request = backend.request("GET", path);
        backend.send(token.into_iter().fold(request, |request, token| request.header("x-access-token", token)))
    };
    let (user, admin) = (backend.token("USER"), backend.token("ADMIN"));
    get("/api/v1/scopes/", Some(&user)).expect(200);
    get("/api/v1/scopes/?x=/API/v1", Some(&user)).expect(200);
    get("/api/v1/nothing", None).is(404, json!({ "message": "Endpoint not found" }));
    get("/api/v1/Scopes", Some(&user)).is(404, json!({ "message": "Endpoint not found" }));
    get("/api/v1/scopes/a/b/c", None).is(401, json!({ "message": "No token provided" }));
    get("/api/v1/scopes/a/b/c", Some(&user)).is(403, json!({ "message": "Forbidden" }));
    let page = get("/api/v1/scopes/a/b/<c>", Some(&admin)).expect(404);
    assert!(page.text.contains("Cannot GET /api/v1/scopes/a/b/"), "{}", page.text);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(get("/", None).expect(200).text, "Welcome to the API!");
    let head = backend.send(backend.request("HEAD", "/")).expect(200);
    assert_eq!(head.text, "");
}

#[test]
fn any_origin_may_call_and_a_preflight_needs_nothing() {
    let backend = Backend::start();
    let preflight = backend.request("OPTIONS", "/api/v1/nothing").header("origin", "http://localhost:3000");
    let preflight = backend.send(preflight).expect(204);
    assert_eq!(preflight.headers["access-control-allow-origin"], "http://localhost:3000");
    assert_eq!(preflight.headers["access-control-allow-credentials"], "true");
    assert_eq!(preflight.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert_eq!(preflight.headers["access-control-allow-headers"], "Content-Type,Authorization,Set-Cookie");
    let plain = backend.send(backend.request("GET", "/"));
    assert!(!plain.headers.contains_key("access-control-allow-origin"));
}

#[test]
fn a_body_that_is_no_json_is_refused_before_anything_else() {
    let backend = Backend::start();
    let post = |body: String| {
        let request = backend.request("POST", "/api/v1/scopes").header("content-type", "application/json");
        backend.send(request.body(body)).status
    };
    assert_eq!(post("{".to_owned()), 400);
    assert_eq!(post("3".to_owned()), 400);
    assert_eq!(post("[".repeat(5000)), 400);
    assert_eq!(post(format!("{{\"a\":\"{}\"}}", "x".repeat(200 << 10))), 413);
    // An absent body is an empty one.
    assert_eq!(post(String::new()), 401);
}

#[test]
fn it_says_whether_it_is_ready_and_what_it_has_done() {
    let mut backend = Backend::start();
    let ready = backend.send(backend.request("GET", "/health/ready")).expect(200).json();
    assert_eq!(ready["checks"]["database"]["status"], "up", "{ready}");
    assert_eq!(ready["checks"]["cache"]["status"], "up", "{ready}");
    backend.send(backend.request("GET", "/health/live")).expect(200);
    backend.user("GET", "/scopes", None).expect(200);
    let metrics = backend.send(backend.request("GET", "/metrics")).expect(200).text;
    let line = r#"http_requests_total{route="/scopes",method="GET",status="200"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    let with_id = backend.send(backend.request("GET", "/").header("x-request-id", "abc-1"));
    assert_eq!(with_id.headers["x-request-id"], "abc-1");
    assert_eq!(backend.stop(), 0);
    assert!(!backend.log().contains(super::harness::SECRET));
}
