//! Node-RED with flows that accept whatever they are given: its token endpoint
//! (<https://nodered.org/docs/api/admin/methods/post/auth/token/>) and HTTP nodes behind `httpNodeAuth`.

use axum::Router;
use axum::body::Body;
use axum::extract::{Json, Path};
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::Server;
use super::server;

pub const USER: &str = "status-user";
pub const PASSWORD: &str = "status-password";
/// The account of the editor.
pub const DEVELOPER: (&str, &str) = ("developer", "dev123");
pub const TOKEN: &str = "A_SECRET_TOKEN";

pub fn start() -> Server {
    Server::start(Router::new().route("/auth/token", post(token)).route("/api/v1/{*flow}", post(flow)))
}

/// The editor looks at the body only.
async fn token(Json(body): Json<Value>) -> Response<Body> {
    let known = (body["username"].as_str(), body["password"].as_str()) == (Some(DEVELOPER.0), Some(DEVELOPER.1));
    if body["client_id"] != "node-red-admin" || body["grant_type"] != "password" || !known {
        return server::json(
            403,
            json!({ "error": "invalid_grant", "error_description": "Invalid resource owner credentials" }),
        );
    }
    server::json(200, json!({ "access_token": TOKEN, "expires_in": 604_800, "token_type": "Bearer" }))
}

async fn flow(Path(_flow): Path<String>, headers: HeaderMap, Json(_body): Json<Value>) -> Response<Body> {
    if server::basic(&headers) != Some((USER.to_owned(), PASSWORD.to_owned())) {
        return server::json(401, json!("Unauthorized"));
    }
    server::json(200, json!({}))
}
