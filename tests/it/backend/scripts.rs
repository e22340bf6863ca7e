//! `/scripts` on a real Valkey.

use redis::Commands;
use serde_json::{Value, json};

use super::harness::{Answer, Backend, PREFIX};

const CODE: &str = "module.exports.main = () => 1;";

fn create(backend: &Backend, body: Value) -> String {
    let answer = backend.user("POST", "/scripts", Some(body)).expect(201).json();
    assert_eq!(answer["message"], "Script created successfully");
    answer["id"].as_str().expect("an id").to_owned()
}

fn parse(backend: &Backend, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = backend.request("POST", &format!("{PREFIX}/scripts/parse"));
    backend.send(request.header("content-type", kind).body(body))
}

#[test]
fn a_script_is_created_listed_changed_and_deleted() {
    let backend = Backend::start();
    backend.user("GET", "/scripts", None).is(200, json!([]));
    let id = create(&backend, json!({ "code": CODE, "metadata": { "z": 1, "a": [] } }));
    let path = format!("/scripts/{id}");
    let stored: String = backend.cache().get(format!("script:{id}")).unwrap();
    assert!(stored.starts_with(r#"{"code":"module.exports.main = () => 1;","metadata":{"z":1,"a":[]},"createdAt":""#));
    let listed = backend.user("GET", "/scripts", None).expect(200).json();
    let keys: Vec<_> = listed[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "code", "metadata", "createdAt"]);
    assert_eq!((&listed[0]["id"], &listed[0]["metadata"]), (&json!(id), &json!({ "z": 1, "a": [] })));
    // Whatever is false in JavaScript stays as it was; the entry is not looked for.
    let changed = json!({ "message": "Script updated successfully" });
    backend.user("PUT", &path, Some(json!({ "code": "", "metadata": { "b": 2 } }))).is(200, changed.clone());
    backend.user("PUT", &path, Some(json!({ "code": "2", "metadata": 0 }))).is(200, changed);
    let listed = backend.user("GET", "/scripts", None).expect(200).json();
    assert_eq!((&listed[0]["code"], &listed[0]["metadata"]), (&json!("2"), &json!({ "b": 2 })));
    assert!(listed[0]["updatedAt"].as_str().unwrap() >= listed[0]["createdAt"].as_str().unwrap());
    backend.user("DELETE", &path, Some(json!({}))).is(200, json!({ "message": "Script deleted successfully" }));
    let none = json!({ "error": "Script not found" });
    backend.user("DELETE", &path, None).is(404, none.clone());
    backend.user("PUT", &path, Some(json!({ "code": "3" }))).is(404, none.clone());
    backend.call("GET", &path, None, None).is(404, none);
}

#[test]
fn flows_download_a_script_without_a_token_and_a_browser_runs_none_of_it() {
    let backend = Backend::start();
    let id = create(&backend, json!({ "code": format!(r#"{CODE}\nlog(\"x\")"#) }));
    let answer = backend.call("GET", &format!("/scripts/{id}"), None, None).expect(200);
    assert_eq!(answer.text, format!("{CODE}\nlog(\"x\")"));
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers["content-security-policy"], "default-src 'none'; sandbox");
    for (method, path) in [("GET", "/scripts"), ("POST", "/scripts"), ("DELETE", "/scripts"), ("PUT", "/scripts/x")] {
        backend.call(method, path, None, None).is(401, json!({ "message": "No token provided" }));
    }
}

#[test]
fn all_scripts_are_deleted_and_nothing_else() {
    let backend = Backend::start();
    // More than one step of a scan, between other keys, and one that is no script.
    let mut cache = backend.cache();
    for number in 0..250 {
        let text = json!({ "code": CODE, "metadata": {}, "createdAt": "2025-01-01T00:00:00.000Z" }).to_string();
        let () = cache.set(format!("script:00000000-0000-4000-8000-{number:012}"), text).unwrap();
        let () = cache.set(format!("00000000-0000-4000-8000-{number:012}"), "true").unwrap();
    }
    let () = cache.set("script:broken", "no JSON").unwrap();
    let listed = backend.user("GET", "/scripts", None).expect(200).json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 250);
    assert_eq!(listed[7]["id"], "00000000-0000-4000-8000-000000000007");
    backend
        .user("DELETE", "/scripts", Some(json!({})))
        .is(200, json!({ "message": "All scripts deleted successfully" }));
    backend.user("GET", "/scripts", None).is(200, json!([]));
    let left: Vec<String> = cache.keys("*-4000-8000-*").unwrap();
    assert_eq!(left.len(), 250);
}

#[test]
fn changes_at_once_lose_nothing() {
    let backend = Backend::start();
    let id = create(&backend, json!({ "code": CODE }));
    let path = format!("{PREFIX}/scripts/{id}");
    let put = |body: Value| {
        let request = backend.request("PUT", &path).header("x-access-token", backend.token("USER"));
        tokio::spawn(super::harness::answer(request.json(&body)))
    };
    backend.block_on(async {
        for round in 0..20 {
            let (code, metadata) = (json!({ "code": format!("c{round}") }), json!({ "metadata": { "m": round } }));
            let (one, two) = tokio::join!(put(code), put(metadata));
            assert_eq!((one.unwrap().status, two.unwrap().status), (200, 200));
            let stored: String = backend.cache().get(format!("script:{id}")).unwrap();
            let stored: Value = serde_json::from_str(&stored).unwrap();
            assert_eq!(stored["code"], format!("c{round}"));
            assert_eq!(stored["metadata"], json!({ "m": round }));
        }
    });
}

#[test]
fn a_script_that_cannot_be_is_refused() {
    let backend = Backend::start();
    let no_code = json!({ "error": "Code is required." });
    for body in [json!({}), json!([]), json!({ "code": "" }), json!({ "code": null }), json!({ "code": 0 })] {
        backend.user("POST", "/scripts", Some(body)).is(400, no_code.clone());
    }
    for body in [json!({ "code": 5 }), json!({ "code": ["module.exports.main"] }), json!({ "code": {} })] {
        assert_eq!(backend.user("POST", "/scripts", Some(body)).expect(400).json()["error"], "Code is required.");
    }
    let no_entry = json!({ "error": "The code must include a module.exports.main function." });
    backend.user("POST", "/scripts", Some(json!({ "code": "main()" }))).is(400, no_entry);
    let metadata = json!({ "error": "metadata must be an object" });
    backend.user("POST", "/scripts", Some(json!({ "code": CODE, "metadata": "x" }))).is(400, metadata.clone());
    backend.user("PUT", "/scripts/x", Some(json!({ "metadata": [1] }))).is(400, metadata);
    let large = json!({ "code": format!("{CODE}{}", "x".repeat(100 << 10)) });
    backend.user("POST", "/scripts", Some(large)).expect(413);
    backend.user("GET", "/scripts", None).is(200, json!([]));
    // Null bytes and every other text are good for the cache.
    let id = create(&backend, json!({ "code": format!("{CODE}\u{0}'; DROP") }));
    assert_eq!(backend.call("GET", &format!("/scripts/{id}"), None, None).text, format!("{CODE}\u{0}'; DROP"));
    backend.call("GET", "/scripts/*", None, None).expect(404);
}

#[test]
fn a_source_becomes_a_json_text_with_tabs() {
    let backend = Backend::start();
    let answer = parse(&backend, "text/plain; charset=utf-8", format!("{CODE}\n        a(\"ñ\")\n   b")).expect(200);
    assert_eq!(answer.text, r#""module.exports.main = () => 1;\n\t\ta(\"ñ\")\n   b""#);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    let no_entry = "The code must include a module.exports.main function.";
    parse(&backend, "text/plain", "nothing").is(400, json!({ "error": no_entry }));
    let refused = |kind: &str, body: Vec<u8>| parse(&backend, kind, body).expect(400).json()["error"].clone();
    assert_eq!(refused("application/json", br#"{"code":"module.exports.main"}"#.to_vec()), no_entry);
    assert_eq!(refused("text/plain", b"module.exports.main \xff".to_vec()), no_entry);
    parse(&backend, "text/plain; charset=latin1", CODE).expect(415);
    parse(&backend, "text/plain", "x".repeat((100 << 10) + 1)).expect(413);
}
