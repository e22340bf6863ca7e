//! What lies outside of the API, and what every request meets.

use serde_json::json;

use super::harness::{PREFIX, Registry, agreement};

#[test]
fn the_landing_page_and_its_files_are_there() {
    let registry = Registry::start();
    let get = |path: &str| registry.send(registry.request("GET", path));
    let page = get("/").expect(200);
    assert!(page.text.contains("Governify Registry") && page.headers["content-type"] == "text/html; charset=utf-8");
    for path in page
        .text
        .split('"')
        .filter(|part| part.starts_with("/css") || part.starts_with("/js") || part.starts_with("/img"))
    {
        get(path).expect(200);
    }
    let icon = registry.block_on(async { registry.request("GET", "/favicon.ico").send().await?.bytes().await });
    assert!(icon.unwrap().starts_with(&[0, 0, 1, 0]));
    let info = get("/api/info").expect(200).json();
    assert_eq!((&info["name"], &info["version"]), (&json!("governify-registry"), &json!("3.8.0")));
    assert!(info["description"].is_string());
    let memory = get("/heapStats").expect(200).json();
    assert!(memory["rss"].as_f64().unwrap() > 1.0 && memory["units"] == "MB", "{memory}");
}

#[test]
fn the_documents_are_where_the_original_has_them() {
    let registry = Registry::start();
    let document = registry.send(registry.request("POST", "/api/v6/api-docs/anything")).expect(200).json();
    assert_eq!((&document["openapi"], &document["paths"].as_object().unwrap().len()), (&json!("3.0.0"), &21));
    // The client follows redirects.
    assert_eq!(registry.send(registry.request("GET", "/api/latest/api-docs")).expect(200).json(), document);
    let page = registry.send(registry.request("GET", "/api/latest/docs")).expect(200);
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    let strict = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    for (path, status, target) in [
        ("/api/latest/docs", 302, "/api/v6/docs"),
        ("/api/latest/api-docs", 302, "/api/v6/api-docs"),
        ("/api/v6/docs", 301, "/api/v6/docs/"),
    ] {
        let answer = registry.block_on(strict.get(format!("{}{path}", registry.address)).send()).unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (status, target));
    }
}

#[test]
fn health_and_measurements_are_beside_the_api() {
    let mut registry = Registry::start();
    registry.get("/agreements").expect(200);
    let get = |registry: &Registry, path: &str| registry.send(registry.request("GET", path));
    assert_eq!(get(&registry, "/health/live").expect(200).json(), json!({ "status": "live" }));
    let ready = get(&registry, "/health/ready").expect(200).json();
    assert!(ready["checks"]["database"]["latency_ms"].is_number(), "{ready}");
    let metrics = get(&registry, "/metrics").expect(200).text;
    assert!(metrics.contains("route=\"/api/v6/agreements\""), "{metrics}");
    assert_eq!(registry.stop(), 0);
}

#[test]
fn spelling_does_not_matter_and_unknown_addresses_are_a_page() {
    let registry = Registry::start();
    registry.post("/agreements", agreement("Tpa", 1)).expect(200);
    for path in ["/API/V6/Agreements/Tpa", "/api/v6/agreements/Tpa/"] {
        assert_eq!(registry.send(registry.request("GET", path)).expect(200).json()["id"], "Tpa");
    }
    registry.get("/agreements/tpa").expect(404);
    let page = registry.get("/states").expect(404);
    assert!(page.text.contains("Cannot GET /api/v6/states"), "{}", page.text);
    let preflight =
        registry.send(registry.request("OPTIONS", "/anything").header("access-control-request-headers", "x-a"));
    assert_eq!((preflight.status, &preflight.headers["access-control-allow-headers"]), (204, &"x-a".parse().unwrap()));
    let form = registry.request("POST", &format!("{PREFIX}/agreements")).body("id=of-a-form&version=2");
    registry.send(form.header("content-type", "application/x-www-form-urlencoded")).expect(200);
    assert_eq!(registry.get("/agreements/of-a-form").expect(200).json()["version"], "2");
    let bad =
        registry.request("POST", &format!("{PREFIX}/agreements")).header("content-type", "application/json").body("{");
    assert_eq!(registry.send(bad).expect(400).json()["code"], 400);
    assert_eq!(registry.get("/agreements").headers["access-control-allow-origin"], "*");
    assert_eq!(
        registry.send(registry.request("GET", "/COMMONS")).expect(200).json()["serviceName"],
        "governify-registry"
    );
}

#[test]
fn another_prefix_moves_the_api_and_not_the_documents() {
    let registry = Registry::with(&[("API_PREFIX", "/registry")]);
    let get = |path: &str| registry.send(registry.request("GET", path));
    get("/registry/agreements").expect(200);
    get("/api/v6/agreements").expect(404);
    assert_eq!(get("/api/v6/api-docs").expect(200).json()["servers"][0]["url"], "/registry");
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let registry = Registry::with(&[("GOV_CONFIG_main_server_bodySize", "1kb")]);
    registry.post("/agreements", agreement("tpa-1", 5)).expect(413);
    registry.post("/agreements", json!({ "id": "a" })).expect(200);
}

#[test]
fn what_is_wrong_with_the_settings_is_told_at_once() {
    let registry = Registry::prepared(&[("PORT", "x"), ("HTTPS_SERVER", "true"), ("REGISTRY_MAX_RECORDS", "0")]);
    let mut process = crate::support::Running::start(registry.command());
    assert_eq!(process.end(), 5);
    let log = registry.log();
    for name in ["PORT", "HTTPS_SERVER", "REGISTRY_MAX_RECORDS", "docs/registry.md"] {
        assert!(log.contains(name), "{name} in {log}");
    }
}
