//! Points: stored results of guarantees (`/points`, and `/point` as the documents of the original spell it).
//!
//! Never computes one: that is `GET /catalogs/{tpaId}/points`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::check_text;
use super::store::{JsonRows, RawJson};

/// Width of the table's columns, in characters.
const WIDTH: usize = 255;

/// A point as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    pub id: Uuid,
    /// The catalog's `tpaId`.
    pub agreement_id: String,
    pub guarantee_id: String,
    pub guarantee_value: f64,
    pub guarantee_result: bool,
    pub timestamp: String,
    #[schema(value_type = Object)]
    pub metrics: Map<String, Value>,
    #[schema(value_type = Object)]
    pub scope: Map<String, Value>,
    pub computation_group: Option<Uuid>,
    pub created_at: String,
    pub updated_at: String,
}

const LIST: Promise = Promise::message("An error occurred while retrieving the points.");
const CLEAR: Promise = Promise::message("An error occurred while deleting all points.");
const ONE: Promise = Promise::message("An error occurred while retrieving the point.");
const DELETE: Promise = Promise::message("An error occurred while deleting the point.");
const OF_AGREEMENT: Promise = Promise::message("An error occurred while retrieving the points for this agreement.");

fn point_id(id: &str) -> Result<Uuid, ApiError> {
    // Without the other spellings that the crate reads: braces, no dashes, a URN.
    let uuid = if id.len() == 36 { Uuid::try_parse(id).ok() } else { None };
    uuid.ok_or_else(|| ApiError::message(StatusCode::BAD_REQUEST, "Invalid point id"))
}

fn not_found(id: Uuid) -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, format!("Point with id {id} not found"))
}

/// List all stored points.
///
/// A point is the result of a guarantee for one scope and one period: `guaranteeValue` in percent, and whether that
/// is enough. Nothing is computed.
#[utoipa::path(get, path = "/points", tag = "Points", responses((status = 200, body = [Point])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.points().await.map_err(|error| LIST.fault(error))
}

/// Delete all points.
#[utoipa::path(delete, path = "/points", tag = "Points", responses((status = 204)))]
pub async fn clear(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.store.delete_points().await.map_err(|error| CLEAR.fault(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a point.
///
/// 400: the id is not a UUID.
#[utoipa::path(get, path = "/points/{id}", tag = "Points", params(("id" = Uuid, Path)),
    responses((status = 200, body = Point), (status = 400), (status = 404)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let id = point_id(&id)?;
    app.store.point(id).await.map_err(|error| ONE.fault(error))?.ok_or_else(|| not_found(id))
}

/// Delete a point.
///
/// 400: the id is not a UUID.
#[utoipa::path(delete, path = "/points/{id}", tag = "Points", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = point_id(&id)?;
    let found = app.store.delete_point(id).await.map_err(|error| DELETE.fault(error))?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(not_found(id)) }
}

/// List the stored points of a catalog.
///
/// By the catalog's `tpaId`; empty when there are none. Nothing is computed: `GET /catalogs/{tpaId}/points` does
/// that.
#[utoipa::path(get, path = "/points/catalog/{tpaId}", tag = "Points", params(("tpaId" = String, Path)),
    responses((status = 200, body = [Point]), (status = 400)))]
pub async fn of_agreement(State(app): State<App>, Path(agreement): Path<String>) -> Result<JsonRows, ApiError> {
    check_text("tpaId", &agreement, WIDTH).map_err(|invalid| OF_AGREEMENT.fault(invalid))?;
    app.store.points_of_agreement(agreement).await.map_err(|error| OF_AGREEMENT.fault(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_in_its_usual_form() {
        assert!(point_id("b31c3627-d0ea-482a-91a0-05ae6755819a").is_ok());
        for bad in ["", "7", "catalog", "b31c3627d0ea482a91a005ae6755819a", "{b31c3627-d0ea-482a-91a0-05ae6755819a}"] {
            assert!(point_id(bad).is_err(), "{bad}");
        }
    }
}
