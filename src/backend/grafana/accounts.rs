//! Service accounts of Grafana and their tokens (`/grafana/serviceaccount`). The set-up makes one of each.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::failure::{Failure, Refusal};
use super::{Created, TEXT};
use crate::backend::app::App;
use crate::backend::error::ApiError;
use crate::backend::extract::{Fields, Invalid, JsonBody};

/// A service account to be.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountBody {
    pub name: String,
    /// `None`, `Viewer`, `Editor` or `Admin`; Grafana judges it.
    pub role: Option<String>,
}

/// A token to be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TokenBody {
    pub name: String,
    /// For ever, if absent.
    pub seconds_to_live: Option<i32>,
}

const CREATE: Failure = Failure::dump("Failed to create service account in Grafana");
const ONE: Failure = Failure::dump("Failed to retrieve service account in Grafana");
const TOKEN: Failure = Failure::pass("Failed to create service account token in Grafana");

/// Create a service account in Grafana.
#[utoipa::path(post, path = "/grafana/serviceaccount", tag = "Grafana", request_body = AccountBody,
    responses((status = 201, body = Value, description = "Grafana's own words: `id`, `name`, …"), Refusal))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Created {
    let wanted = account(body.fields()).map_err(|invalid| CREATE.of(invalid))?;
    let made = app.clients.grafana.create_service_account(&wanted).await;
    Ok((StatusCode::CREATED, Json(made.map_err(|error| CREATE.of(error))?)))
}

/// Get a service account of Grafana.
#[utoipa::path(get, path = "/grafana/serviceaccount/{id}", tag = "Grafana", params(("id" = String, Path)),
    responses((status = 200, body = Value), Refusal))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    app.clients.grafana.service_account(&id).await.map(Json).map_err(|error| ONE.of(error))
}

/// Create a token for a service account of Grafana.
///
/// The key is told this once. `secondsToLive`: in seconds; without it the token does not expire.
#[utoipa::path(post, path = "/grafana/serviceaccount/{id}/token", tag = "Grafana", params(("id" = String, Path)),
    request_body = TokenBody,
    responses((status = 201, body = Value, description = "Grafana's own words: `id`, `name`, `key`"), Refusal))]
pub async fn create_token(State(app): State<App>, Path(id): Path<String>, body: JsonBody) -> Created {
    let wanted = token(body.fields()).map_err(|invalid| TOKEN.of(invalid))?;
    let made = app.clients.grafana.create_service_account_token(&id, &wanted).await;
    Ok((StatusCode::CREATED, Json(made.map_err(|error| TOKEN.of(error))?)))
}

fn account(fields: Fields<'_>) -> Result<Value, Invalid> {
    let mut body = json!({ "name": fields.required_text("name", TEXT)?, "isDisabled": false });
    if let Some(role) = fields.text("role", TEXT)? {
        body["role"] = role.into();
    }
    Ok(body)
}

fn token(fields: Fields<'_>) -> Result<Value, Invalid> {
    let mut body = json!({ "name": fields.required_text("name", TEXT)? });
    if let Some(seconds) = fields.id("secondsToLive")? {
        body["secondsToLive"] = seconds.into();
    }
    Ok(body)
}
