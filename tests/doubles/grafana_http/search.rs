//! Search over folders and dashboards:
//! <https://grafana.com/docs/grafana/latest/developers/http_api/folder_dashboard_search/>.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;
use serde_json::{Value, json};

use super::{Kept, Shared, lock, server, slug};

pub async fn search(State(kept): State<Shared>, Query(query): Query<Vec<(String, String)>>) -> Response<Body> {
    let all = |name: &str| -> Vec<&str> {
        query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    };
    let number = |name: &str, other: usize| all(name).first().and_then(|text| text.parse().ok()).unwrap_or(other);
    let (text, kinds, tags) = (all("query").join(" ").to_lowercase(), all("type"), all("tag"));
    let (dashboards, folders) = (all("dashboardUIDs"), all("folderUIDs"));
    let has = |list: &[&str], value: &Value| list.is_empty() || list.iter().any(|it| *value == **it);
    let wanted = |hit: &Value| {
        let tagged = |tag: &&str| hit["tags"].as_array().is_some_and(|tags| tags.iter().any(|it| it == *tag));
        hit["title"].as_str().is_some_and(|title| title.to_lowercase().contains(&text))
            && has(&kinds, &hit["type"])
            && has(&dashboards, &hit["uid"])
            && has(&folders, &hit["folderUid"])
            && tags.iter().all(tagged)
            // Nobody has starred anything.
            && all("starred") != ["true"]
    };
    let limit = number("limit", 1000).min(5000);
    let skip = (number("page", 1).max(1) - 1) * limit;
    let hits = hits(&lock(&kept));
    server::json(200, hits.into_iter().filter(|hit| wanted(hit)).skip(skip).take(limit).collect())
}

/// Folders before dashboards.
fn hits(kept: &Kept) -> Vec<Value> {
    let located = |mut hit: Value, folder: Option<&Value>| {
        if let Some(folder) = folder {
            hit["folderId"] = folder["id"].clone();
            hit["folderUid"] = folder["uid"].clone();
            hit["folderTitle"] = folder["title"].clone();
            hit["folderUrl"] = folder["url"].clone();
        }
        hit
    };
    let hit = |id: Value, uid: Value, title: &str, url: String, kind: &str, tags: Value| {
        json!({
            "id": id, "uid": uid, "title": title, "uri": format!("db/{}", slug(title)), "url": url, "slug": "",
            "type": kind, "tags": tags, "isStarred": false, "sortMeta": 0,
        })
    };
    let folders = kept.folders.iter().map(|it| {
        let title = it["title"].as_str().unwrap_or("");
        let url = it["url"].as_str().unwrap_or("").to_owned();
        let hit = hit(it["id"].clone(), it["uid"].clone(), title, url, "dash-folder", json!([]));
        located(hit, it["parentUid"].as_str().and_then(|uid| kept.folder(uid)))
    });
    let dashboards = kept.dashboards.iter().map(|it| {
        let title = it.model["title"].as_str().unwrap_or("");
        let tags = it.model.get("tags").cloned().unwrap_or(json!([]));
        let url = format!("/d/{}/{}", it.uid, slug(title));
        located(hit(json!(it.id), json!(it.uid), title, url, "dash-db", tags), kept.folder(&it.folder))
    });
    folders.chain(dashboards).collect()
}
