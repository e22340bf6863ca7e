//! Computations: the results that flows post, and the answer for one group of them (`/computations`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::app::App;
use super::computation_batch;
use super::computation_flags::Flag;
use super::error::{ApiError, Fault, Promise};
use super::extract::{Invalid, JsonBody};
use super::rules;
use super::store::{JsonRows, RawJson};

/// A computation as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Computation {
    pub id: Uuid,
    pub computation_group: Option<Uuid>,
    pub value: Option<bool>,
    /// Name to value; the order of the keys means something.
    #[schema(value_type = Option<Object>)]
    pub scope: Option<Map<String, Value>>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub evidences: Option<Vec<Map<String, Value>>>,
    #[schema(value_type = Option<Object>)]
    pub period: Option<Map<String, Value>>,
    pub created_at: String,
    pub updated_at: String,
    pub control_id: Option<i32>,
}

/// What a flow posts for one scope.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComputationBody {
    pub computation_group: Option<Uuid>,
    /// Made here when it is not given; so are the two times.
    pub id: Option<Uuid>,
    pub value: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub scope: Option<Map<String, Value>>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub evidences: Option<Vec<Map<String, Value>>>,
    #[schema(value_type = Option<Object>)]
    pub period: Option<Map<String, Value>>,
    pub control_id: Option<i32>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BatchBody {
    #[schema(min_items = 1)]
    pub computations: Vec<ComputationBody>,
    /// The group is complete with this batch.
    pub done: Option<bool>,
}

const LIST: Promise = Promise::message_with_detail("Failed to get computations, error: ");
const ONE: Promise = Promise::message_with_detail("Failed to get computation, error: ");
const BULK: Promise = Promise::message_with_detail("Failed to create computations, error: ");
const DELETE: Promise = Promise::message_with_detail("Failed to delete computations, error: ");

#[utoipa::path(get, path = "/computations", tag = "Computations", responses((status = 200, body = [Computation])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.computations().await.map_err(|error| LIST.fault(error))
}

#[utoipa::path(delete, path = "/computations", tag = "Computations", responses((status = 204)))]
pub async fn delete(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.store.delete_computations().await.map_err(|error| DELETE.fault(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stores a batch of a flow's results: all of it or nothing.
#[utoipa::path(post, path = "/computations/bulk", tag = "Computations", request_body = BatchBody,
    responses((status = 201, body = [Computation]), (status = 400), (status = 409)))]
pub async fn bulk(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let refuse = |text: &str| ApiError::error(StatusCode::BAD_REQUEST, text);
    let fields = body.fields();
    let Some(Value::Array(sent)) = fields.get("computations") else { return Err(refuse("Invalid computations")) };
    let Some(first) = sent.first() else { return Err(refuse("Invalid computations")) };
    rules::required(first, &["computationGroup"]).map_err(|missing| refuse(&missing.to_string()))?;
    let rows = computation_batch::read(sent).map_err(|error: Invalid| BULK.fault(error))?;
    let text = serde_json::to_string(&rows);
    let text =
        text.map_err(|error| BULK.fault(Fault::internal("the computations cannot be written as JSON", error)))?;
    let created = app.store.insert_computations(text).await.map_err(|error| BULK.fault(error))?;
    if let Some(group) = rows[0].computation_group.filter(|_| fields.is_truthy("done")) {
        complete(&app, group, rows.iter().map(|row| row.id).collect()).await?;
    }
    Ok((StatusCode::CREATED, created).into_response())
}

/// After the rows: whoever sees the flag finds them. A batch whose flag cannot be set is taken back, so that the flow can
/// post it again.
async fn complete(app: &App, group: Uuid, rows: Vec<Uuid>) -> Result<(), ApiError> {
    let Err(error) = app.cache.set_computation_complete(group).await else { return Ok(()) };
    app.store.withdraw_computations(rows).await.map_err(|error| BULK.fault(error))?;
    Err(BULK.fault(error))
}
