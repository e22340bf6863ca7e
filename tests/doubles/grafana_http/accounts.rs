//! Service accounts and their tokens:
//! <https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/>.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Json, Path, Query, State};
use axum::http::Response;
use serde_json::{Value, json};

use super::{Shared, lock, refused, refused_with_id, server};

pub async fn create(State(kept): State<Shared>, Json(body): Json<Value>) -> Response<Body> {
    let (name, role) = (body["name"].as_str().unwrap_or(""), body["role"].as_str().unwrap_or("Viewer"));
    if name.is_empty() {
        return refused(400, "Required name is missing");
    }
    if !["None", "Viewer", "Editor", "Admin"].contains(&role) {
        return refused_with_id(400, "serviceaccounts.ErrInvalidRoleSpecified", "invalid role specified");
    }
    let mut kept = lock(&kept);
    if kept.accounts.iter().any(|it| it["name"] == name) {
        return refused_with_id(400, "serviceaccounts.ErrAlreadyExists", "service account already exists");
    }
    let id = kept.number();
    let account = json!({
        "id": id, "name": name, "login": format!("sa-1-{name}"), "orgId": 1, "isDisabled": body["isDisabled"] == true,
        "createdAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-01T00:00:00Z", "avatarUrl": "/avatar/0", "role": role,
        "teams": null, "tokens": 0,
    });
    kept.accounts.push(account.clone());
    server::json(201, account)
}

pub async fn one(State(kept): State<Shared>, Path(id): Path<String>) -> Response<Body> {
    let Ok(id) = id.parse::<u64>() else { return refused(400, "Service Account ID is invalid") };
    match lock(&kept).accounts.iter().find(|it| it["id"] == id) {
        Some(account) => server::json(200, account.clone()),
        None => refused_with_id(404, "serviceaccounts.ErrNotFound", "service account not found"),
    }
}

/// Those whose name contains a text, whatever its case.
pub async fn search(State(kept): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response<Body> {
    let wanted = query.get("query").map(|text| text.to_lowercase()).unwrap_or_default();
    let kept = lock(&kept);
    let matches = |it: &&Value| it["name"].as_str().is_some_and(|name| name.to_lowercase().contains(&wanted));
    let found: Vec<Value> = kept.accounts.iter().filter(matches).cloned().collect();
    server::json(200, json!({ "totalCount": found.len(), "serviceAccounts": found, "page": 1, "perPage": 1000 }))
}

/// Without their keys: those are told once.
pub async fn tokens(State(kept): State<Shared>, Path(id): Path<u64>) -> Response<Body> {
    let kept = lock(&kept);
    let own = kept.tokens.iter().filter(|(account, _)| *account == id);
    let shown = own.map(|(_, token)| json!({ "id": token["id"], "name": token["name"], "hasExpired": false }));
    server::json(200, Value::Array(shown.collect()))
}

pub async fn delete_token(State(kept): State<Shared>, Path((id, token)): Path<(u64, u64)>) -> Response<Body> {
    let mut kept = lock(&kept);
    let before = kept.tokens.len();
    kept.tokens.retain(|(account, it)| *account != id || it["id"] != token);
    if kept.tokens.len() == before {
        return refused_with_id(404, "serviceaccounts.ErrTokenNotFound", "service account token not found");
    }
    server::json(200, json!({ "message": "Service account token deleted" }))
}

pub async fn create_token(
    State(kept): State<Shared>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response<Body> {
    let Ok(account) = id.parse::<u64>() else { return refused(400, "Service Account ID is invalid") };
    let mut kept = lock(&kept);
    if !kept.accounts.iter().any(|it| it["id"] == account) {
        return refused_with_id(404, "serviceaccounts.ErrNotFound", "service account not found");
    }
    if kept.tokens.iter().any(|(_, it)| it["name"] == body["name"]) {
        let text = "service account token with given name already exists in the organization";
        return refused_with_id(400, "serviceaccounts.ErrTokenAlreadyExists", text);
    }
    let id = kept.number();
    let token = json!({ "id": id, "name": body["name"], "key": format!("glsa_{id:032x}_6a8b8b8f") });
    kept.tokens.push((account, token.clone()));
    server::json(200, token)
}
