//! The computations of one control (`/controls/{id}/computations`, and the original's `/controls/controls/…`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::app::App;
use super::computations::Computation;
use super::error::{ApiError, Promise};
use super::extract::{Invalid, JsonBody, integer};
use super::instant;
use super::store::JsonRows;

const LIST: Promise = Promise::message_with_detail("Failed to get computations, error: ");
const UPDATE: Promise = Promise::message_with_detail("Failed to update computation, error: ");
const DELETE: Promise = Promise::message_with_detail("Failed to delete computation, error: ");

/// The span of time that a control's computations are about.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodBody {
    #[schema(format = DateTime)]
    pub from: String,
    #[schema(format = DateTime)]
    pub to: String,
}

/// List the computations of a control.
///
/// Empty for an unknown control.
#[utoipa::path(get, path = "/controls/{id}/computations", tag = "Control computations", params(("id" = i32, Path)),
    responses((status = 200, body = [Computation]), (status = 400)))]
pub async fn list(State(app): State<App>, Path(id): Path<String>) -> Result<JsonRows, ApiError> {
    let control = integer("id", &id).map_err(|error| LIST.fault(error))?;
    app.store.computations_of_control(control).await.map_err(|error| LIST.fault(error))
}

/// List the computations of a control created on one day.
///
/// The day of `createdAt`, an ISO date, in UTC.
#[utoipa::path(get, path = "/controls/{id}/computations/{createdAt}", tag = "Control computations",
    params(("id" = i32, Path), ("createdAt" = String, Path)),
    responses((status = 200, body = [Computation]), (status = 400)))]
pub async fn of_day(State(app): State<App>, Path((id, created)): Path<(String, String)>) -> Result<JsonRows, ApiError> {
    let read = || Ok((integer("id", &id)?, instant::day("createdAt", &created)?));
    let (control, day) = read().map_err(|error: Invalid| LIST.fault(error))?;
    app.store.computations_of_day(control, day).await.map_err(|error| LIST.fault(error))
}

/// Set the period of all computations of a control.
///
/// Needs `from` and `to`. 404: there are no computations.
#[utoipa::path(put, path = "/controls/{id}/computations", tag = "Control computations", params(("id" = i32, Path)),
    request_body = PeriodBody, responses((status = 204), (status = 400), (status = 404)))]
pub async fn set_period(
    State(app): State<App>,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<StatusCode, ApiError> {
    let fields = body.fields();
    let (Some(from), Some(to)) = (fields.get("from"), fields.get("to")) else {
        return Err(ApiError::error(StatusCode::BAD_REQUEST, "\"from\" and \"to\" are required in body"));
    };
    let check = || {
        instant::from_json("from", from)?;
        instant::from_json("to", to)?;
        integer("id", &id)
    };
    let control = check().map_err(|error| UPDATE.fault(error))?;
    let period = json!({ "from": from, "to": to }).to_string();
    match app.store.set_period_of_control(control, period).await.map_err(|error| UPDATE.fault(error))? {
        0 => Err(ApiError::message(StatusCode::NOT_FOUND, "No computations found for the given controlId")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Delete the computations of a control.
///
/// Also 204 when there were none.
#[utoipa::path(delete, path = "/controls/{id}/computations", tag = "Control computations",
    params(("id" = i32, Path)), responses((status = 204), (status = 400)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let control = integer("id", &id).map_err(|error| DELETE.fault(error))?;
    app.store.delete_computations_of_control(control).await.map_err(|error| DELETE.fault(error))?;
    Ok(StatusCode::NO_CONTENT)
}
