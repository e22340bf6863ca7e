//! Folders, and what is in them.

use serde_json::{Value, json};

use super::{Pair, titles, uid};

#[test]
fn a_folder_is_created_read_renamed_and_deleted() {
    let pair = Pair::start();
    pair.get("/folder").is(200, json!([]));
    let made = pair.post("/folder", json!({ "title": "Top", "description": "d" })).expect(201).json();
    assert_eq!(pair.grafana.server.last().json(), json!({ "title": "Top", "description": "d" }));
    let path = format!("/folder/{}", uid(&made));
    assert_eq!(titles(&pair.get("/folder").expect(200).json()), ["Top"]);
    pair.get(&path).is(200, made.clone());

    let put = |body: Value| pair.backend.user("PUT", &format!("/grafana{path}"), Some(body));
    let renamed = put(json!({ "title": "New" })).expect(200).json();
    assert_eq!((&renamed["title"], &renamed["version"]), (&json!("New"), &json!(2)));
    assert_eq!(pair.grafana.server.last().json(), json!({ "title": "New", "overwrite": true }));
    // Who names a version is told when it is not the one that is there.
    let late = put(json!({ "title": "Late", "version": 1 })).expect(412).json();
    assert_eq!(late["status"], "version-mismatch");
    assert_eq!(put(json!({ "description": "e", "version": 2 })).expect(200).json()["description"], "e");
    let text = "Failed to update folder in Grafana due to server error";
    for (body, detail) in [
        (json!([]), "body must be an object"),
        (json!({ "title": 1 }), "title must be a string"),
        (json!({ "overwrite": "yes" }), "overwrite must be true or false"),
    ] {
        put(body).is(400, json!({ "message": text, "error": detail }));
    }

    let gone = pair.delete(&path).expect(200).json();
    assert_eq!(gone["message"], "Folder deleted");
    pair.delete(&path).is(404, json!({ "message": "folder not found" }));
    let missing = pair.get(&path).expect(404).json();
    assert_eq!((&missing["name"], &missing["status"]), (&json!("AxiosError"), &json!(404)));
    put(json!({ "title": "x" })).is(404, json!({ "message": "folder not found" }));
}

#[test]
fn a_folder_in_a_folder_names_it_in_either_way() {
    let pair = Pair::start();
    let top = pair.folder("Top");
    for name in ["parentUid", "parentFolderUid"] {
        let made = pair.post("/folder", json!({ "title": name, name: top })).expect(201).json();
        assert_eq!(made["parentUid"], *top);
        assert_eq!(pair.grafana.server.last().json(), json!({ "title": name, "parentUid": top }));
    }
    pair.post("/folder", json!({ "title": "x", "parentUid": "nowhere" }))
        .is(404, json!({ "message": "folder not found" }));
    pair.post("/folder", json!({ "title": " " })).is(400, json!({ "message": "folder title cannot be empty" }));
    let text = "Failed to create folder in Grafana due to server error";
    for (body, detail) in [
        (json!({}), "title is required"),
        (json!({ "title": ["x"] }), "title must be a string"),
        (json!({ "title": "x", "parentFolderUid": 1 }), "parentFolderUid must be a string"),
    ] {
        pair.post("/folder", body).is(400, json!({ "message": text, "error": detail }));
    }
}

#[test]
fn a_uid_is_looked_at_before_grafana_is_asked() {
    let pair = Pair::start();
    let refusal = json!({ "error": "Invalid UUID for parameter: uid" });
    for bad in ["short", "with-dash-in-it", "%7Buid%7D", "..%2F..%2Fdatasources"] {
        pair.get(&format!("/folder/{bad}")).is(400, refusal.clone());
        pair.delete(&format!("/folder/{bad}")).is(400, refusal.clone());
        pair.get(&format!("/dashboard/{bad}")).is(400, refusal.clone());
        pair.delete(&format!("/dashboard/{bad}")).is(400, refusal.clone());
        pair.get(&format!("/dashboard/{bad}/panel")).is(400, refusal.clone());
    }
    assert!(pair.grafana.server.asked().is_empty());
}

#[test]
fn the_dashboards_in_a_folder_and_those_in_none() {
    let pair = Pair::start();
    let folder = pair.folder("Folder");
    let inside = json!({ "dashboard": { "title": "Inside" }, "folderUid": folder });
    pair.post("/dashboard", inside).expect(201);
    pair.dashboard("Outside");
    let found = pair.get(&format!("/folder/{folder}/dashboard")).expect(200).json();
    assert_eq!(titles(&found), ["Inside"]);
    assert_eq!(pair.grafana.server.last().query, format!("type=dash-db&folderUIDs={folder}"));
    // Clients that fill nothing in send the name of the parameter, percent-encoded or not.
    for literal in ["%7Buid%7D", "%7buid%7D", "{uid}"] {
        let answer = pair.backend.send_raw("GET", &format!("/grafana/folder/{literal}/dashboard")).expect(200).json();
        assert_eq!(titles(&answer), ["Outside"], "{literal}");
        assert_eq!(pair.grafana.server.last().query, "type=dash-db");
    }
    // No check here: a uid of nobody finds nothing, and stays a value.
    pair.get("/folder/nobody%26type%3Ddash-folder/dashboard").is(200, json!([]));
    assert_eq!(pair.grafana.server.last().query, "type=dash-db&folderUIDs=nobody%26type%3Ddash-folder");
    let text = "Failed to retrieve dashboards in Grafana due to server error";
    let null = json!({ "message": text, "error": "uid must not contain a null byte" });
    pair.get("/folder/a%00/dashboard").is(400, null);
}
