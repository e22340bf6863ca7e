//! Controls: one guarantee of a catalog and the flow that measures it (`/controls`).
//!
//! Their life as drafts is in [`super::control_drafts`].

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::{Fields, Invalid, JsonBody, check_json, integer};
use super::instant;
use super::params::in_query;
use super::period::Period;
use super::rules::{self, Missing};
use super::status::Status;
use super::store::{ControlFields, ControlFilter, CurrentControl, JsonRows, RawJson};

/// Widths of the table's columns, in characters.
const NAME: usize = 100;
const MASHUP: usize = 32;

/// A control as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Control {
    pub id: i32,
    pub name: String,
    pub description: Option<String>,
    pub period: Period,
    pub start_date: Option<String>,
    pub end_date: Option<String>,
    /// The flow that computes it.
    pub mashup_id: Option<String>,
    /// A finalized control has `endpoint` and `threshold`; the rest is for the flow.
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    pub status: Status,
    pub catalog_id: Option<i32>,
}

/// What a caller writes; `status` only in a change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlBody {
    #[schema(max_length = 100)]
    pub name: Option<String>,
    pub description: Option<String>,
    /// `YEARLY` is taken for `ANNUALLY`.
    pub period: Option<String>,
    pub start_date: Option<String>,
    pub end_date: Option<String>,
    #[schema(max_length = 32)]
    pub mashup_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    pub status: Option<Status>,
    /// A number, or a text that is one.
    #[schema(value_type = Option<Value>)]
    pub catalog_id: Option<Value>,
}

/// What was sent, as it was sent, under the original's names.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedControl {
    pub id: i32,
    pub name: String,
    pub description: Option<String>,
    pub period: Period,
    pub formatted_start_date: Option<String>,
    pub formatted_end_date: Option<String>,
    pub mashup_id: Option<String>,
    #[schema(value_type = Option<Value>)]
    pub catalog_id: Option<Value>,
}

const LIST: Promise = Promise::both("Failed to retrieve controls");
const ONE: Promise = Promise::both("Failed to retrieve control");
const CREATE: Promise = Promise::both("Error creating control");
const UPDATE: Promise = Promise::message_with_detail("Failed to update control, error: ");
const DELETE: Promise = Promise::both("Error deleting control");

pub fn not_found() -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, "Control not found")
}

/// What a flow needs to be asked for a control.
pub fn check_params(params: &Value) -> Result<(), Missing> {
    rules::required(params, &["endpoint", "threshold"])
}

/// List controls.
///
/// All of them, drafts included, or those that the filters leave.
#[utoipa::path(get, path = "/controls", tag = "Controls",
    params(("status" = Option<Status>, Query), ("period" = Option<Period>, Query), ("name" = Option<String>, Query),
        ("mashupId" = Option<String>, Query), ("catalogId" = Option<i32>, Query)),
    responses((status = 200, body = [Control]), (status = 400)))]
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<JsonRows, ApiError> {
    let status = Status::of_query(query.as_deref())?;
    let value = |name| in_query(query.as_deref().unwrap_or_default(), name);
    let read = || {
        Ok(ControlFilter {
            status,
            period: value("period").map(|text| Period::read(&text)).transpose()?,
            name: value("name"),
            mashup: value("mashupId"),
            catalog: value("catalogId").map(|text| integer("catalogId", &text)).transpose()?,
        })
    };
    let filter = read().map_err(|error: Invalid| LIST.fault(error))?;
    app.store.controls(filter).await.map_err(|error| LIST.fault(error))
}

/// Get a control.
#[utoipa::path(get, path = "/controls/{id}", tag = "Controls", params(("id" = i32, Path)),
    responses((status = 200, body = Control), (status = 400), (status = 404)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let id = integer("id", &id).map_err(|error| ONE.fault(error))?;
    app.store.control(id).await.map_err(|error| ONE.fault(error))?.ok_or_else(not_found)
}

/// Create a final control.
///
/// `params` needs `endpoint`, the flow that computes it, and `threshold`, in percent; every other parameter goes to
/// the flow. It is finalized, whatever `status` says.
#[utoipa::path(post, path = "/controls", tag = "Controls", request_body = ControlBody,
    responses((status = 201, body = CreatedControl), (status = 400)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let refuse = |text: String| ApiError::error(StatusCode::BAD_REQUEST, text);
    let fields = body.fields();
    check_params(fields.get("params").unwrap_or(&Value::Null)).map_err(|missing| refuse(missing.to_string()))?;
    date(fields, "startDate").map_err(|_| refuse("Invalid startDate".to_owned()))?;
    let mut control = read(fields).map_err(|error| CREATE.fault(error))?;
    for (name, given) in [("name", control.name.is_some()), ("period", control.period.is_some())] {
        if !given {
            return Err(CREATE.fault(Invalid::new(name, "is required")));
        }
    }
    control.status = Some(Status::Finalized);
    let id = app.store.insert_control(&control).await.map_err(|error| CREATE.fault(error))?;
    Ok((StatusCode::CREATED, axum::Json(echo(id, fields, &control))).into_response())
}

/// Change a control.
///
/// What is not given stays; `params` is replaced as a whole. 400: a finalized control cannot become a draft, and
/// needs `endpoint` and `threshold` in its `params`.
#[utoipa::path(patch, path = "/controls/{id}", tag = "Controls", params(("id" = i32, Path)),
    request_body = ControlBody, responses((status = 200, body = Control), (status = 400), (status = 404)))]
pub async fn update(State(app): State<App>, Path(id): Path<String>, body: JsonBody) -> Result<RawJson, ApiError> {
    let fields = body.fields();
    let read = || {
        let change = ControlFields { status: Status::of_fields(fields)?, ..read(fields)? };
        for name in ["name", "period"] {
            if fields.owns(name) && fields.get(name).is_none() {
                return Err(Invalid::new(name, "must not be null"));
            }
        }
        Ok((integer("id", &id)?, change))
    };
    let (id, change) = read().map_err(|error| UPDATE.fault(error))?;
    let decide = |current: &CurrentControl| allow(current, &change).map(|()| change.clone());
    let changed = app.store.change_control(id, decide).await.map_err(|error| UPDATE.fault(error))?;
    changed.ok_or_else(not_found)?
}

/// Delete a control.
///
/// Its computations and panels stay, without a control; its scope sets stay as they are.
#[utoipa::path(delete, path = "/controls/{id}", tag = "Controls", params(("id" = i32, Path)),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = integer("id", &id).map_err(|error| DELETE.fault(error))?;
    let found = app.store.delete_control(id).await.map_err(|error| DELETE.fault(error))?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

/// A finalized control stays one, and has what its flow needs.
fn allow(current: &CurrentControl, change: &ControlFields) -> Result<(), ApiError> {
    let refuse = |text: String| ApiError::error(StatusCode::BAD_REQUEST, text);
    if change.status == Some(Status::Draft) && !current.is_draft {
        let text = "Cannot change status from finalized to draft";
        return Err(ApiError::message(StatusCode::BAD_REQUEST, text));
    }
    if change.status == Some(Status::Finalized) || !current.is_draft {
        let params = change.params.as_ref().unwrap_or(&current.params);
        return check_params(params).map_err(|missing| refuse(missing.to_string()));
    }
    match &change.params {
        None | Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(UPDATE.fault(Invalid::new("params", "must be an object"))),
    }
}

/// All that a body may say but the status. Empty dates count as absent.
pub fn read(fields: Fields<'_>) -> Result<ControlFields, Invalid> {
    let params = fields.get("params");
    params.map_or(Ok(()), |params| check_json("params", params))?;
    let emptiable = |name, max| fields.owns(name).then(|| fields.text(name, max)).transpose();
    Ok(ControlFields {
        name: fields.text("name", NAME)?,
        description: emptiable("description", usize::MAX)?,
        period: Period::of_fields(fields)?,
        start: date(fields, "startDate")?,
        end: date(fields, "endDate")?,
        mashup: emptiable("mashupId", MASHUP)?,
        params: params.cloned(),
        status: None,
        catalog: fields.owns("catalogId").then(|| fields.id("catalogId")).transpose()?,
    })
}

fn date(fields: Fields<'_>, name: &str) -> Result<Option<Timestamp>, Invalid> {
    let value = fields.get(name).filter(|_| fields.is_truthy(name));
    value.map(|value| instant::from_json(name, value)).transpose()
}

/// The original's answer to a creation: what was sent, absent members left out.
fn echo(id: i32, sent: Fields<'_>, control: &ControlFields) -> Value {
    let mut members = Map::from_iter([("id".to_owned(), json!(id))]);
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    let as_sent = |name: &str| sent.0.get(name).cloned();
    add("name", as_sent("name"));
    add("description", as_sent("description"));
    add("period", control.period.map(|period| json!(period)));
    add("formattedStartDate", Some(json!(control.start.map(instant::written))));
    add("formattedEndDate", Some(json!(control.end.map(instant::written))));
    add("mashupId", as_sent("mashupId"));
    add("catalogId", as_sent("catalogId"));
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: Value) -> Result<Value, Invalid> {
        read(JsonBody(body).fields()).map(|fields| serde_json::to_value(fields).unwrap())
    }

    #[test]
    fn what_is_absent_stays_and_null_empties() {
        assert_eq!(fields(json!({ "unknown": 1, "status": 7, "startDate": "", "endDate": null })).unwrap(), json!({}));
        let empty = json!({ "description": null, "mashupId": null, "catalogId": null });
        assert_eq!(fields(empty.clone()).unwrap(), empty);
        assert_eq!(fields(json!({ "catalogId": "12" })).unwrap(), json!({ "catalogId": 12 }));
        for (name, bad) in [
            ("name", json!("x".repeat(101))),
            ("period", json!("daily")),
            ("startDate", json!("tomorrow")),
            ("mashupId", json!("x".repeat(33))),
            ("params", json!({ "a": "\0" })),
            ("catalogId", json!({})),
        ] {
            assert_eq!(fields(json!({ name: bad })).unwrap_err().field, name);
        }
    }

    #[test]
    fn a_creation_is_answered_with_what_was_sent() {
        let body = JsonBody(json!({
            "catalogId": "7", "period": "YEARLY", "name": "n", "startDate": "2024-01-01", "endDate": null, "scopes": {},
        }));
        let control = read(body.fields()).unwrap();
        let text = r#"{"id":3,"name":"n","period":"ANNUALLY","formattedStartDate":"2024-01-01T00:00:00.000Z","#
            .to_owned()
            + r#""formattedEndDate":null,"catalogId":"7"}"#;
        assert_eq!(echo(3, body.fields(), &control).to_string(), text);
    }

    #[test]
    fn a_finalized_control_stays_one_and_keeps_its_params() {
        let answer = |is_draft: bool, stored: Value, change: Value| {
            let current = CurrentControl { is_draft, params: stored, catalog_is_draft: None };
            let fields = JsonBody(change);
            let status = Status::of_fields(fields.fields()).unwrap();
            let change = ControlFields { status, ..read(fields.fields()).unwrap() };
            allow(&current, &change).map_err(|error| match error.body {
                crate::backend::error::Body::Json(body) => body,
                other => panic!("{other:?}"),
            })
        };
        let good = json!({ "endpoint": "/x", "threshold": "1" });
        assert_eq!(answer(true, json!({}), json!({ "params": {} })), Ok(()));
        assert_eq!(answer(false, good.clone(), json!({ "name": "n" })), Ok(()));
        assert_eq!(
            answer(false, good.clone(), json!({ "status": "draft" })),
            Err(json!({ "message": "Cannot change status from finalized to draft" }))
        );
        assert_eq!(
            answer(true, json!({ "endpoint": 1 }), json!({ "status": "finalized" })),
            Err(json!({ "error": "Missing required properties: threshold" }))
        );
        assert_eq!(
            answer(false, good, json!({ "params": "text" })),
            Err(json!({ "error": "Invalid object or missing required properties" }))
        );
        assert_eq!(
            answer(true, json!({}), json!({ "params": [1] })),
            Err(json!({ "message": "Failed to update control, error: params must be an object" }))
        );
    }
}
