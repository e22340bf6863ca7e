//! Dashboards: whole, in the short form, imported.

use serde_json::{Value, json};

use super::{Pair, titles, uid};

#[test]
fn a_dashboard_is_created_shown_replaced_and_deleted() {
    let pair = Pair::start();
    let folder = pair.folder("Folder");
    let body = json!({
        "dashboard": { "title": "T", "uid": "mine", "tags": ["a"], "editable": false, "panels": [{ "id": 1 }] },
        "overwrite": false, "folderUid": folder,
    });
    let made = pair.post("/dashboard", body.clone()).expect(201).json();
    assert_eq!((&made["status"], &made["folderUid"]), (&json!("success"), &json!(folder)));
    let sent = pair.grafana.server.last();
    assert_eq!(sent.line(), "POST /api/dashboards/db");
    let sent = sent.json();
    assert_eq!((&sent["overwrite"], &sent["message"]), (&json!(true), &json!("Dashboard created successfully")));
    assert_eq!((&sent["dashboard"]["editable"], sent["dashboard"].get("uid")), (&json!(true), None));

    let path = format!("/dashboard/{}", uid(&made));
    let shown = pair.get(&path).expect(200).json();
    assert_eq!((&shown["dashboard"]["title"], &shown["meta"]["folderTitle"]), (&json!("T"), &json!("Folder")));
    // The same title in the same folder is the same dashboard.
    assert_eq!(pair.post("/dashboard", body).expect(201).json()["uid"], made["uid"]);
    assert_eq!(pair.grafana.dashboards(), 1);

    assert_eq!(pair.delete(&path).expect(200).json()["message"], "Dashboard T deleted");
    let gone = json!({
        "message": "Failed to delete dashboard in Grafana: Not Found", "error": "Dashboard not found",
    });
    pair.delete(&path).is(404, gone);
    assert_eq!(pair.get(&path).expect(404).json()["message"], "Request failed with status code 404");
}

#[test]
fn the_web_clients_form_makes_a_dashboard_without_panels() {
    let pair = Pair::start();
    let folder = pair.folder("Folder");
    let create = |body: Value| {
        pair.post("/dashboard", body).expect(201);
        pair.grafana.server.last().json()
    };
    // From the page of all dashboards: the folders to choose from are placeholders.
    let sent = create(json!({ "name": "A", "folderId": "1", "startDate": "2024-06-01T00:00:00.000Z" }));
    assert_eq!((&sent["dashboard"]["title"], &sent["folderUid"]), (&json!("A"), &Value::Null));
    assert_eq!(sent["dashboard"]["time"], json!({ "from": "2024-06-01T00:00:00.000Z", "to": "now" }));
    assert_eq!((&sent["overwrite"], &sent["dashboard"]["schemaVersion"]), (&json!(false), &json!(27)));
    // From the page of a folder.
    let sent = create(json!({
        "name": "B", "folderId": "2", "folderUid": folder, "startDate": "2024-06-01", "endDate": "2024-07-01",
    }));
    assert_eq!(sent["folderUid"], *folder);
    assert_eq!(sent["dashboard"]["time"]["to"], "2024-07-01T00:00:00.000Z");
    let clash = pair.post("/dashboard", json!({ "name": "A", "folderId": 3, "endDate": "" })).expect(412).json();
    assert_eq!((&clash["code"], &clash["status"]), (&json!("ERR_BAD_REQUEST"), &json!(412)));
    assert_eq!(titles(&pair.get(&format!("/folder/{folder}/dashboard")).expect(200).json()), ["B"]);
}

#[test]
fn a_template_is_made_and_a_clash_told_in_grafanas_words() {
    let pair = Pair::start();
    let made = pair.post("/dashboard/template", json!({})).expect(201).json();
    assert_eq!(made["message"], "Dashboard template created successfully");
    let stored = pair.grafana.dashboard(&uid(&made["dashboard"])).expect("there");
    assert_eq!(stored["title"], "New Dashboard Template");
    assert_eq!(stored["time"], json!({ "from": "now-6h", "to": "now" }));
    let text = "A dashboard with the same name in the folder already exists";
    pair.post("/dashboard/template", json!({})).is(412, json!({ "message": text, "status": "name-exists" }));
    let text = "Failed to create dashboard template in Grafana due to server error";
    for (body, detail) in [
        (json!([]), "body must be an object"),
        (json!({ "name": 1 }), "name must be a string"),
        (json!({ "folderId": {} }), "folderId must be a string"),
        (json!({ "startDate": "soon" }), "startDate must be an ISO date"),
        (json!({ "endDate": 5 }), "endDate must be an ISO date"),
    ] {
        pair.post("/dashboard/template", body).is(400, json!({ "message": text, "error": detail }));
    }
}

#[test]
fn a_dashboard_is_imported() {
    let pair = Pair::start();
    let body = json!({ "dashboard": { "title": "T" }, "inputs": [{ "name": "x" }] });
    let made = pair.post("/dashboard/import", body).expect(201).json();
    assert_eq!(made["imported"], true);
    let sent = pair.grafana.server.last();
    assert_eq!(sent.line(), "POST /api/dashboards/import");
    assert_eq!((&sent.json()["inputs"], sent.json().get("message")), (&json!([{ "name": "x" }]), None));
}

#[test]
fn what_is_no_dashboard_is_not_sent_to_grafana() {
    let pair = Pair::start();
    let cases = [
        (json!({ "dashboard": "x" }), "dashboard must be an object"),
        (json!({ "dashboard": { "title": 1 } }), "title must be a string"),
        (json!({ "dashboard": { "title": "x", "panels": {} } }), "panels must be an array"),
        (json!({ "dashboard": { "title": "a\u{0}" } }), "dashboard must not contain a null byte"),
        (json!({ "dashboard": { "title": "x" }, "folderUid": 1 }), "folderUid must be a string"),
        (json!({ "dashboard": { "title": "x" }, "inputs": {} }), "inputs must be an array"),
    ];
    for (path, verb, missing) in [
        ("/dashboard", "create", "dashboard or name is required"),
        ("/dashboard/import", "import", "dashboard is required"),
    ] {
        let text = format!("Failed to {verb} dashboard in Grafana due to server error");
        for (body, detail) in cases.clone().into_iter().chain([(json!({}), missing), (json!([]), missing)]) {
            pair.post(path, body).is(400, json!({ "message": text, "error": detail }));
        }
    }
    assert!(pair.grafana.server.asked().is_empty());
    // What Grafana alone can judge it judges.
    let refused = pair.post("/dashboard", json!({ "dashboard": { "title": "" } })).expect(400).json();
    assert_eq!(refused["message"], "Request failed with status code 400");
}
