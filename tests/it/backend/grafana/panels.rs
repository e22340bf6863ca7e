//! Panels of a dashboard.

use serde_json::{Value, json};

use super::{Pair, uid};
use crate::backend::harness::{PREFIX, answer};
use crate::doubles::Trouble;

fn gauge(title: &str) -> Value {
    json!({
        "title": title, "type": "gauge", "displayName": "Name", "table": "Points",
        "sqlQuery": { "aggregations": [{ "func": "COUNT", "attr": "*" }], "table": "Points" },
    })
}

#[test]
fn a_panel_is_added_listed_changed_and_removed() {
    let pair = Pair::start();
    let folder = pair.folder("Folder");
    let body = json!({ "dashboard": { "title": "T" }, "folderUid": folder });
    let dashboard = uid(&pair.post("/dashboard", body).expect(201).json());
    let path = format!("/dashboard/{dashboard}/panel");
    let empty = json!({ "message": "No panels found in dashboard" });
    pair.get(&path).is(404, empty.clone());
    pair.get(&format!("{path}/query")).is(404, empty.clone());

    let sql = "SELECT COUNT(*) FROM statusdb.Points";
    let added = pair.post(&path, gauge("A")).expect(201).json();
    let place = json!({ "h": 8, "w": 12, "x": 0, "y": 0 });
    let expected = json!({
        "panelId": 0, "title": "A", "type": "gauge", "rawSql": sql, "displayName": "Name", "gridPos": place,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(added[name], *value, "{name}");
    }
    assert_eq!((&added["uid"], &added["status"], &added["version"]), (&json!(dashboard), &json!("success"), &json!(2)));
    let sent = pair.grafana.server.last().json();
    assert_eq!((&sent["folderUid"], &sent["message"]), (&json!(folder), &json!("Panel added successfully")));

    let view = json!({
        "id": 0, "title": "A", "type": "gauge", "rawSql": sql, "displayName": "Name", "gridPos": place,
    });
    pair.get(&path).is(200, json!([view]));
    let query = json!([{ "id": 0, "title": "A", "displayName": "Name", "rawSql": sql, "type": "gauge" }]);
    pair.get(&format!("{path}/query")).is(200, query);
    pair.get(&format!("{path}/0/query")).is(200, view);

    // The next one pushes it down, and is where it is wished to be.
    let mut second = gauge("B");
    second["gridPos"] = json!({ "x": 3, "y": 4, "w": 5, "h": 6 });
    assert_eq!(pair.post(&path, second).expect(201).json()["panelId"], 1);
    assert_eq!(pair.get(&path).expect(200).json()[0]["gridPos"]["y"], 8);

    let patch = |id: &str, body: Value| pair.backend.user("PATCH", &format!("/grafana{path}/{id}"), Some(body));
    let change = json!({ "title": "C", "sqlQuery": { "columns": ["id"] } });
    assert_eq!(patch("1", change).expect(200).json()["uid"], *dashboard);
    let changed = pair.get(&format!("{path}/1/query")).expect(200).json();
    let expected = json!({
        "id": 1, "title": "C", "type": "gauge", "rawSql": "SELECT id FROM statusdb.computation", "displayName": "Name",
        "gridPos": { "x": 3, "y": 4, "w": 5, "h": 6 },
    });
    assert_eq!(changed, expected);

    let missing = json!({ "message": "Panel not found in dashboard" });
    for id in ["9", "x", "1%27%20OR%201"] {
        pair.get(&format!("{path}/{id}/query")).is(404, missing.clone());
        patch(id, json!({ "title": "x" })).is(404, missing.clone());
        pair.delete(&format!("{path}/{id}")).is(404, missing.clone());
    }
    pair.delete(&format!("{path}/0")).expect(200);
    pair.delete(&format!("{path}/1")).expect(200);
    pair.delete(&format!("{path}/1")).is(404, empty.clone());
    patch("1", json!({})).is(404, empty);
    pair.get(&format!("{path}/1/query")).is(404, missing);
    assert_eq!(pair.grafana.dashboard(&dashboard).expect("there")["panels"], json!([]));
}

/// The titles of a dashboard's panels, as Grafana keeps them.
fn kept(pair: &Pair, dashboard: &str) -> Vec<String> {
    let dashboard = pair.grafana.dashboard(dashboard).expect("there");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    panels.map(|panel| panel["title"].as_str().expect("a title").to_owned()).collect()
}

#[test]
fn panels_that_are_added_at_once_are_all_there() {
    const AT_ONCE: usize = 12;
    let pair = Pair::start();
    let dashboard = pair.dashboard("T");
    let backend = &pair.backend;
    let add = |number: usize| {
        let request = backend.request("POST", &format!("{PREFIX}/grafana/dashboard/{dashboard}/panel"));
        answer(request.header("x-access-token", backend.token("USER")).json(&gauge(&format!("panel {number}"))))
    };
    let answers = backend.block_on(futures_util::future::join_all((0..AT_ONCE).map(add)));
    let mut ids: Vec<i64> =
        answers.into_iter().map(|answer| answer.expect(201).json()["panelId"].as_i64().expect("an id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..AT_ONCE as i64).collect::<Vec<_>>());
    assert_eq!(kept(&pair, &dashboard).len(), AT_ONCE);
    // Nobody had to be told that another one was faster.
    assert_eq!(
        pair.grafana.server.lines().iter().filter(|line| line.starts_with("POST /api/dashboards/db")).count(),
        AT_ONCE + 1
    );
}

#[test]
fn what_somebody_else_stored_meanwhile_is_kept() {
    let pair = Pair::start();
    let dashboard = pair.dashboard("T");
    let path = format!("/dashboard/{dashboard}/panel");
    pair.grafana.meddle(1);
    let added = pair.post(&path, gauge("Ours")).expect(201).json();
    assert_eq!(kept(&pair, &dashboard), ["Theirs", "Ours"]);
    assert!(added["panelId"].as_i64().is_some_and(|id| id > 100), "{added}");
    assert_eq!(added["title"], "Ours");

    let ours = format!("{path}/{}", added["panelId"]);
    pair.grafana.meddle(2);
    pair.backend.user("PATCH", &format!("/grafana{ours}"), Some(json!({ "title": "Changed" }))).expect(200);
    assert_eq!(kept(&pair, &dashboard), ["Theirs", "Changed", "Theirs", "Theirs"]);
    pair.grafana.meddle(1);
    pair.delete(&ours).expect(200);
    assert_eq!(kept(&pair, &dashboard), ["Theirs"; 4]);

    // Whoever is always too late is told so, and has changed nothing.
    pair.grafana.meddle(u32::MAX);
    let told = "Failed to delete panel in Grafana: Precondition Failed";
    let text = "The dashboard has been changed by someone else";
    let theirs = pair.grafana.dashboard(&dashboard).expect("there")["panels"][0]["id"].clone();
    pair.delete(&format!("{path}/{theirs}")).is(412, json!({ "message": told, "error": text }));
    assert_eq!(kept(&pair, &dashboard), ["Theirs"; 7]);
}

#[test]
fn another_refusal_of_the_same_status_is_not_tried_again() {
    let pair = Pair::start();
    let dashboard = pair.dashboard("T");
    let refusal =
        json!({ "message": "A dashboard with the same name in the folder already exists", "status": "name-exists" });
    pair.grafana.server.always("POST /api/dashboards/db", Trouble::Status(412, refusal));
    let before = pair.grafana.server.asked().len();
    pair.post(&format!("/dashboard/{dashboard}/panel"), gauge("A")).expect(412);
    assert_eq!(pair.grafana.server.asked().len(), before + 2);
}

#[test]
fn a_panel_that_cannot_be_is_refused_and_the_dashboard_stays() {
    let pair = Pair::start();
    let dashboard = pair.dashboard("T");
    let path = format!("/dashboard/{dashboard}/panel");
    pair.post(&path, gauge("A")).expect(201);
    let before = pair.grafana.dashboard(&dashboard).expect("there");
    let cases = [
        ("title", json!(1), "title must be a string"),
        ("type", json!("text"), "Panel type not supported: text"),
        ("sqlQuery", json!("SELECT 1"), "sqlQuery must be an object"),
        ("displayName", json!([]), "displayName must be a string"),
        ("gridPos", json!([0, 0]), "gridPos must be an object"),
        ("gridPos", json!({ "x": "left" }), "gridPos.x must be an integer"),
        ("table", json!("a\u{0}"), "table must not contain a null byte"),
    ];
    for (name, value, detail) in cases {
        let mut body = gauge("B");
        body[name] = value.clone();
        let refusal = |verb: &str| json!({ "message": format!("Failed to {verb} in Grafana due to server error"), "error": detail });
        pair.post(&path, body).is(400, refusal("import dashboard"));
        let change = pair.backend.user("PATCH", &format!("/grafana{path}/0"), Some(json!({ name: value })));
        change.is(400, refusal("update panel"));
    }
    let text = "Failed to import dashboard in Grafana due to server error";
    for name in ["title", "type", "sqlQuery"] {
        let mut body = gauge("B");
        body[name] = Value::Null;
        pair.post(&path, body).is(400, json!({ "message": text, "error": format!("{name} is required") }));
    }
    let mut body = gauge("B");
    body["sqlQuery"] = json!({ "columns": "id" });
    let refused = pair.post(&path, body).expect(400).json();
    assert!(refused["error"].as_str().is_some_and(|text| text.starts_with("sqlQuery is not a query: ")), "{refused}");
    assert_eq!(pair.grafana.dashboard(&dashboard).expect("there"), before);
}
