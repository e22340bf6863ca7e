//! `/controls/{id}/panels`.

use serde_json::json;

use super::harness::Backend;

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
