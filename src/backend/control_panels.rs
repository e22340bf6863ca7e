//! Which panels of Grafana show a control (`/controls/{id}/panels`).

use std::collections::{BTreeSet, HashMap};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::app::App;
use super::clients::UpstreamError;
use super::error::{ApiError, Fault, Promise};
use super::extract::{Invalid, JsonBody, check_text, integer};
use super::grafana::failure;
use super::grafana::panel_view::{self, ControlPanelView};
use super::store::{Panel, RawJson};

/// Width of the table's columns, in characters.
const WIDTH: usize = 255;

/// Where a panel is to be found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPanelBody {
    #[schema(max_length = 255)]
    pub dashboard_uid: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PanelAdded {
    pub message: String,
    pub data: Panel,
}

/// A panel of a control, as stored and as Grafana shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownPanel {
    #[serde(flatten)]
    pub panel: Panel,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub view: ControlPanelView,
}

/// So many dashboards are asked for at the same time.
const AT_ONCE: usize = 8;

const LIST: Promise = Promise::both("Failed to get panels from control, error in Grafana API");
const CREATE: Promise = Promise::both("Error adding panel to control");
const DELETE: Promise = Promise::both("Error deleting panel from control");

/// List the panels of a control as they are in Grafana.
///
/// Title, query and position come from Grafana's dashboards. 404: a panel is no longer in its dashboard. When Grafana
/// refuses, its status is passed on.
#[utoipa::path(get, path = "/controls/{id}/panels", tag = "Control panels", params(("id" = i32, Path)),
    responses((status = 200, body = [ShownPanel]), (status = 400), (status = 404), failure::Refusal))]
pub async fn list(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Vec<ShownPanel>>, ApiError> {
    let control = integer("id", &id).map_err(|error| LIST.fault(error))?;
    let panels = app.store.panels_of_control(control).await.map_err(|error| LIST.fault(error))?;
    let dashboards = dashboards(&app, &panels).await.map_err(grafana_failed)?;
    panels.into_iter().map(|panel| show(panel, &dashboards)).collect::<Result<_, _>>().map(Json)
}

/// Each dashboard is asked for once, whatever the number of its panels.
async fn dashboards(app: &App, panels: &[Panel]) -> Result<HashMap<String, Value>, UpstreamError> {
    let uids: BTreeSet<String> = panels.iter().filter_map(|panel| panel.dashboard_uid.clone()).collect();
    let fetch = |uid: String| async move {
        let dashboard = app.clients.grafana.dashboard(&uid).await?;
        Ok((uid, dashboard))
    };
    futures_util::stream::iter(uids.into_iter().map(fetch)).buffer_unordered(AT_ONCE).try_collect().await
}

fn show(panel: Panel, dashboards: &HashMap<String, Value>) -> Result<ShownPanel, ApiError> {
    let dashboard = panel.dashboard_uid.as_ref().and_then(|uid| dashboards.get(uid));
    let found = dashboard.zip(panel.id.as_deref()).and_then(|(dashboard, id)| panel_view::find(dashboard, id).ok());
    let found = found.map(ControlPanelView::of);
    found.map(|view| ShownPanel { panel: panel.clone(), view }).ok_or_else(|| {
        let (id, uid) = (panel.id.unwrap_or_default(), panel.dashboard_uid.unwrap_or_default());
        LIST.fault(Fault::Missing(format!("the dashboard {uid:?} has no panel {id:?}")))
    })
}

/// What Grafana refused is told with its status.
fn grafana_failed(error: UpstreamError) -> ApiError {
    match error.status().filter(|status| status.is_client_error() || status.is_server_error()) {
        Some(status) => ApiError::json(status, json!({ "message": error.reason(), "error": failure::dump(status) })),
        None => LIST.fault(error),
    }
}

/// Link a panel of a Grafana dashboard to a control.
///
/// Grafana is not asked whether there is such a panel.
#[utoipa::path(post, path = "/controls/{id}/panel/{panelId}", tag = "Control panels",
    params(("id" = i32, Path), ("panelId" = String, Path)), request_body = ControlPanelBody,
    responses((status = 201, body = PanelAdded), (status = 400)))]
pub async fn create(
    State(app): State<App>,
    Path((id, panel)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let read = || Ok((place(&id, &panel)?, body.fields().text("dashboardUid", WIDTH)?));
    let (control, dashboard) = read().map_err(|error: Invalid| CREATE.fault(error))?;
    let added = app.store.insert_panel(control, &panel, dashboard.as_deref()).await;
    let RawJson(added) = added.map_err(|error| CREATE.fault(error))?;
    let answer = RawJson(format!(r#"{{"message":"Panel added to control","data":{added}}}"#));
    Ok((StatusCode::CREATED, answer).into_response())
}

/// Remove the link between a panel and a control.
///
/// Also 204 when there was none. The panel stays in Grafana.
#[utoipa::path(delete, path = "/controls/{id}/panels/{panelId}", tag = "Control panels",
    params(("id" = i32, Path), ("panelId" = String, Path)), responses((status = 204), (status = 400)))]
pub async fn delete(State(app): State<App>, Path((id, panel)): Path<(String, String)>) -> Result<StatusCode, ApiError> {
    let control = place(&id, &panel).map_err(|error| DELETE.fault(error))?;
    app.store.delete_panel(control, &panel).await.map_err(|error| DELETE.fault(error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn place(control: &str, panel: &str) -> Result<i32, Invalid> {
    check_text("panelId", panel, WIDTH)?;
    integer("id", control)
}
