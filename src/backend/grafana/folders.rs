//! Folders of Grafana, and the dashboards in one (`/grafana/folder`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::failure::{Cause, Failure, Refusal};
use super::{Created, TEXT};
use crate::backend::app::App;
use crate::backend::error::ApiError;
use crate::backend::extract::{Fields, Invalid, JsonBody, check_text};

/// A folder to be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FolderBody {
    pub title: String,
    pub parent_uid: Option<String>,
    /// The same by another name, of which the web client makes use.
    pub parent_folder_uid: Option<String>,
    pub description: Option<String>,
}

/// What is to change of a folder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FolderChange {
    pub title: Option<String>,
    pub parent_uid: Option<String>,
    pub description: Option<String>,
    /// The version that is changed. Without it whatever is there is overwritten.
    pub version: Option<i32>,
    pub overwrite: Option<bool>,
}

const LIST: Failure = Failure::dump("Failed to retrieve folders in Grafana");
const CREATE: Failure = Failure::pass("Failed to create folder in Grafana");
const ONE: Failure = Failure::dump("Failed to retrieve folder in Grafana");
const UPDATE: Failure = Failure::pass("Failed to update folder in Grafana");
const DELETE: Failure = Failure::pass("Failed to delete folder in Grafana");
const DASHBOARDS: Failure = Failure::dump("Failed to retrieve dashboards in Grafana");

/// A client that fills in no uid asks for what is in no folder.
const NO_FOLDER: &str = "{uid}";

/// List the top-level folders of Grafana.
#[utoipa::path(get, path = "/grafana/folder", tag = "Grafana",
    responses((status = 200, body = [Value], description = "those at the top"), Refusal))]
pub async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    app.clients.grafana.folders().await.map(Json).map_err(|error| LIST.of(error))
}

/// Create a folder in Grafana.
///
/// Grafana chooses its uid.
#[utoipa::path(post, path = "/grafana/folder", tag = "Grafana", request_body = FolderBody,
    responses((status = 201, body = Value), Refusal))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Created {
    let wanted = wanted(body.fields()).map_err(|invalid| CREATE.of(invalid))?;
    let made = app.clients.grafana.create_folder(&wanted).await;
    Ok((StatusCode::CREATED, Json(made.map_err(|error| CREATE.of(error))?)))
}

/// Get a folder of Grafana.
#[utoipa::path(get, path = "/grafana/folder/{uid}", tag = "Grafana", params(("uid" = String, Path)),
    responses((status = 200, body = Value), Refusal))]
pub async fn get(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Value>, ApiError> {
    app.clients.grafana.folder(&uid).await.map(Json).map_err(|error| ONE.of(error))
}

/// Change a folder of Grafana.
///
/// Without `version` whatever is there is overwritten; with it, 412 says that somebody else was faster.
#[utoipa::path(put, path = "/grafana/folder/{uid}", tag = "Grafana", params(("uid" = String, Path)),
    request_body = FolderChange, responses((status = 200, body = Value), Refusal))]
pub async fn update(State(app): State<App>, Path(uid): Path<String>, body: JsonBody) -> Result<Json<Value>, ApiError> {
    let change = body.object().and_then(change).map_err(|invalid| UPDATE.of(invalid))?;
    app.clients.grafana.update_folder(&uid, &change).await.map(Json).map_err(|error| UPDATE.of(error))
}

/// Delete a folder of Grafana.
///
/// With every dashboard in it.
#[utoipa::path(delete, path = "/grafana/folder/{uid}", tag = "Grafana", params(("uid" = String, Path)),
    responses((status = 200, body = Value), Refusal))]
pub async fn delete(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Value>, ApiError> {
    app.clients.grafana.delete_folder(&uid).await.map(Json).map_err(|error| DELETE.of(error))
}

/// List the dashboards in a folder of Grafana.
///
/// The literal `{uid}` stands for no folder.
#[utoipa::path(get, path = "/grafana/folder/{uid}/dashboard", tag = "Grafana",
    params(("uid" = String, Path, description = "the literal `{uid}` means: in no folder")),
    responses((status = 200, body = [Value]), Refusal))]
pub async fn dashboards(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Value>, ApiError> {
    dashboards_in(&app, &uid).await.map(Json).map_err(|cause| DASHBOARDS.of(cause))
}

async fn dashboards_in(app: &App, uid: &str) -> Result<Value, Cause> {
    check_text("uid", uid, TEXT)?;
    let folder = (uid != NO_FOLDER).then_some(("folderUIDs", uid));
    let query = std::iter::once(("type", "dash-db")).chain(folder);
    let mut found = app.clients.grafana.search(query).await?;
    if let (None, Value::Array(found)) = (folder, &mut found) {
        found.retain(|hit| hit["folderUid"].as_str().unwrap_or_default().is_empty());
    }
    Ok(found)
}

/// Grafana chooses the uid.
fn wanted(fields: Fields<'_>) -> Result<Value, Invalid> {
    let mut body = json!({ "title": fields.required_text("title", TEXT)? });
    let parent = match fields.text("parentUid", TEXT)? {
        Some(uid) => Some(uid),
        None => fields.text("parentFolderUid", TEXT)?,
    };
    for (name, value) in [("parentUid", parent), ("description", fields.text("description", TEXT)?)] {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    Ok(body)
}

/// Grafana asks for the version that is changed, or for leave to overwrite; who names no version means the latter.
fn change(fields: Fields<'_>) -> Result<Value, Invalid> {
    let mut body = Map::new();
    for name in ["title", "parentUid", "description"] {
        if let Some(text) = fields.text(name, TEXT)? {
            body.insert(name.to_owned(), text.into());
        }
    }
    let version = fields.id("version")?;
    body.extend(version.map(|version| ("version".to_owned(), version.into())));
    let overwrite = fields.flag("overwrite")?.unwrap_or(version.is_none());
    body.insert("overwrite".to_owned(), overwrite.into());
    Ok(Value::Object(body))
}
