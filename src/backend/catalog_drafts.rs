//! Catalogs while they are drafts, and how they cease to be (`/catalogs/drafts`, `/catalogs/{id}/finalize`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::catalogs::{Catalog, CatalogBody, new_agreement, not_found, read};
use super::error::{ApiError, Promise};
use super::extract::{JsonBody, integer};
use super::status::Status;
use super::store::{Finalizing, JsonRows, RawJson};

/// A catalog that has become final, with its controls.
#[derive(Debug, Serialize, ToSchema)]
pub struct FinalizedCatalog {
    pub catalog: Catalog,
    pub controls: FinalizedControls,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FinalizedControls {
    /// So many drafts became final.
    pub finalized: u64,
}

const LIST: Promise = Promise::message_with_detail("Failed to retrieve draft catalogs, error: ");
const CREATE: Promise = Promise::message_with_detail("Failed to create draft catalog, error: ");
const FINALIZE: Promise = Promise::message_with_detail("Failed to finalize catalog, error: ");

/// List the drafts among the catalogs.
#[utoipa::path(get, path = "/catalogs/drafts", tag = "Catalogs", responses((status = 200, body = [Catalog])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.catalogs(Some(Status::Draft)).await.map_err(|error| LIST.fault(error))
}

/// Create a draft of a catalog.
///
/// It has no `tpaId` until it is finalized.
#[utoipa::path(post, path = "/catalogs/drafts", tag = "Catalogs", request_body = CatalogBody,
    responses((status = 201, body = Catalog), (status = 400)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let fields = body.fields();
    if !["name", "startDate"].into_iter().all(|name| fields.is_truthy(name)) {
        return Err(refusal("Missing required fields: name and/or startDate"));
    }
    let mut catalog = read(fields).map_err(|invalid| CREATE.fault(invalid))?;
    catalog.status = Some(Status::Draft);
    let row = app.store.insert_catalog(&catalog).await.map_err(|error| CREATE.fault(error))?;
    Ok((StatusCode::CREATED, row).into_response())
}

/// Finalize a draft of a catalog with all its controls.
///
/// The catalog gets a `tpaId`; the answer counts the controls. 400: it is no draft, or lacks its first or last day.
#[utoipa::path(patch, path = "/catalogs/{id}/finalize", tag = "Catalogs", params(("id" = i32, Path)),
    responses((status = 200, body = FinalizedCatalog), (status = 400), (status = 404)))]
pub async fn finalize(State(app): State<App>, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let id = integer("id", &id).map_err(|invalid| FINALIZE.fault(invalid))?;
    let done = app.store.finalize_catalog(id, &new_agreement()).await.map_err(|error| FINALIZE.fault(error))?;
    match done {
        Finalizing::Done { catalog, controls } => {
            Ok(RawJson(format!(r#"{{"catalog":{},"controls":{{"finalized":{controls}}}}}"#, catalog.0)))
        }
        Finalizing::Missing => Err(not_found()),
        Finalizing::NotDraft => Err(refusal("Only draft catalogs can be finalized")),
        Finalizing::WithoutDates => Err(refusal("Catalog must have startDate and endDate to be finalized")),
    }
}

fn refusal(text: &str) -> ApiError {
    ApiError::message(StatusCode::BAD_REQUEST, text)
}
