//! Data sources: <https://grafana.com/docs/grafana/latest/developers/http_api/data_source/>.

use axum::body::Body;
use axum::extract::{Json, State};
use axum::http::Response;
use serde_json::{Value, json};

use super::{Shared, lock, refused, server};

pub async fn list(State(kept): State<Shared>) -> Response<Body> {
    server::json(200, Value::Array(lock(&kept).sources.clone()))
}

pub async fn create(State(kept): State<Shared>, Json(body): Json<Value>) -> Response<Body> {
    let text = |name: &str| body[name].as_str().unwrap_or("");
    if text("name").is_empty() || text("type").is_empty() || text("access").is_empty() {
        return server::json(400, json!({ "message": "bad request data" }));
    }
    let mut kept = lock(&kept);
    if kept.sources.iter().any(|it| it["name"] == body["name"]) {
        return refused(409, "data source with the same name already exists");
    }
    let id = kept.number();
    let uid = if text("uid").is_empty() { kept.uid() } else { text("uid").to_owned() };
    let source = json!({
        "id": id, "uid": uid, "orgId": 1, "name": text("name"), "type": text("type"), "typeLogoUrl": "",
        "access": text("access"), "url": text("url"), "user": text("user"), "database": text("database"),
        "basicAuth": body["basicAuth"] == true, "basicAuthUser": text("basicAuthUser"),
        "withCredentials": body["withCredentials"] == true, "isDefault": body["isDefault"] == true,
        "jsonData": body.get("jsonData").cloned().unwrap_or(json!({})), "secureJsonFields": {}, "version": 1,
        "readOnly": false,
    });
    kept.sources.push(source.clone());
    let added = json!({ "datasource": source, "id": id, "message": "Datasource added", "name": text("name") });
    server::json(200, added)
}
