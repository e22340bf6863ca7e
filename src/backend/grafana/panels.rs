//! Panels of a dashboard (`/grafana/dashboard/{uid}/panel`), and the queries in them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::failure::{Cause, Failure, Refusal};
use super::panel::{self, Wish};
use super::panel_view::{self, PanelView, QueryView};
use super::sql::Query;
use super::{Created, TEXT, queries};
use crate::backend::app::App;
use crate::backend::clients::UpstreamError;
use crate::backend::error::ApiError;
use crate::backend::extract::{Fields, Invalid, JsonBody};

/// A panel to be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DashboardPanel {
    pub title: String,
    /// Only `gauge` is known.
    #[schema(rename = "type")]
    pub kind: String,
    pub sql_query: Query,
    pub table: Option<String>,
    pub display_name: Option<String>,
    pub grid_pos: Option<GridPos>,
}

/// What is to change of a panel. What is absent stays.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PanelChange {
    pub title: Option<String>,
    #[schema(rename = "type")]
    pub kind: Option<String>,
    pub sql_query: Option<Query>,
    pub table: Option<String>,
    pub display_name: Option<String>,
    pub grid_pos: Option<GridPos>,
}

/// Where a panel is, in columns and rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct GridPos {
    pub x: Option<i32>,
    pub y: Option<i32>,
    pub w: Option<i32>,
    pub h: Option<i32>,
}

const READ: Failure = Failure::dump("Failed to retrieve dashboard in Grafana");
/// The words are those of the original.
const CREATE: Failure = Failure::dump("Failed to import dashboard in Grafana");
const UPDATE: Failure = Failure::wrap("Failed to update panel in Grafana");
const DELETE: Failure = Failure::wrap("Failed to delete panel in Grafana");

/// List the panels of a dashboard.
///
/// With the SQL of each one's first query. 404: it has none.
#[utoipa::path(get, path = "/grafana/dashboard/{uid}/panel", tag = "Grafana", params(("uid" = String, Path)),
    responses((status = 200, body = [PanelView]), Refusal))]
pub async fn list(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Vec<PanelView>>, ApiError> {
    read(&app, &uid, |found| Ok(panel_view::panels(found)?.iter().map(PanelView::of).collect())).await
}

/// List the queries of the panels of a dashboard.
///
/// 404: it has no panels.
#[utoipa::path(get, path = "/grafana/dashboard/{uid}/panel/query", tag = "Grafana", params(("uid" = String, Path)),
    responses((status = 200, body = [QueryView]), Refusal))]
pub async fn queries_of(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Vec<QueryView>>, ApiError> {
    read(&app, &uid, |found| Ok(panel_view::panels(found)?.iter().map(QueryView::of).collect())).await
}

/// Get one panel of a dashboard with its query.
///
/// 404: the dashboard has no such panel.
#[utoipa::path(get, path = "/grafana/dashboard/{uid}/panel/{id}/query", tag = "Grafana",
    params(("uid" = String, Path), ("id" = String, Path)), responses((status = 200, body = PanelView), Refusal))]
pub async fn query(
    State(app): State<App>,
    Path((uid, id)): Path<(String, String)>,
) -> Result<Json<PanelView>, ApiError> {
    read(&app, &uid, |found| Ok(PanelView::of(panel_view::find(found, &id)?))).await
}

/// Add a panel to a dashboard.
///
/// Only `gauge` is known. The other panels move down. The SQL is built of `sqlQuery`; it is not run.
#[utoipa::path(post, path = "/grafana/dashboard/{uid}/panel", tag = "Grafana", params(("uid" = String, Path)),
    request_body = DashboardPanel,
    responses((status = 201, body = Value, description = "the panel, `panelId`, and Grafana's own words"), Refusal))]
pub async fn create(State(app): State<App>, Path(uid): Path<String>, body: JsonBody) -> Created {
    let added = add(&app, &uid, body.fields()).await.map_err(|cause| CREATE.of(cause))?;
    Ok((StatusCode::CREATED, Json(Value::Object(added))))
}

/// Change a panel of a dashboard.
///
/// What is not given stays. 404: the dashboard has no such panel.
#[utoipa::path(patch, path = "/grafana/dashboard/{uid}/panel/{id}", tag = "Grafana",
    params(("uid" = String, Path), ("id" = String, Path)), request_body = PanelChange,
    responses((status = 200, body = Value), Refusal))]
pub async fn update(
    State(app): State<App>,
    Path((uid, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    let wish = body.object().and_then(wish).map_err(|invalid| UPDATE.of(invalid))?;
    let rewritten = rewrite(&app, &uid, |found| Ok(panel::update(found, &id, &wish)?));
    rewritten.await.map(Json).map_err(|cause| UPDATE.of(cause))
}

/// Delete a panel of a dashboard.
///
/// 404: the dashboard has no such panel.
#[utoipa::path(delete, path = "/grafana/dashboard/{uid}/panel/{id}", tag = "Grafana",
    params(("uid" = String, Path), ("id" = String, Path)), responses((status = 200, body = Value), Refusal))]
pub async fn delete(State(app): State<App>, Path((uid, id)): Path<(String, String)>) -> Result<Json<Value>, ApiError> {
    let rewritten = rewrite(&app, &uid, |found| Ok(panel::remove(found, &id)?));
    rewritten.await.map(Json).map_err(|cause| DELETE.of(cause))
}

/// Something of a dashboard.
async fn read<T>(app: &App, uid: &str, of: impl FnOnce(&Value) -> Result<T, Cause>) -> Result<Json<T>, ApiError> {
    let found = app.clients.grafana.dashboard(uid).await.map_err(|error| READ.of(error))?;
    of(&found).map(Json).map_err(|cause| READ.of(cause))
}

/// A dashboard is read and stored again so often when others store it at the same time. Those who ask us wait for each
/// other, so the others are people in Grafana itself, or another server of ours: more in a row than this is no accident.
const TRIES: u32 = 3;

/// A dashboard read, made another and stored again; what Grafana says of it. Whoever changes the same one through us
/// comes afterwards; what somebody else stored meanwhile is read and kept.
async fn rewrite(app: &App, uid: &str, mut to: impl FnMut(&Value) -> Result<Value, Cause>) -> Result<Value, Cause> {
    let grafana = &app.clients.grafana;
    let _turn = grafana.turn(uid).await;
    let mut tries = 1;
    loop {
        let found = grafana.dashboard(uid).await?;
        match grafana.save_dashboard(&to(&found)?).await {
            Err(error) if tries < TRIES && is_stale(&error) => tries += 1,
            done => return Ok(done?),
        }
    }
}

/// Somebody else has stored the dashboard since it was read.
fn is_stale(error: &UpstreamError) -> bool {
    error.status() == Some(StatusCode::PRECONDITION_FAILED)
        && error.body().is_some_and(|body| body["status"] == "version-mismatch")
}

async fn add(app: &App, uid: &str, fields: Fields<'_>) -> Result<Map<String, Value>, Cause> {
    for name in ["title", "type", "sqlQuery"] {
        fields.get(name).ok_or_else(|| Invalid::new(name, "is required"))?;
    }
    let wish = wish(fields)?;
    let mut told = Map::new();
    let saved = rewrite(app, uid, |found| {
        let added = panel::add(found, &wish)?;
        let PanelView { title, kind, raw_sql, display_name, grid_pos, .. } = PanelView::of(&added.panel);
        told.extend([
            ("panelId".to_owned(), json!(added.id)),
            ("title".to_owned(), title),
            ("type".to_owned(), kind),
            ("rawSql".to_owned(), raw_sql),
            ("displayName".to_owned(), display_name),
            ("gridPos".to_owned(), grid_pos),
        ]);
        Ok(added.body)
    });
    if let Value::Object(saved) = saved.await? {
        told.extend(saved);
    }
    Ok(told)
}

fn wish(fields: Fields<'_>) -> Result<Wish, Invalid> {
    let query = fields.object("sqlQuery")?.map(|query| queries::read("sqlQuery", query)).transpose()?;
    Ok(Wish {
        title: fields.text("title", TEXT)?,
        kind: fields.text("type", TEXT)?,
        raw_sql: query.map(|query| query.build()),
        table: fields.text("table", TEXT)?,
        display_name: fields.text("displayName", TEXT)?,
        position: position(fields)?,
    })
}

fn position(fields: Fields<'_>) -> Result<Option<Value>, Invalid> {
    let Some(sent) = fields.object("gridPos")? else { return Ok(None) };
    for name in ["x", "y", "w", "h"] {
        if sent.get(name).is_some_and(|number| !number.is_null() && !number.is_i64()) {
            return Err(Invalid::new(format!("gridPos.{name}"), "must be an integer"));
        }
    }
    Ok(Some(Value::Object(sent.clone())))
}
