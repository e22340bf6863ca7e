//! Scripts: JavaScript that Node-RED's flows download and run (`/scripts`). Nothing here runs it.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::{Fields, Invalid, JsonBody};
use super::front::BODY;
use crate::serve::body::{is_kind, whole};
use crate::telemetry::wall_clock;

/// What flows look for in a script.
const ENTRY: &str = "module.exports.main";

const FAILED: Promise = Promise::error("Internal server error");
const NO_CODE: Promise = Promise::error("Code is required.");
const NO_ENTRY: Promise = Promise::error("The code must include a module.exports.main function.");

/// A script as the API lists it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptShown {
    pub id: String,
    pub code: String,
    #[schema(value_type = Object)]
    pub metadata: Value,
    #[serde(rename = "createdAt")]
    pub created_at: String,
    #[serde(rename = "updatedAt")]
    pub updated_at: Option<String>,
}

/// What a caller writes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptBody {
    /// Holds the text `module.exports.main`.
    pub code: String,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// What of it a caller changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptChange {
    pub code: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// The id that a script got.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptCreated {
    pub message: String,
    pub id: Uuid,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptDone {
    pub message: String,
}

fn not_found() -> ApiError {
    ApiError::error(StatusCode::NOT_FOUND, "Script not found")
}

fn done(text: &str) -> Json<Value> {
    Json(json!({ "message": text }))
}

/// Somebody's source, served from our address: a browser shows it and runs nothing of it.
fn source(text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    (headers, text).into_response()
}

/// List all scripts.
///
/// With their source code.
#[utoipa::path(get, path = "/scripts", tag = "Scripts", responses((status = 200, body = [ScriptShown])))]
pub async fn list(State(app): State<App>) -> Result<Json<Vec<Map<String, Value>>>, ApiError> {
    app.cache.scripts().await.map(Json).map_err(|error| FAILED.fault(error))
}

/// Store a script for flows to download.
///
/// The source has to contain `module.exports.main`. Answers with the id under which it can be downloaded.
#[utoipa::path(post, path = "/scripts", tag = "Scripts", request_body = ScriptBody,
    responses((status = 201, body = ScriptCreated), (status = 400)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let (code, metadata) = read(body.fields())?;
    let code = code.ok_or_else(|| ApiError::error(StatusCode::BAD_REQUEST, "Code is required."))?;
    check_entry(&code)?;
    let mut script = Map::new();
    script.insert("code".to_owned(), code.into());
    script.insert("metadata".to_owned(), metadata.unwrap_or_default().into());
    script.insert("createdAt".to_owned(), now().into());
    let id = Uuid::new_v4();
    app.cache.insert_script(&id.to_string(), &script).await.map_err(|error| FAILED.fault(error))?;
    let created = json!({ "message": "Script created successfully", "id": id });
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Delete all scripts.
#[utoipa::path(delete, path = "/scripts", tag = "Scripts", responses((status = 200, body = ScriptDone)))]
pub async fn delete_all(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    app.cache.delete_scripts().await.map_err(|error| FAILED.fault(error))?;
    Ok(done("All scripts deleted successfully"))
}

/// Turn a source into a JSON string, four spaces into a tab.
///
/// For a client that puts a script into a flow. Nothing is stored. 400: the source lacks `module.exports.main`.
#[utoipa::path(post, path = "/scripts/parse", tag = "Scripts", request_body(content = String, content_type = "text/plain"),
    responses((status = 200, body = String, content_type = "text/html"), (status = 400)))]
pub async fn parse(request: Request) -> Result<Response, ApiError> {
    if !is_kind(request.headers(), "text/plain")? {
        return Err(NO_ENTRY.fault(Invalid::new("the body", "must be of type text/plain")));
    }
    let bytes = whole(request.into_body(), BODY).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| NO_ENTRY.fault(Invalid::new("the body", "is not in UTF-8")))?;
    check_entry(text)?;
    Ok(source(Value::from(text.replace("    ", "\t")).to_string()))
}

/// Download the source of a script.
///
/// Open to everybody: flows download scripts without a token.
#[utoipa::path(get, path = "/scripts/{id}", tag = "Scripts", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "text/html"), (status = 404)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let script = app.cache.script(&id).await.map_err(|error| FAILED.fault(error))?.ok_or_else(not_found)?;
    let code = script.get("code").and_then(Value::as_str).unwrap_or_default();
    Ok(source(unescaped(code)))
}

/// Change the source or the metadata of a script.
///
/// What is not given stays. The source is not checked again.
#[utoipa::path(put, path = "/scripts/{id}", tag = "Scripts", params(("id" = String, Path)), request_body = ScriptChange,
    responses((status = 200, body = ScriptDone), (status = 400), (status = 404)))]
pub async fn update(State(app): State<App>, Path(id): Path<String>, body: JsonBody) -> Result<Json<Value>, ApiError> {
    let (code, metadata) = read(body.fields())?;
    let now = now();
    let change = |script: &mut Map<String, Value>| {
        if let Some(code) = &code {
            script.insert("code".to_owned(), code.as_str().into());
        }
        if let Some(metadata) = &metadata {
            script.insert("metadata".to_owned(), metadata.clone().into());
        }
        script.insert("updatedAt".to_owned(), now.as_str().into());
    };
    let found = app.cache.change_script(&id, change).await.map_err(|error| FAILED.fault(error))?;
    if found { Ok(done("Script updated successfully")) } else { Err(not_found()) }
}

/// Delete a script.
#[utoipa::path(delete, path = "/scripts/{id}", tag = "Scripts", params(("id" = String, Path)),
    responses((status = 200, body = ScriptDone), (status = 404)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let found = app.cache.delete_script(&id).await.map_err(|error| FAILED.fault(error))?;
    if found { Ok(done("Script deleted successfully")) } else { Err(not_found()) }
}

type Parts = (Option<String>, Option<Map<String, Value>>);

/// What is false in JavaScript's sense counts as absent.
fn read(fields: Fields<'_>) -> Result<Parts, ApiError> {
    let code = match fields.get("code").filter(|_| fields.is_truthy("code")) {
        None => None,
        Some(Value::String(code)) => Some(code.clone()),
        Some(_) => return Err(NO_CODE.fault(Invalid::new("code", "must be a string"))),
    };
    let metadata = match fields.get("metadata").filter(|_| fields.is_truthy("metadata")) {
        None => None,
        Some(Value::Object(metadata)) => Some(metadata.clone()),
        Some(_) => return Err(ApiError::error(StatusCode::BAD_REQUEST, "metadata must be an object")),
    };
    Ok((code, metadata))
}

fn check_entry(code: &str) -> Result<(), ApiError> {
    if code.contains(ENTRY) {
        return Ok(());
    }
    Err(ApiError::error(StatusCode::BAD_REQUEST, "The code must include a module.exports.main function."))
}

/// The web client stores what `/parse` gave: quotes and line ends are still escaped.
fn unescaped(code: &str) -> String {
    code.replace("\\\"", "\"").replace("\\n", "\n")
}

fn now() -> String {
    wall_clock().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_line_ends_are_unescaped() {
        assert_eq!(unescaped(r#"a\nb \"c\" \t"#), "a\nb \"c\" \\t");
    }

    #[test]
    fn an_instant_is_written_with_milliseconds() {
        let now = now();
        assert!(now.len() == 24 && now.ends_with('Z') && now.as_bytes()[19] == b'.', "{now}");
    }
}
