//! How every route fails: with Grafana's status in the style of the route, or without any answer of Grafana's.

use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

use super::Pair;
use crate::backend::harness::{Answer, Backend};
use crate::doubles::Trouble;
use crate::doubles::grafana_http::{PASSWORD, USER};

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Dump,
    Pass,
    Wrap,
}

struct Route {
    method: &'static str,
    path: &'static str,
    body: Value,
    style: Style,
    /// What fails, as in `Failed to … in Grafana`.
    what: &'static str,
}

impl Route {
    #[track_caller]
    fn ask(&self, backend: &Backend) -> Answer {
        let answer = backend.user(self.method, &format!("/grafana{}", self.path), Some(self.body.clone()));
        assert!(!answer.text.contains(PASSWORD), "{}", answer.text);
        assert!(!answer.text.contains(&basic()), "{}", answer.text);
        answer
    }

    fn text(&self) -> String {
        format!("Failed to {} in Grafana", self.what)
    }
}

/// What Grafana is sent of us.
fn basic() -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

/// Every route that asks Grafana, with a request that gets so far.
fn routes() -> Vec<Route> {
    use Style::{Dump, Pass, Wrap};
    const UID: &str = "/dashboard/ae08pn1m04lxcd";
    let mut all = Vec::new();
    let mut route = |method, path, body, style, what| all.push(Route { method, path, body, style, what });
    route("GET", "/search", json!({}), Pass, "search");
    route("POST", "/serviceaccount", json!({ "name": "a" }), Dump, "create service account");
    route("GET", "/serviceaccount/1", json!({}), Dump, "retrieve service account");
    route("POST", "/serviceaccount/1/token", json!({ "name": "t" }), Pass, "create service account token");
    route("GET", "/folder", json!({}), Dump, "retrieve folders");
    route("POST", "/folder", json!({ "title": "t" }), Pass, "create folder");
    route("GET", "/folder/ae08pn1m04lxcd", json!({}), Dump, "retrieve folder");
    route("PUT", "/folder/ae08pn1m04lxcd", json!({ "title": "t" }), Pass, "update folder");
    route("DELETE", "/folder/ae08pn1m04lxcd", json!({}), Pass, "delete folder");
    route("GET", "/folder/ae08pn1m04lxcd/dashboard", json!({}), Dump, "retrieve dashboards");
    route("POST", "/dashboard", json!({ "dashboard": { "title": "t" } }), Dump, "create dashboard");
    route("POST", "/dashboard", json!({ "name": "t", "folderId": "1" }), Dump, "create dashboard");
    route("POST", "/dashboard/template", json!({ "name": "t" }), Pass, "create dashboard template");
    route("POST", "/dashboard/import", json!({ "dashboard": { "title": "t" } }), Dump, "import dashboard");
    route("GET", UID, json!({}), Dump, "retrieve dashboard");
    route("DELETE", UID, json!({}), Wrap, "delete dashboard");
    route("GET", "/dashboard/ae08pn1m04lxcd/panel", json!({}), Dump, "retrieve dashboard");
    let panel = json!({ "title": "t", "type": "gauge", "sqlQuery": {} });
    route("POST", "/dashboard/ae08pn1m04lxcd/panel", panel, Dump, "import dashboard");
    route("PATCH", "/dashboard/ae08pn1m04lxcd/panel/0", json!({ "title": "t" }), Wrap, "update panel");
    route("DELETE", "/dashboard/ae08pn1m04lxcd/panel/0", json!({}), Wrap, "delete panel");
    route("GET", "/dashboard/ae08pn1m04lxcd/panel/query", json!({}), Dump, "retrieve dashboard");
    route("GET", "/dashboard/ae08pn1m04lxcd/panel/0/query", json!({}), Dump, "retrieve dashboard");
    route("GET", "/datasource", json!({}), Dump, "retrieve datasources");
    let source = json!({ "datasourceName": "d", "type": "t", "url": "u", "access": "proxy" });
    route("POST", "/datasource", source, Wrap, "create datasource");
    all
}

fn dump(status: u16) -> Value {
    let code = if status < 500 { "ERR_BAD_REQUEST" } else { "ERR_BAD_RESPONSE" };
    let message = format!("Request failed with status code {status}");
    json!({ "message": message, "name": "AxiosError", "code": code, "status": status })
}

#[test]
fn a_status_of_grafanas_is_told_in_the_style_of_the_route() {
    let pair = Pair::start();
    for (status, reason) in
        [(401, "Unauthorized"), (404, "Not Found"), (412, "Precondition Failed"), (500, "Internal Server Error")]
    {
        let said = json!({ "message": "Grafana's own words", "messageId": "x" });
        pair.grafana.server.heal();
        pair.grafana.server.always(" /api/", Trouble::Status(status, said.clone()));
        for route in routes() {
            let expected = match route.style {
                Style::Dump => dump(status),
                Style::Pass => said.clone(),
                Style::Wrap => {
                    json!({ "message": format!("{}: {reason}", route.text()), "error": "Grafana's own words" })
                }
            };
            let answer = route.ask(&pair.backend);
            assert_eq!((answer.status, answer.json()), (status, expected), "{} {}", route.method, route.path);
        }
    }
    let log = pair.backend.log();
    assert!(log.contains("Grafana answered 500") && log.contains("Grafana answered 401"), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains(&basic()), "{log}");
}

#[test]
fn a_grafana_that_is_not_there_is_500_in_the_words_of_the_route() {
    let backend = Backend::start();
    for route in routes() {
        let expected = json!({
            "message": format!("{} due to server error", route.text()), "error": "Grafana is not configured",
        });
        let answer = route.ask(&backend);
        assert_eq!((answer.status, answer.json()), (500, expected), "{} {}", route.method, route.path);
    }
}

#[test]
fn who_has_no_token_does_not_reach_grafana() {
    let pair = Pair::start();
    for route in routes() {
        let path = format!("/grafana{}", route.path);
        let answer = pair.backend.call(route.method, &path, None, Some(route.body));
        answer.is(401, json!({ "message": "No token provided" }));
    }
    assert!(pair.grafana.server.asked().is_empty());
}

#[test]
fn a_grafana_that_fails_is_waited_for_three_seconds_and_then_left_alone() {
    let pair = Pair::start();
    let text = "Failed to retrieve folders in Grafana due to server error";
    let fails = |detail: &str| pair.get("/folder").is(500, json!({ "message": text, "error": detail }));

    pair.grafana.server.next(1, "/api/folders", Trouble::Text("no JSON"));
    fails("Grafana gave an answer that cannot be understood");
    pair.grafana.server.next(1, "/api/folders", Trouble::Status(302, json!({})));
    fails("Grafana answered 302");
    pair.grafana.server.next(1, "/api/folders", Trouble::Hang);
    let began = Instant::now();
    fails("Grafana did not answer within 3 s");
    let took = began.elapsed();
    assert!((Duration::from_secs(3)..Duration::from_secs(5)).contains(&took), "{took:?}");

    pair.grafana.server.always("/api/folders", Trouble::Close);
    fails("Grafana cannot be reached");
    // After so many failures it is not asked any more.
    let mut asked = 0;
    let last = loop {
        let body = pair.get("/folder").expect(500).json();
        asked += 1;
        assert_eq!(body["message"], text);
        if body["error"] != "Grafana cannot be reached" || asked > 20 {
            break body;
        }
    };
    assert_eq!(last["error"], "Grafana has failed repeatedly and is not asked for now");
    let log = pair.backend.log();
    assert!(!log.contains(PASSWORD) && !log.contains(&basic()), "{log}");
}

#[test]
fn the_document_says_that_grafana_may_answer_with_any_status() {
    let backend = Backend::start();
    let document = backend.send(backend.request("GET", "/api-docs")).expect(200).json();
    let paths = document["paths"].as_object().expect("paths").iter();
    let mut operations = 0;
    for (path, item) in paths.filter(|(path, _)| path.starts_with("/grafana/")) {
        let asks_grafana = !path.starts_with("/grafana/sql/");
        for (method, operation) in item.as_object().expect("operations") {
            operations += 1;
            for status in ["default", "500"] {
                assert_eq!(operation["responses"].get(status).is_some(), asks_grafana, "{method} {path} {status}");
            }
        }
    }
    // The two that ask nobody besides.
    let distinct =
        routes().into_iter().map(|route| (route.method, route.path)).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(operations, distinct.len() + 2);
}
