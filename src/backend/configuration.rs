//! Configuration: which parts of the API are available, and how many assistants there may be (`/config`).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::{Fields, Invalid, JsonBody};
use super::gate_watch;
use super::store::{JsonRows, LimitChange, RawJson};

const GET: Promise = Promise::message_with_detail("Failed to get configuration, error: ");
const UPDATE: Promise = Promise::message_with_detail("Failed to update configuration, error: ");

/// A row as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Configuration {
    pub id: i32,
    pub endpoint: String,
    pub available: Option<bool>,
    pub limit: Option<i32>,
    #[serde(rename = "createdAt")]
    pub created_at: String,
    #[serde(rename = "updatedAt")]
    pub updated_at: String,
}

/// Which row is looked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigurationLookup {
    pub endpoint: String,
}

/// Which row is changed, and to what.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigurationChange {
    pub endpoint: String,
    pub available: Option<bool>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigurationDone {
    pub message: String,
}

/// How many assistants there may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssistantLimit {
    pub limit: i32,
}

fn done(text: impl Into<String>) -> Json<Value> {
    Json(json!({ "message": text.into() }))
}

fn missing(text: String) -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, text)
}

fn refused(text: &str) -> ApiError {
    ApiError::message(StatusCode::BAD_REQUEST, text)
}

/// The row that limits the assistants. Its texts keep the original's spelling.
pub fn assistant_row(app: &App) -> String {
    format!("{}/assistant", app.settings.prefix)
}

/// List the configuration of all parts of the API.
///
/// For each, its path and whether it is available; for assistants, how many there may be.
#[utoipa::path(get, path = "/config", tag = "Configurations", responses((status = 200, body = [Configuration])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.configurations().await.map_err(|error| GET.fault(error))
}

/// Get the configuration of one part of the API.
///
/// By its path, in the body: nothing is changed, though it is a POST.
#[utoipa::path(post, path = "/config", tag = "Configurations", request_body = ConfigurationLookup,
    responses((status = 200, body = Configuration), (status = 400), (status = 404)))]
pub async fn look(State(app): State<App>, body: JsonBody) -> Result<RawJson, ApiError> {
    let endpoint = body.fields().required_text("endpoint", usize::MAX).map_err(|invalid| GET.fault(invalid))?;
    let row = app.store.configuration(&endpoint).await.map_err(|error| GET.fault(error))?;
    row.ok_or_else(|| missing(format!("Configuration {endpoint} not found")))
}

/// Make a part of the API available or not.
///
/// While it is not, its requests are 404. Without `available` nothing changes.
#[utoipa::path(put, path = "/config", tag = "Configurations", request_body = ConfigurationChange,
    responses((status = 200, body = ConfigurationDone), (status = 400), (status = 404)))]
pub async fn update(State(app): State<App>, body: JsonBody) -> Result<Json<Value>, ApiError> {
    let fields = body.fields();
    if !fields.is_truthy("endpoint") {
        return Err(refused("Endpoint is required"));
    }
    let (endpoint, available) = read(fields).map_err(|invalid| UPDATE.fault(invalid))?;
    let id = app.store.set_available(&endpoint, available).await.map_err(|error| UPDATE.fault(error))?;
    let id = id.ok_or_else(|| missing(format!("Configuration with endpoint {endpoint} not found")))?;
    if available.is_none() {
        return Ok(done("No changes were applied to the configuration"));
    }
    app.refresh_gate().await.map_err(|error| UPDATE.fault(error))?;
    gate_watch::tell(&app).await;
    Ok(done(format!("Configuration {id} updated successfully")))
}

fn read(fields: Fields<'_>) -> Result<(String, Option<bool>), Invalid> {
    Ok((fields.required_text("endpoint", usize::MAX)?, fields.flag("available")?))
}

/// Get the number of assistants that there may be.
///
/// 400: no limit is set.
#[utoipa::path(get, path = "/config/assistant/limit", tag = "Configurations",
    responses((status = 200, body = AssistantLimit), (status = 400), (status = 404)))]
pub async fn limit(State(app): State<App>) -> Result<Json<AssistantLimit>, ApiError> {
    let limit = app.store.limit(&assistant_row(&app)).await.map_err(|error| GET.fault(error))?;
    let limit = limit.ok_or_else(|| missing("Configuration /api/assistant not found".to_owned()))?;
    let limit = limit.ok_or_else(|| refused("Assistant limit is not set"))?;
    Ok(Json(AssistantLimit { limit }))
}

/// Set the number of assistants that there may be.
///
/// 400: it is no number above zero, or there are more assistants already.
#[utoipa::path(put, path = "/config/assistant/limit/{limit}", tag = "Configurations",
    params(("limit" = i32, Path, minimum = 1)),
    responses((status = 200, body = ConfigurationDone), (status = 400), (status = 404)))]
pub async fn set_limit(State(app): State<App>, Path(limit): Path<String>) -> Result<Json<Value>, ApiError> {
    let limit = limit.parse().ok().filter(|limit| *limit >= 1).ok_or_else(|| refused("Invalid limit value"))?;
    let change = app.store.set_assistant_limit(&assistant_row(&app), limit).await;
    match change.map_err(|error| UPDATE.fault(error))? {
        LimitChange::Done => Ok(done("Limit updated successfully")),
        LimitChange::NoRow => Err(missing("Configuration undefined not found".to_owned())),
        LimitChange::BelowCount => Err(refused("Limit cannot be less than the number of assistants")),
    }
}
