//! Folders: <https://grafana.com/docs/grafana/latest/developers/http_api/folder/>.

use axum::body::Body;
use axum::extract::{Json, Path, State};
use axum::http::Response;
use serde_json::{Value, json};

use super::{Shared, lock, refused, server, slug};

/// Those without a parent.
pub async fn top(State(kept): State<Shared>) -> Response<Body> {
    let kept = lock(&kept);
    let top = kept.folders.iter().filter(|it| it.get("parentUid").is_none());
    server::json(200, top.map(|it| json!({ "id": it["id"], "uid": it["uid"], "title": it["title"] })).collect())
}

pub async fn create(State(kept): State<Shared>, Json(body): Json<Value>) -> Response<Body> {
    let title = body["title"].as_str().unwrap_or("").trim().to_owned();
    if title.is_empty() {
        return refused(400, "folder title cannot be empty");
    }
    let mut kept = lock(&kept);
    let parent = body["parentUid"].as_str().filter(|uid| !uid.is_empty()).map(str::to_owned);
    if parent.as_deref().is_some_and(|uid| kept.folder(uid).is_none()) {
        return refused(404, "folder not found");
    }
    let sent = body["uid"].as_str().filter(|uid| !uid.is_empty()).map(str::to_owned);
    if sent.as_deref().is_some_and(|uid| kept.folder(uid).is_some()) {
        return refused(409, "a folder with the same UID already exists");
    }
    let uid = sent.unwrap_or_else(|| kept.uid());
    let mut folder = json!({
        "id": kept.number(), "uid": uid, "orgId": 1, "title": title, "url": format!("/dashboards/f/{uid}/{}", slug(&title)),
        "hasAcl": false, "canSave": true, "canEdit": true, "canAdmin": true, "canDelete": true, "createdBy": "admin",
        "created": "2024-01-01T00:00:00Z", "updatedBy": "admin", "updated": "2024-01-01T00:00:00Z", "version": 1,
    });
    if let Some(parent) = parent {
        folder["parentUid"] = json!(parent);
    }
    if let Some(description) = body["description"].as_str().filter(|text| !text.is_empty()) {
        folder["description"] = json!(description);
    }
    kept.folders.push(folder.clone());
    server::json(200, folder)
}

pub async fn one(State(kept): State<Shared>, Path(uid): Path<String>) -> Response<Body> {
    let kept = lock(&kept);
    kept.folder(&uid).map_or_else(|| refused(404, "folder not found"), |found| server::json(200, found.clone()))
}

/// Needs the version that is there, or leave to overwrite.
pub async fn update(State(kept): State<Shared>, Path(uid): Path<String>, Json(body): Json<Value>) -> Response<Body> {
    let mut kept = lock(&kept);
    let Some(found) = kept.folders.iter_mut().find(|it| it["uid"] == *uid) else {
        return refused(404, "folder not found");
    };
    if body["overwrite"] != true && body["version"] != found["version"] {
        let text = "the folder has been changed by someone else";
        return server::json(412, json!({ "message": text, "status": "version-mismatch" }));
    }
    for key in ["title", "description"] {
        if let Some(value) = body.get(key) {
            found[key] = value.clone();
        }
    }
    found["version"] = json!(found["version"].as_u64().unwrap_or(0) + 1);
    server::json(200, found.clone())
}

/// With all that is in it.
pub async fn delete(State(kept): State<Shared>, Path(uid): Path<String>) -> Response<Body> {
    let mut kept = lock(&kept);
    let Some(at) = kept.folders.iter().position(|it| it["uid"] == *uid) else {
        return refused(404, "folder not found");
    };
    let folder = kept.folders.remove(at);
    kept.dashboards.retain(|it| it.folder != uid);
    server::json(200, json!({ "message": "Folder deleted", "id": folder["id"], "title": folder["title"] }))
}
