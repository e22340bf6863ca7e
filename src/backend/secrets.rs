//! Secrets of a user (`/secrets`): kept encrypted, shown once, used by the user's controls.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::app::App;
use super::error::{ApiError, Fault, Promise};
use super::extract::{Fields, Invalid, JsonBody, check_text};
use super::guard::Caller;
use super::scopes::ScopeName;
use super::store::{JsonRows, RawJson, SecretFields, StoreError};
use super::users::user_not_found;

/// Widths of the columns, in characters.
const NAME: usize = 100;
const KIND: usize = 50;
const ENVIRONMENT: usize = 20;

/// A secret as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Secret {
    pub id: i32,
    pub name: String,
    /// `API_KEY`, `TOKEN`, `PASSWORD` or `OTHER` in the web client; any text here.
    #[serde(rename = "type")]
    pub kind: String,
    pub environment: String,
    #[serde(rename = "createdBy")]
    pub created_by: String,
    pub version: i32,
    #[serde(rename = "rotatedAt")]
    pub rotated_at: Option<String>,
    #[serde(rename = "createdAt")]
    pub created_at: String,
    #[serde(rename = "updatedAt")]
    pub updated_at: String,
    /// Asterisks, but in the answer that creates it.
    pub value: String,
    /// In answers that change something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a caller writes.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretBody {
    #[schema(max_length = 100)]
    pub name: String,
    #[serde(rename = "type")]
    #[schema(max_length = 50)]
    pub kind: String,
    #[schema(min_length = 1)]
    pub value: String,
    #[schema(max_length = 20)]
    pub environment: Option<String>,
}

/// The same, of which not all has to be there.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretChange {
    #[schema(max_length = 100)]
    pub name: Option<String>,
    #[serde(rename = "type")]
    #[schema(max_length = 50)]
    pub kind: Option<String>,
    #[schema(min_length = 1)]
    pub value: Option<String>,
    #[schema(max_length = 20)]
    pub environment: Option<String>,
}

const LIST: Promise = Promise::both("Error listing secrets");
const ONE: Promise = Promise::both("Error fetching secret");
const CREATE: Promise = Promise::both("Error creating secret");
const UPDATE: Promise = Promise::both("Error updating secret");
const DELETE: Promise = Promise::both("Error deleting secret");

fn refused(text: &str) -> ApiError {
    ApiError::message(StatusCode::BAD_REQUEST, text)
}

/// Somebody else's is as good as none.
fn not_found() -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, "Secret not found or access denied")
}

fn secret_id(id: &str) -> Result<i32, ApiError> {
    id.parse().map_err(|_| not_found())
}

/// List the secrets of the caller.
///
/// Their values are asterisks.
#[utoipa::path(get, path = "/secrets", tag = "Secrets", responses((status = 200, body = [Secret])))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<JsonRows, ApiError> {
    app.store.secrets(caller.user_id()?).await.map_err(|error| LIST.fault(error))
}

/// Get a secret of the caller.
///
/// Its value is asterisks. 404: there is none, or it is somebody else's.
#[utoipa::path(get, path = "/secrets/{id}", tag = "Secrets", params(("id" = String, Path)),
    responses((status = 200, body = Secret), (status = 404)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let secret = app.store.secret(caller.user_id()?, secret_id(&id)?).await.map_err(|error| ONE.fault(error))?;
    secret.ok_or_else(not_found)
}

/// Store a secret of the caller.
///
/// Kept encrypted; the value is shown in this answer and never again. Its name becomes lower case with `_` for white
/// space. 409: the caller has a secret of this name.
#[utoipa::path(post, path = "/secrets", tag = "Secrets", request_body = SecretBody,
    responses((status = 201, body = Secret), (status = 400), (status = 409)))]
pub async fn create(State(app): State<App>, caller: Caller, body: JsonBody) -> Result<Response, ApiError> {
    let fields = body.fields();
    let (mut wanted, value) = read(fields, CREATE)?;
    if wanted.name.is_none() {
        return Err(name_must_be_text());
    }
    let value = value.filter(|value| !value.trim().is_empty()).ok_or_else(|| refused("Secret value is required."))?;
    if wanted.kind.is_none() {
        return Err(CREATE.fault(Invalid::new("type", "is required")));
    }
    wanted.value = Some(encrypted(&app, &value, CREATE)?);
    let row = app.store.insert_secret(caller.user_id()?, &wanted).await.map_err(|error| clash(error, CREATE))?;
    let row = row.ok_or_else(user_not_found)?;
    let answer = told(&row, Some(&value), "Secret created successfully", CREATE)?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Change a secret of the caller.
///
/// What is not given stays. 404: there is none, or it is somebody else's. 409: the caller has a secret of this name.
#[utoipa::path(patch, path = "/secrets/{id}", tag = "Secrets", params(("id" = String, Path)),
    request_body = SecretChange,
    responses((status = 200, body = Secret), (status = 400), (status = 404), (status = 409)))]
pub async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    let (mut wanted, value) = read(body.fields(), UPDATE)?;
    if let Some(value) = value {
        if value.trim().is_empty() {
            return Err(refused("Secret value cannot be an empty string or whitespace."));
        }
        wanted.value = Some(encrypted(&app, &value, UPDATE)?);
    }
    if wanted.is_empty() {
        return Err(refused("No valid fields provided for update."));
    }
    let row = app.store.update_secret(caller.user_id()?, secret_id(&id)?, &wanted).await;
    let row = row.map_err(|error| clash(error, UPDATE))?.ok_or_else(not_found)?;
    told(&row, None, "Secret updated successfully", UPDATE).map(Json)
}

/// Delete a secret of the caller.
///
/// 404: there is none, or it is somebody else's.
#[utoipa::path(delete, path = "/secrets/{id}", tag = "Secrets", params(("id" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let found =
        app.store.delete_secret(caller.user_id()?, secret_id(&id)?).await.map_err(|error| DELETE.fault(error))?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

fn name_must_be_text() -> ApiError {
    ApiError::error(StatusCode::BAD_REQUEST, "Name must be a string")
}

/// All but the value, which is to be encrypted.
fn read(fields: Fields<'_>, promise: Promise) -> Result<(SecretFields, Option<String>), ApiError> {
    let bad = |error: Invalid| promise.fault(error);
    let name = match fields.get("name") {
        None => None,
        Some(Value::String(name)) if !name.trim().is_empty() => {
            let name = ScopeName::normalised(name.trim()).map_err(bad)?.as_str().to_owned();
            check_text("name", &name, NAME).map_err(bad)?;
            Some(name)
        }
        Some(_) => return Err(name_must_be_text()),
    };
    let wanted = SecretFields {
        name,
        kind: fields.text("type", KIND).map_err(bad)?,
        environment: fields.text("environment", ENVIRONMENT).map_err(bad)?,
        value: None,
    };
    Ok((wanted, fields.text("value", usize::MAX).map_err(bad)?))
}

fn encrypted(app: &App, value: &str, promise: Promise) -> Result<String, ApiError> {
    let encrypted = app.auth.cipher.encrypt(value);
    encrypted.map_err(|error| promise.fault(Fault::internal("it cannot be encrypted", error)))
}

fn clash(error: StoreError, promise: Promise) -> ApiError {
    match error {
        StoreError::Duplicate { .. } => {
            ApiError::message(StatusCode::CONFLICT, "A secret with this name already exists.")
        }
        other => promise.fault(other),
    }
}

/// The row as it is shown, with what was done, and with its value for the one time.
fn told(row: &RawJson, value: Option<&str>, message: &str, promise: Promise) -> Result<Value, ApiError> {
    let row = row.value().map_err(|error| promise.fault(Fault::internal("a row is no JSON", error)));
    let mut row = row?;
    if let Some(value) = value {
        row["value"] = value.into();
    }
    row["message"] = message.into();
    Ok(row)
}
