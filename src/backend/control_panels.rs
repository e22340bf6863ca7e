//! Which panels of Grafana show a control (`/controls/{id}/panels`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::{Invalid, JsonBody, check_text, integer};
use super::store::{Panel, RawJson};

/// Width of the table's columns, in characters.
const WIDTH: usize = 255;

/// Where a panel is to be found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PanelBody {
    #[schema(max_length = 255)]
    pub dashboard_uid: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PanelAdded {
    pub message: String,
    pub data: Panel,
}

const CREATE: Promise = Promise::both("Error adding panel to control");
const DELETE: Promise = Promise::both("Error deleting panel from control");

#[utoipa::path(post, path = "/controls/{id}/panel/{panelId}", tag = "Control panels",
    params(("id" = i32, Path), ("panelId" = String, Path)), request_body = PanelBody,
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

/// Done, too, where there was none.
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
