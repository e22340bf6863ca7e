//! Computations: the results that flows post, and the answer for one group of them (`/computations`).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::app::App;
use super::clients::UpstreamError;
use super::clients::node_red::{Endpoint, EndpointError};
use super::compliance::group::{GroupError, compliances};
use super::computation_flags::Flag;
use super::error::{ApiError, Fault, Promise};
use super::extract::{Fields, Invalid, JsonBody};
use super::guard::Caller;
use super::store::JsonRows;
use super::{computation_batch, computation_request, rules, secret_refs};

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

#[derive(Debug, Serialize, ToSchema)]
pub struct RequestBody {
    pub metric: Metric,
    pub config: FlowConfig,
}

/// What is to be computed, and by which flow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metric {
    /// Below `/api/v1` of Node-RED: a plain path.
    #[schema(pattern = "^/[^?#%]+$")]
    pub endpoint: String,
    /// Each becomes a member of what the flow is sent. `secretRefs` is replaced by the secrets that it names.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    #[schema(value_type = Option<Object>)]
    pub scope: Option<Map<String, Value>>,
    #[schema(value_type = Object)]
    pub window: Map<String, Value>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowConfig {
    /// Where the flow sends its rows.
    pub backend_url: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    pub code: u16,
    pub message: String,
    /// The address of the group.
    pub computation: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NotReady {
    pub message: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct GroupAnswer {
    pub code: u16,
    pub message: String,
    pub computations: Vec<Compliance>,
}

/// How many of a group's evidences are good.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compliance {
    pub id: Uuid,
    /// In percent.
    #[schema(minimum = 0, maximum = 100)]
    pub value: u32,
    /// Without its finest key.
    #[schema(value_type = Object)]
    pub scope: Map<String, Value>,
    pub evidences: Vec<Computation>,
    #[schema(value_type = Option<Object>)]
    pub period: Option<Map<String, Value>>,
    pub control_id: Option<i32>,
}

const CREATE: Promise = Promise::message_with_detail("Failed to create computation, error: ");
const LIST: Promise = Promise::message_with_detail("Failed to get computations, error: ");
const ONE: Promise = Promise::message_with_detail("Failed to get computation, error: ");
const BULK: Promise = Promise::message_with_detail("Failed to create computations, error: ");
const DELETE: Promise = Promise::message_with_detail("Failed to delete computations, error: ");

/// List all computations.
///
/// The rows that flows have posted.
#[utoipa::path(get, path = "/computations", tag = "Computations", responses((status = 200, body = [Computation])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.computations().await.map_err(|error| LIST.fault(error))
}

/// Get the result of a group of computations.
///
/// How many of the group's evidences are good, in percent, with its rows. 202: the flow has not said `done` yet, ask
/// again. 404: no such group. 409: a row of it lacks its scope or its evidences.
#[utoipa::path(get, path = "/computations/{id}", tag = "Computations", params(("id" = String, Path)),
    responses((status = 200, body = GroupAnswer), (status = 202, body = NotReady), (status = 400), (status = 404),
        (status = 409)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let not_found = || ApiError::message(StatusCode::NOT_FOUND, "Not found");
    let group = Uuid::try_parse(&id).map_err(|_| not_found())?;
    // The flag before the rows: whoever sees it raised sees every row.
    if app.cache.computation_flag(group).await.map_err(|error| ONE.fault(error))? == Flag::Pending {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "message": "Not ready yet" }))).into_response());
    }
    let rows = app.store.computations_of_group(group).await.map_err(|error| ONE.fault(error))?;
    let unreadable = |error| ONE.fault(Fault::internal("the database's JSON cannot be read", error));
    let rows: Vec<Value> = serde_json::from_str(&rows.0).map_err(unreadable)?;
    if rows.is_empty() {
        return Err(not_found());
    }
    let incomplete = |error: GroupError| ONE.fault(Fault::Conflict(error.to_string()));
    let computations = compliances(&group.to_string(), &rows).map_err(incomplete)?;
    Ok(Json(json!({ "code": 200, "message": "OK", "computations": computations })).into_response())
}

/// Start the computation of a metric by a flow.
///
/// Answers as soon as Node-RED has taken it, with the address of the group; the flow posts the rows later, to
/// `config.backendUrl`. 400: the metric is incomplete or its endpoint not allowed.
#[utoipa::path(post, path = "/computations", tag = "Computations", request_body = RequestBody,
    responses((status = 201, body = Accepted), (status = 400),
        (status = 500, description = "Node-RED is away or fails")))]
pub async fn create(State(app): State<App>, caller: Caller, body: JsonBody) -> Result<Response, ApiError> {
    let (flow, mut metric) = flow(body.fields())?;
    let backend_url = backend_url(body.fields()).map_err(|error| CREATE.fault(error))?;
    secret_refs::resolve(&app, &caller, &mut metric).await.map_err(|error| CREATE.fault(error))?;
    let group = Uuid::new_v4();
    let asked = computation_request::body(group, backend_url, &metric);
    let asked = asked.map_err(|error| CREATE.fault(Fault::Invalid(error.to_string())))?;
    // Before the flow knows of the group: its caller may ask for it at once.
    app.cache.set_computation_pending(group).await.map_err(|error| CREATE.fault(error))?;
    if let Err(error) = app.clients.node_red.start(&flow, Some(&caller.token), &Value::Object(asked)).await {
        if let Err(error) = app.cache.forget_computation(group).await {
            tracing::warn!(%error, %group, "a flag stays until it expires");
        }
        return Err(not_started(error));
    }
    let address = format!("/api/v1/computations/{group}");
    let accepted = json!({ "code": 201, "message": "OK", "computation": address });
    Ok((StatusCode::CREATED, Json(accepted)).into_response())
}

/// The flow that a metric names, and the metric.
fn flow(fields: Fields<'_>) -> Result<(Endpoint, Map<String, Value>), ApiError> {
    let refuse = |text: String| ApiError::error(StatusCode::BAD_REQUEST, text);
    let metric = fields.get("metric").unwrap_or(&Value::Null);
    rules::required(metric, &["endpoint", "params"]).map_err(|missing| refuse(missing.to_string()))?;
    let endpoint = metric["endpoint"].as_str().unwrap_or_default().parse();
    let endpoint = endpoint.map_err(|error: EndpointError| refuse(error.to_string()))?;
    Ok((endpoint, metric.as_object().cloned().unwrap_or_default()))
}

/// Where the flow is to send its rows.
fn backend_url(fields: Fields<'_>) -> Result<&str, Invalid> {
    let url = fields.object("config")?.and_then(|config| config.get("backendUrl")).and_then(Value::as_str);
    url.ok_or_else(|| Invalid::new("config.backendUrl", "must be a string"))
}

fn not_started(error: UpstreamError) -> ApiError {
    // Success, but not the one that flows answer with.
    if error.status().is_some_and(|status| status.is_success()) {
        return ApiError::message(StatusCode::BAD_REQUEST, "Something went wrong when calling Node-RED");
    }
    CREATE.fault(error)
}

/// Delete all computations.
#[utoipa::path(delete, path = "/computations", tag = "Computations", responses((status = 204)))]
pub async fn delete(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.store.delete_computations().await.map_err(|error| DELETE.fault(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Store computations that a flow posts.
///
/// All of them or none. `done` says that the group of the first one is complete with this batch.
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
