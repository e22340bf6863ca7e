//! Catalogs: what an organisation agrees to, as a set of controls (`/catalogs`).
//!
//! Their life as drafts is in [`super::catalog_drafts`], the points computed for them in [`super::catalog_points`].

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::agreement::agreement_id;
use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::{Fields, Invalid, JsonBody, integer};
use super::instant;
use super::status::Status;
use super::store::{CatalogChange, CatalogFields, ControlFilter, JsonRows, RawJson};

/// A catalog as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Catalog {
    pub id: i32,
    pub name: String,
    pub description: Option<String>,
    #[serde(rename = "startDate")]
    pub start_date: String,
    #[serde(rename = "endDate")]
    pub end_date: Option<String>,
    pub dashboard_id: Option<String>,
    /// Of the agreement; a draft has none.
    #[serde(rename = "tpaId")]
    pub tpa_id: Option<String>,
    pub status: Status,
}

/// What a caller writes.
#[derive(Debug, Serialize, ToSchema)]
pub struct CatalogBody {
    #[schema(max_length = 100)]
    pub name: String,
    #[schema(max_length = 255)]
    pub description: Option<String>,
    #[serde(rename = "startDate")]
    pub start_date: String,
    #[serde(rename = "endDate")]
    pub end_date: Option<String>,
    #[schema(max_length = 32)]
    pub dashboard_id: Option<String>,
    pub status: Option<Status>,
}

/// A change: what is absent stays.
#[derive(Debug, Serialize, ToSchema)]
pub struct CatalogPatch {
    #[schema(max_length = 100)]
    pub name: Option<String>,
    #[schema(max_length = 255)]
    pub description: Option<String>,
    #[serde(rename = "startDate")]
    pub start_date: Option<String>,
    #[serde(rename = "endDate")]
    pub end_date: Option<String>,
    #[schema(max_length = 32)]
    pub dashboard_id: Option<String>,
    #[serde(rename = "tpaId")]
    #[schema(max_length = 40)]
    pub tpa_id: Option<String>,
    pub status: Option<Status>,
}

const LIST: Promise = Promise::message_with_detail("Failed to retrieve catalogs, error: ");
const ONE: Promise = Promise::message_with_detail("Failed to retrieve catalog, error: ");
const CREATE: Promise = Promise::message_with_detail("Failed to create catalog, error: ");
const UPDATE: Promise = Promise::message_with_detail("Failed to update catalog, error: ");
const DELETE: Promise = Promise::message_with_detail("Failed to delete catalog, error: ");
const CONTROLS: Promise = Promise::message_with_detail("Failed to retrieve controls of the catalog, error: ");

pub fn not_found() -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, "Catalog not found")
}

/// The id of an agreement that is not there yet.
pub fn new_agreement() -> String {
    agreement_id(None, Uuid::new_v4())
}

/// List catalogs.
///
/// All of them, drafts included, or those of one status.
#[utoipa::path(get, path = "/catalogs", tag = "Catalogs", params(("status" = Option<Status>, Query)),
    responses((status = 200, body = [Catalog]), (status = 400)))]
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<JsonRows, ApiError> {
    let status = Status::of_query(query.as_deref())?;
    app.store.catalogs(status).await.map_err(|error| LIST.fault(error))
}

/// Get a catalog.
#[utoipa::path(get, path = "/catalogs/{id}", tag = "Catalogs", params(("id" = i32, Path)),
    responses((status = 200, body = Catalog), (status = 400), (status = 404)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let id = integer("id", &id).map_err(|invalid| ONE.fault(invalid))?;
    app.store.catalog(id).await.map_err(|error| ONE.fault(error))?.ok_or_else(not_found)
}

/// Create a catalog.
///
/// It gets a `tpaId`, the id of its agreement, unless it is a draft.
#[utoipa::path(post, path = "/catalogs", tag = "Catalogs", request_body = CatalogBody,
    responses((status = 201, body = Catalog), (status = 400)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let fields = body.fields();
    if !["name", "startDate", "endDate"].into_iter().all(|name| fields.is_truthy(name)) {
        let text = "Missing required fields: name, startDate, and/or endDate";
        return Err(ApiError::message(StatusCode::BAD_REQUEST, text));
    }
    let mut catalog = read(fields).map_err(|invalid| CREATE.fault(invalid))?;
    let status = catalog.status.unwrap_or(Status::Finalized);
    catalog.status = Some(status);
    catalog.agreement = (status == Status::Finalized).then(|| Some(new_agreement()));
    let row = app.store.insert_catalog(&catalog).await.map_err(|error| CREATE.fault(error))?;
    Ok((StatusCode::CREATED, row).into_response())
}

/// Change a catalog.
///
/// What is not given stays. 400: a finalized catalog cannot become a draft.
#[utoipa::path(patch, path = "/catalogs/{id}", tag = "Catalogs", params(("id" = i32, Path)),
    request_body = CatalogPatch, responses((status = 200, body = Catalog), (status = 400), (status = 404)))]
pub async fn update(State(app): State<App>, Path(id): Path<String>, body: JsonBody) -> Result<RawJson, ApiError> {
    let id = integer("id", &id).map_err(|invalid| UPDATE.fault(invalid))?;
    let mut change = read(body.fields()).map_err(|invalid| UPDATE.fault(invalid))?;
    change.agreement = emptiable(body.fields(), "tpaId", 40).map_err(|invalid| UPDATE.fault(invalid))?;
    match app.store.update_catalog(id, &change).await.map_err(|error| UPDATE.fault(error))? {
        CatalogChange::Done(row) => Ok(row),
        CatalogChange::Missing => Err(not_found()),
        CatalogChange::Finalized => {
            Err(ApiError::message(StatusCode::BAD_REQUEST, "Cannot change status from finalized to draft"))
        }
    }
}

/// Delete a catalog.
///
/// Its controls stay, without a catalog.
#[utoipa::path(delete, path = "/catalogs/{id}", tag = "Catalogs", params(("id" = i32, Path)),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = integer("id", &id).map_err(|invalid| DELETE.fault(invalid))?;
    let found = app.store.delete_catalog(id).await.map_err(|error| DELETE.fault(error))?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

/// List the controls of a catalog.
///
/// Drafts included; empty for an unknown catalog.
#[utoipa::path(get, path = "/catalogs/{catalogId}/controls", tag = "Catalogs", params(("catalogId" = i32, Path)),
    responses((status = 200, body = [super::controls::Control]), (status = 400)))]
pub async fn controls(State(app): State<App>, Path(id): Path<String>) -> Result<JsonRows, ApiError> {
    let id = integer("catalogId", &id).map_err(|invalid| CONTROLS.fault(invalid))?;
    let filter = ControlFilter { catalog: Some(id), ..ControlFilter::default() };
    app.store.controls(filter).await.map_err(|error| CONTROLS.fault(error))
}

/// All but the agreement's id, which only a change may name.
pub fn read(fields: Fields<'_>) -> Result<CatalogFields, Invalid> {
    Ok(CatalogFields {
        name: fillable(fields, "name", fields.text("name", 100)?)?,
        description: emptiable(fields, "description", 255)?,
        start: fillable(fields, "startDate", date(fields, "startDate")?)?,
        end: fields.owns("endDate").then(|| date(fields, "endDate")).transpose()?,
        dashboard: emptiable(fields, "dashboard_id", 32)?,
        agreement: None,
        status: Status::of_fields(fields)?,
    })
}

/// Absent, or a value: never `null`.
fn fillable<T>(fields: Fields<'_>, name: &str, value: Option<T>) -> Result<Option<T>, Invalid> {
    if fields.owns(name) && value.is_none() {
        return Err(Invalid::new(name, "must not be null"));
    }
    Ok(value)
}

/// Absent, `null`, or a text.
fn emptiable(fields: Fields<'_>, name: &str, max: usize) -> Result<Option<Option<String>>, Invalid> {
    fields.owns(name).then(|| fields.text(name, max)).transpose()
}

fn date(fields: Fields<'_>, name: &str) -> Result<Option<Timestamp>, Invalid> {
    fields.get(name).map(|value| instant::from_json(name, value)).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_absent_stays_and_null_empties() {
        let fields = |body| read(JsonBody(body).fields()).map(|fields| serde_json::to_value(fields).unwrap());
        assert_eq!(fields(json!({ "unknown": 1, "tpaId": "x" })).unwrap(), json!({}));
        let empty = json!({ "description": null, "endDate": null, "dashboard_id": null });
        assert_eq!(fields(empty.clone()).unwrap(), empty);
        assert_eq!(fields(json!({ "status": null })).unwrap(), json!({}));
        for (name, bad) in [("name", json!(null)), ("startDate", json!(null)), ("name", json!(["a"]))] {
            assert_eq!(fields(json!({ name: bad })).unwrap_err().field, name);
        }
    }
}
