//! `/controls/{id}/panels`.

use serde_json::json;

use super::harness::Backend;
use crate::doubles::grafana_http::{self, Grafana};
use crate::doubles::{Server, Trouble};

const DASHBOARDS: [&str; 2] = ["ae08pn1m04lxcd", "be08pn1m04lxcd"];

/// Control 1 is there, and a Grafana with two dashboards of two panels each.
fn with_grafana() -> (Backend, Grafana) {
    let grafana = Grafana::start();
    let backend = Backend::with(&[
        ("GRAFANA_URL", &grafana.url()),
        ("GRAFANA_USER", grafana_http::USER),
        ("GRAFANA_PASSWORD", grafana_http::PASSWORD),
    ]);
    backend.sql("INSERT INTO control (name, period) VALUES ('c', 'DAILY')");
    for uid in DASHBOARDS {
        let target = json!({ "rawSql": "SELECT 1", "table": "computation", "alias": "Alias" });
        let panel = |id: u8| {
            json!({
                "id": id, "title": format!("{uid} {id}"), "type": "gauge", "gridPos": { "x": 0, "y": 0, "w": 12, "h": 8 },
                "targets": [target],
            })
        };
        let model = json!({ "uid": uid, "title": uid, "panels": [panel(1), panel(2)] });
        let request = backend.http.post(format!("{}/api/dashboards/db", grafana.url()));
        let request = request.basic_auth(grafana_http::USER, Some(grafana_http::PASSWORD));
        backend.send(request.json(&json!({ "dashboard": model }))).expect(200);
    }
    (backend, grafana)
}

fn asked_for_dashboards(grafana: &Server) -> usize {
    grafana.lines().iter().filter(|line| line.starts_with("GET /api/dashboards/uid/")).count()
}

#[test]
fn panels_are_shown_as_grafana_knows_them_and_each_dashboard_is_asked_for_once() {
    let (backend, grafana) = with_grafana();
    backend.user("GET", "/controls/1/panels", None).is(200, json!([]));
    assert_eq!(asked_for_dashboards(&grafana.server), 0);
    for (uid, id) in [(DASHBOARDS[0], 1), (DASHBOARDS[0], 2), (DASHBOARDS[1], 1)] {
        let path = format!("/controls/1/panel/{id}");
        backend.user("POST", &path, Some(json!({ "dashboardUid": uid }))).expect(201);
    }
    let panels = backend.user("GET", "/controls/1/panels", None).expect(200).json();
    assert_eq!(asked_for_dashboards(&grafana.server), 2);
    let shown = |uid: &str, id: &str| {
        let shown = panels.as_array().unwrap().iter().find(|it| it["dashboardUid"] == uid && it["id"] == id);
        shown.unwrap_or_else(|| panic!("{uid} {id} in {panels}")).clone()
    };
    shown(DASHBOARDS[0], "2");
    shown(DASHBOARDS[1], "1");
    let first = shown(DASHBOARDS[0], "1");
    let expected = json!({
        "uid": first["uid"], "id": "1", "dashboardUid": DASHBOARDS[0], "controlId": 1,
        "title": format!("{} 1", DASHBOARDS[0]), "type": "gauge", "sqlQuery": "SELECT 1", "table": "computation",
        "displayName": "Alias", "gridPos": { "x": 0, "y": 0, "w": 12, "h": 8 },
    });
    assert_eq!(first.to_string(), expected.to_string());
}

#[test]
fn what_grafana_says_is_told_and_its_credentials_are_not() {
    let (backend, grafana) = with_grafana();
    let add = |panel: &str, dashboard: Option<&str>| {
        let path = format!("/controls/1/panel/{panel}");
        backend.user("POST", &path, Some(json!({ "dashboardUid": dashboard }))).expect(201);
    };
    let text = "Failed to get panels from control, error in Grafana API";
    add("1", Some("unknown"));
    let told = json!({
        "message": "Request failed with status code 404", "name": "AxiosError", "code": "ERR_BAD_REQUEST", "status": 404,
    });
    let list = || backend.user("GET", "/controls/1/panels", None);
    list().is(404, json!({ "message": "Not Found", "error": told }));
    grafana.server.next(1, "GET /api/dashboards", Trouble::Status(500, json!({ "message": grafana_http::PASSWORD })));
    let failed = list().expect(500);
    assert!(!failed.text.contains(grafana_http::PASSWORD), "{}", failed.text);
    assert_eq!(failed.json()["message"], "Internal Server Error");
    // However often it is asked again.
    grafana.server.always("GET /api/dashboards", Trouble::Close);
    list().is(500, json!({ "message": text, "error": "Grafana cannot be reached" }));
    grafana.server.heal();

    backend.user("DELETE", "/controls/1/panels/1", None).expect(204);
    add("9", Some(DASHBOARDS[0]));
    let missing = format!("the dashboard {:?} has no panel \"9\"", DASHBOARDS[0]);
    list().is(404, json!({ "message": text, "error": missing }));
    backend.user("DELETE", "/controls/1/panels/9", None).expect(204);
    add("1", None);
    list().expect(404);
    backend
        .user("GET", "/controls/x/panels", None)
        .is(400, json!({ "message": text, "error": "id must be an integer" }));
    assert!(!backend.log().contains(grafana_http::PASSWORD));
}

#[test]
fn without_grafana_there_are_no_panels_to_show() {
    let backend = backend();
    backend.user("POST", "/controls/1/panel/1", Some(json!({ "dashboardUid": DASHBOARDS[0] }))).expect(201);
    let text = "Failed to get panels from control, error in Grafana API";
    let away = json!({ "message": text, "error": "Grafana is not configured" });
    backend.user("GET", "/controls/1/panels", None).is(500, away);
}

fn backend() -> Backend {
    let backend = Backend::start();
    backend.sql("INSERT INTO control (name, period) VALUES ('c', 'DAILY')");
    backend
}

#[test]
fn a_panel_is_added_and_deleted() {
    let backend = backend();
    let dashboard = json!({ "dashboardUid": "ae08pn1m04lxcd" });
    let added = backend.user("POST", "/controls/1/panel/2", Some(dashboard)).expect(201).json();
    let uid = added["data"]["uid"].as_str().unwrap();
    assert_eq!(uuid::Uuid::try_parse(uid).unwrap().get_version_num(), 4);
    let panel = json!({ "uid": uid, "id": "2", "dashboardUid": "ae08pn1m04lxcd", "controlId": 1 });
    assert_eq!(added, json!({ "message": "Panel added to control", "data": panel }));
    let without = backend.user("POST", "/controls/1/panel/two", None).expect(201).json();
    assert_eq!(without["data"]["dashboardUid"], json!(null));
    assert_eq!(backend.user("DELETE", "/controls/1/panels/2", Some(json!({}))).expect(204).text, "");
    assert_eq!(backend.rows("SELECT id FROM panel"), ["two"]);
    // Also when there is none.
    backend.user("DELETE", "/controls/1/panels/2", None).expect(204);
    backend.user("DELETE", "/controls/9/panels/two", None).expect(204);
    assert_eq!(backend.rows("SELECT id FROM panel"), ["two"]);
}

#[test]
fn a_panel_that_cannot_be_is_refused() {
    let backend = backend();
    let long = "x".repeat(256);
    for (path, body, why) in [
        ("/controls/x/panel/1", json!({}), "id must be an integer"),
        ("/controls/1/panel/%00", json!({}), "panelId must not contain a null byte"),
        (&format!("/controls/1/panel/{long}"), json!({}), "panelId must not be longer than 255 characters"),
        ("/controls/1/panel/1", json!({ "dashboardUid": 1 }), "dashboardUid must be a string"),
        ("/controls/1/panel/1", json!({ "dashboardUid": long }), "dashboardUid must not be longer than 255 characters"),
    ] {
        let refused = json!({ "message": "Error adding panel to control", "error": why });
        backend.user("POST", path, Some(body)).is(400, refused);
    }
    let unknown = backend.user("POST", "/controls/9/panel/1", None).expect(400).json();
    assert_eq!(unknown["message"], "Error adding panel to control");
    let refused = json!({ "message": "Error deleting panel from control", "error": "id must be an integer" });
    backend.user("DELETE", "/controls/x/panels/1", None).is(400, refused);
    assert_eq!(backend.rows("SELECT id FROM panel"), [""; 0]);
}
