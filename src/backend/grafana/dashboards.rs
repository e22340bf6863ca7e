//! Dashboards of Grafana (`/grafana/dashboard`): created whole or from the short form, imported, shown, deleted.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::dashboard::{self, Template};
use super::failure::{Failure, Refusal};
use super::{Created, TEXT};
use crate::backend::app::App;
use crate::backend::error::ApiError;
use crate::backend::extract::{Fields, Invalid, JsonBody, check_json};
use crate::backend::instant;

/// A dashboard in Grafana's own form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DashboardBody {
    pub dashboard: Model,
    /// Taken, and without effect: a dashboard of the same title in the folder is replaced.
    pub overwrite: Option<Value>,
    pub inputs: Option<Vec<Value>>,
    pub folder_uid: Option<String>,
}

/// What Grafana calls the model; of its members only these are looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct Model {
    pub title: Option<String>,
    pub panels: Option<Vec<Value>>,
}

/// A dashboard without panels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TemplateBody {
    pub name: Option<String>,
    /// The uid of a folder; `1`, `2` and `3` mean none.
    pub folder_id: Option<FolderId>,
    /// The same, and goes first.
    pub folder_uid: Option<FolderId>,
    #[schema(format = DateTime)]
    pub start_date: Option<String>,
    #[schema(format = DateTime)]
    pub end_date: Option<String>,
}

/// The web client's placeholders may be numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only told of in the API's document")]
pub enum FolderId {
    Uid(String),
    Placeholder(i64),
}

/// Either of the two.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only told of in the API's document")]
pub enum CreateBody {
    #[schema(value_type = DashboardBody)]
    Dashboard(Value),
    #[schema(value_type = TemplateBody)]
    Template(Value),
}

const CREATE: Failure = Failure::dump("Failed to create dashboard in Grafana");
const TEMPLATE: Failure = Failure::pass("Failed to create dashboard template in Grafana");
const IMPORT: Failure = Failure::dump("Failed to import dashboard in Grafana");
const ONE: Failure = Failure::dump("Failed to retrieve dashboard in Grafana");
const DELETE: Failure = Failure::wrap("Failed to delete dashboard in Grafana");

/// Create a dashboard in Grafana.
///
/// From Grafana's own form, or from a name, a folder and dates. One of the same title in the same folder is replaced
/// if it comes in Grafana's form, and is 412 otherwise.
#[utoipa::path(post, path = "/grafana/dashboard", tag = "Grafana", request_body = CreateBody,
    responses((status = 201, body = Value, description = "Grafana's own words: `id`, `uid`, `url`, …"), Refusal))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Created {
    let wanted = created(body.fields()).map_err(|invalid| CREATE.of(invalid))?;
    let saved = app.clients.grafana.save_dashboard(&wanted).await;
    Ok((StatusCode::CREATED, Json(saved.map_err(|error| CREATE.of(error))?)))
}

/// Create a dashboard without panels in Grafana.
///
/// From a name, a folder and dates. 412: the folder has one of that title.
#[utoipa::path(post, path = "/grafana/dashboard/template", tag = "Grafana", request_body = TemplateBody,
    responses((status = 201, body = Value, description = "`message`, and as `dashboard` Grafana's own words"), Refusal))]
pub async fn create_template(State(app): State<App>, body: JsonBody) -> Created {
    let wanted = body.object().and_then(template).map_err(|invalid| TEMPLATE.of(invalid))?;
    let saved = app.clients.grafana.save_dashboard(&wanted.body()).await.map_err(|error| TEMPLATE.of(error))?;
    let message = "Dashboard template created successfully";
    Ok((StatusCode::CREATED, Json(json!({ "message": message, "dashboard": saved }))))
}

/// Import a dashboard into Grafana.
///
/// `inputs` fill in the data sources that an exported dashboard asks for.
#[utoipa::path(post, path = "/grafana/dashboard/import", tag = "Grafana", request_body = DashboardBody,
    responses((status = 201, body = Value), Refusal))]
pub async fn import(State(app): State<App>, body: JsonBody) -> Created {
    let wanted = imported(body.fields()).map_err(|invalid| IMPORT.of(invalid))?;
    let saved = app.clients.grafana.import_dashboard(&wanted).await;
    Ok((StatusCode::CREATED, Json(saved.map_err(|error| IMPORT.of(error))?)))
}

/// Get a dashboard of Grafana.
///
/// The whole model, and its folder among the `meta`.
#[utoipa::path(get, path = "/grafana/dashboard/{uid}", tag = "Grafana", params(("uid" = String, Path)),
    responses((status = 200, body = Value, description = "`dashboard` and `meta`"), Refusal))]
pub async fn get(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Value>, ApiError> {
    app.clients.grafana.dashboard(&uid).await.map(Json).map_err(|error| ONE.of(error))
}

/// Delete a dashboard of Grafana.
#[utoipa::path(delete, path = "/grafana/dashboard/{uid}", tag = "Grafana", params(("uid" = String, Path)),
    responses((status = 200, body = Value), Refusal))]
pub async fn delete(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Value>, ApiError> {
    app.clients.grafana.delete_dashboard(&uid).await.map(Json).map_err(|error| DELETE.of(error))
}

/// Without a dashboard it is the short form of the web client, which always has a name.
fn created(fields: Fields<'_>) -> Result<Value, Invalid> {
    if let Some(model) = model(fields)? {
        return Ok(dashboard::creation(fields.0, model));
    }
    let template = template(fields)?;
    if template.name.is_none() {
        return Err(Invalid::new("dashboard", "or name is required"));
    }
    Ok(template.body())
}

fn imported(fields: Fields<'_>) -> Result<Value, Invalid> {
    let model = model(fields)?.ok_or_else(|| Invalid::new("dashboard", "is required"))?;
    Ok(dashboard::import(fields.0, model))
}

/// The dashboard that was sent, if what belongs to it has the right types.
fn model(fields: Fields<'_>) -> Result<Option<&Map<String, Value>>, Invalid> {
    let Some(model) = fields.object("dashboard")? else { return Ok(None) };
    fields.text("folderUid", TEXT)?;
    check_list(fields, "inputs")?;
    Fields(model).text("title", TEXT)?;
    check_list(Fields(model), "panels")?;
    Ok(Some(model))
}

fn check_list(fields: Fields<'_>, name: &str) -> Result<(), Invalid> {
    match fields.get(name) {
        Some(value) if !value.is_array() => Err(Invalid::new(name, "must be an array")),
        Some(value) => check_json(name, value),
        None => Ok(()),
    }
}

fn template(fields: Fields<'_>) -> Result<Template, Invalid> {
    for name in ["folderUid", "folderId"] {
        // A placeholder may be a number.
        if !fields.get(name).is_some_and(Value::is_number) {
            fields.text(name, TEXT)?;
        }
    }
    Ok(Template {
        name: fields.text("name", TEXT)?,
        folder: dashboard::template_folder(fields.0),
        from: date(fields, "startDate")?,
        to: date(fields, "endDate")?,
    })
}

/// A form that was left empty says `""`.
fn date(fields: Fields<'_>, name: &str) -> Result<Option<Timestamp>, Invalid> {
    let sent = fields.get(name).filter(|value| **value != "");
    sent.map(|value| instant::from_json(name, value)).transpose()
}
