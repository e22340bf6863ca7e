//! GitHub's end of OAuth: <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>.
//!
//! Errors come with status 200 and an `error` object, as there.

use std::collections::HashMap;

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::Response;
use axum::routing::post;
use serde_json::json;

use super::Server;
use super::server;

pub const CLIENT: &str = "Iv1.client";
pub const SECRET: &str = "a secret of the app";
/// The one code that is good.
pub const CODE: &str = "good-code";
pub const TOKEN: &str = "gho_16C7e42F292c6912E7710c838347Ae178B4a";

pub fn start() -> Server {
    Server::start(Router::new().route("/login/oauth/access_token", post(exchange)))
}

async fn exchange(Query(query): Query<HashMap<String, String>>) -> Response<Body> {
    let is = |name: &str, wanted: &str| query.get(name).is_some_and(|value| value == wanted);
    let refused = |error: &str, text: &str| {
        let uri =
            "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors";
        server::json(200, json!({ "error": error, "error_description": text, "error_uri": uri }))
    };
    if !is("client_id", CLIENT) || !is("client_secret", SECRET) {
        return refused("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.");
    }
    if !is("code", CODE) {
        return refused("bad_verification_code", "The code passed is incorrect or expired.");
    }
    server::json(200, json!({ "access_token": TOKEN, "token_type": "bearer", "scope": "repo,gist" }))
}
