//! Dashboards: <https://grafana.com/docs/grafana/latest/developers/http_api/dashboard/>.

use axum::body::Body;
use axum::extract::{Json, Path, State};
use axum::http::Response;
use serde_json::{Value, json};

use super::{Dashboard, Kept, Shared, lock, refused, server, slug};

/// Refused with 412 when it would replace another one, or a newer version, without leave to overwrite.
pub async fn save(State(kept): State<Shared>, Json(body): Json<Value>) -> Response<Body> {
    match put(&mut lock(&kept), &body) {
        Ok(saved) => server::json(
            200,
            json!({
                "id": saved.id, "uid": saved.uid, "url": url(&saved), "status": "success",
                "version": saved.model["version"], "slug": slug(title(&saved)), "folderUid": saved.folder,
            }),
        ),
        Err(refusal) => refusal,
    }
}

pub async fn import(State(kept): State<Shared>, Json(body): Json<Value>) -> Response<Body> {
    match put(&mut lock(&kept), &body) {
        Ok(saved) => server::json(
            200,
            json!({
                "uid": saved.uid, "pluginId": "", "title": title(&saved), "imported": true,
                "importedUri": format!("db/{}", slug(title(&saved))), "importedUrl": url(&saved),
                "slug": slug(title(&saved)), "dashboardId": saved.id, "folderId": 0, "folderUid": saved.folder,
                "importedRevision": 1, "revision": 1, "description": "", "path": "", "removed": false,
            }),
        ),
        Err(refusal) => refusal,
    }
}

#[expect(clippy::result_large_err, reason = "the refusal is the answer")]
fn put(kept: &mut Kept, body: &Value) -> Result<Dashboard, Response<Body>> {
    let mut model = body["dashboard"].clone();
    let title = model["title"].as_str().unwrap_or("").trim().to_owned();
    if title.is_empty() {
        return Err(server::json(400, json!({ "message": "Dashboard title cannot be empty", "status": "empty-name" })));
    }
    let folder = body["folderUid"].as_str().unwrap_or("").to_owned();
    if !folder.is_empty() && kept.folder(&folder).is_none() {
        return Err(refused(400, "folder not found"));
    }
    let overwrite = body["overwrite"] == true;
    let uid = model["uid"].as_str().filter(|uid| !uid.is_empty()).map(str::to_owned);
    let at = match (&uid, model["id"].as_u64()) {
        (Some(uid), _) => kept.dashboards.iter().position(|it| it.uid == *uid),
        (None, Some(id)) => match kept.dashboards.iter().position(|it| it.id == id) {
            Some(at) => Some(at),
            None => return Err(server::json(404, json!({ "message": "Dashboard not found", "status": "not-found" }))),
        },
        (None, None) => None,
    };
    let named = kept.dashboards.iter().position(|it| it.folder == folder && it.model["title"] == *title);
    if named.is_some() && named != at && !overwrite {
        let text = "A dashboard with the same name in the folder already exists";
        return Err(server::json(412, json!({ "message": text, "status": "name-exists" })));
    }
    let at = at.or(named);
    let there = at.map(|at| kept.dashboards[at].clone());
    if let Some(there) = &there
        && !overwrite
        && model["version"] != there.model["version"]
    {
        let text = "The dashboard has been changed by someone else";
        return Err(server::json(412, json!({ "message": text, "status": "version-mismatch" })));
    }
    let version = there.as_ref().map_or(0, |there| there.model["version"].as_u64().unwrap_or(0)) + 1;
    let id = there.as_ref().map_or_else(|| kept.number(), |there| there.id);
    let uid = there.map(|there| there.uid).or(uid).unwrap_or_else(|| kept.uid());
    (model["id"], model["uid"], model["version"]) = (json!(id), json!(uid), json!(version));
    let saved = Dashboard { id, uid, folder, model };
    match at {
        Some(at) => kept.dashboards[at] = saved.clone(),
        None => kept.dashboards.push(saved.clone()),
    }
    Ok(saved)
}

fn title(dashboard: &Dashboard) -> &str {
    dashboard.model["title"].as_str().unwrap_or("")
}

fn url(dashboard: &Dashboard) -> String {
    format!("/d/{}/{}", dashboard.uid, slug(title(dashboard)))
}

pub async fn one(State(kept): State<Shared>, Path(uid): Path<String>) -> Response<Body> {
    let mut kept = lock(&kept);
    let Some(at) = kept.dashboards.iter().position(|it| it.uid == uid) else {
        return refused(404, "Dashboard not found");
    };
    let found = &kept.dashboards[at];
    let folder = kept.folder(&found.folder);
    let meta = json!({
        "type": "db", "canSave": true, "canEdit": true, "canAdmin": true, "canStar": true, "canDelete": true,
        "slug": slug(title(found)), "url": url(found), "expires": "0001-01-01T00:00:00Z",
        "created": "2024-01-01T00:00:00Z", "updated": "2024-01-01T00:00:00Z", "updatedBy": "admin", "createdBy": "admin",
        "version": found.model["version"], "hasAcl": false, "isFolder": false,
        "folderId": folder.map_or(json!(0), |it| it["id"].clone()), "folderUid": found.folder,
        "folderTitle": folder.map_or(json!("General"), |it| it["title"].clone()), "provisioned": false,
    });
    let answer = server::json(200, json!({ "dashboard": found.model, "meta": meta }));
    if kept.meddling > 0 {
        kept.meddling -= 1;
        meddle(&mut kept.dashboards[at].model);
    }
    answer
}

fn meddle(model: &mut Value) {
    let version = model["version"].as_u64().unwrap_or(0) + 1;
    model["version"] = json!(version);
    let theirs = json!({ "id": 100 + version, "title": "Theirs", "type": "text" });
    match model["panels"].as_array_mut() {
        Some(panels) => panels.push(theirs),
        None => model["panels"] = json!([theirs]),
    }
}

pub async fn delete(State(kept): State<Shared>, Path(uid): Path<String>) -> Response<Body> {
    let mut kept = lock(&kept);
    let Some(at) = kept.dashboards.iter().position(|it| it.uid == uid) else {
        return refused(404, "Dashboard not found");
    };
    let gone = kept.dashboards.remove(at);
    let text = format!("Dashboard {} deleted", title(&gone));
    server::json(200, json!({ "id": gone.id, "message": text, "title": title(&gone) }))
}
