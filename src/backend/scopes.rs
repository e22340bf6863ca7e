//! Scopes: the dimensions that a control can be computed for (`/scopes`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::{Fields, Invalid, JsonBody, check_text};
use super::store::{JsonRows, RawJson, ScopeFields};

/// Width of the table's columns, in characters.
const WIDTH: usize = 255;

/// Lower case, without white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeName(String);

impl ScopeName {
    /// Lower-cased; each run of white space becomes `_`.
    pub fn normalised(text: &str) -> Result<Self, Invalid> {
        let mut name = String::with_capacity(text.len());
        let mut in_space = false;
        for letter in text.chars() {
            if letter.is_whitespace() {
                if !in_space {
                    name.push('_');
                }
                in_space = true;
            } else {
                name.extend(letter.to_lowercase());
                in_space = false;
            }
        }
        check_text("name", &name, WIDTH)?;
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A scope as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scope {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    /// `string`, `number` or `boolean` in the web client; any text here.
    #[serde(rename = "type")]
    pub kind: String,
    pub default: String,
    #[serde(rename = "createdAt")]
    pub created_at: String,
    #[serde(rename = "updatedAt")]
    pub updated_at: String,
}

/// What a caller writes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeBody {
    #[schema(max_length = 255)]
    pub name: String,
    #[schema(max_length = 255)]
    pub description: Option<String>,
    #[serde(rename = "type")]
    #[schema(max_length = 255)]
    pub kind: Option<String>,
    #[schema(max_length = 255)]
    pub default: Option<String>,
}

const LIST: Promise = Promise::error("Failed to retrieve scopes");
const ONE: Promise = Promise::error("Failed to retrieve scope by ID");
const CREATE: Promise = Promise::error("Failed to create scope");
const UPDATE: Promise = Promise::error("Failed to update scope");
const DELETE: Promise = Promise::error("Failed to delete scope");

fn not_found() -> ApiError {
    ApiError::error(StatusCode::NOT_FOUND, "Scope not found")
}

/// A valid id that is not a UUID, such as one of Grafana's, names no scope.
fn scope_id(id: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(id).map_err(|_| not_found())
}

/// List all scopes.
#[utoipa::path(get, path = "/scopes", tag = "Scopes", responses((status = 200, body = [Scope])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.scopes().await.map_err(|error| LIST.fault(error))
}

/// Get a scope.
#[utoipa::path(get, path = "/scopes/{id}", tag = "Scopes", params(("id" = String, Path)),
    responses((status = 200, body = Scope), (status = 404)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let scope = app.store.scope(scope_id(&id)?).await.map_err(|error| ONE.fault(error))?;
    scope.ok_or_else(not_found)
}

/// Create a scope.
///
/// A dimension that controls can be computed for. Its name becomes lower case with `_` for white space; names may
/// occur twice. The type is `string` unless told.
#[utoipa::path(post, path = "/scopes", tag = "Scopes", request_body = ScopeBody,
    responses((status = 201, body = Scope), (status = 400)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let fields = body.fields();
    let wanted = read(fields, &CREATE)?;
    for (name, value) in [("description", &wanted.description), ("default", &wanted.default)] {
        if value.is_none() {
            return Err(CREATE.fault(Invalid::new(name, "is required")));
        }
    }
    let scope = app.store.insert_scope(&wanted).await.map_err(|error| CREATE.fault(error))?;
    Ok((StatusCode::CREATED, scope).into_response())
}

/// Change a scope.
///
/// The name has to be given; what else is not given stays.
#[utoipa::path(put, path = "/scopes/{id}", tag = "Scopes", params(("id" = String, Path)), request_body = ScopeBody,
    responses((status = 200, body = Scope), (status = 400), (status = 404)))]
pub async fn update(State(app): State<App>, Path(id): Path<String>, body: JsonBody) -> Result<RawJson, ApiError> {
    let wanted = read(body.fields(), &UPDATE)?;
    if wanted.name.as_str().is_empty() {
        return Err(name_must_be_text());
    }
    let scope = app.store.update_scope(scope_id(&id)?, &wanted).await.map_err(|error| UPDATE.fault(error))?;
    scope.ok_or_else(not_found)
}

/// Delete a scope.
///
/// Scope sets that use its name stay as they are.
#[utoipa::path(delete, path = "/scopes/{id}", tag = "Scopes", params(("id" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let found = app.store.delete_scope(scope_id(&id)?).await.map_err(|error| DELETE.fault(error))?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

fn name_must_be_text() -> ApiError {
    ApiError::error(StatusCode::BAD_REQUEST, "Name must be a string")
}

fn read(fields: Fields<'_>, promise: &Promise) -> Result<ScopeFields, ApiError> {
    let Some(serde_json::Value::String(name)) = fields.get("name") else { return Err(name_must_be_text()) };
    let read = || {
        Ok(ScopeFields {
            name: ScopeName::normalised(name)?,
            description: fields.text("description", WIDTH)?,
            kind: fields.text("type", WIDTH)?,
            default: fields.text("default", WIDTH)?,
        })
    };
    read().map_err(|invalid: Invalid| promise.fault(invalid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_without_white_space() {
        let name = |text| ScopeName::normalised(text).unwrap().0;
        assert_eq!(name("My \t Scope Name"), "my_scope_name");
        assert_eq!(name(" Ä "), "_ä_");
        assert!(ScopeName::normalised(&"x".repeat(256)).is_err());
    }
}
