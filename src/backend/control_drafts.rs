//! Controls that are not in force yet (`/controls/drafts`), and how they come into force.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;

use super::app::App;
use super::controls::{self, Control, ControlBody, check_params};
use super::error::{ApiError, Promise};
use super::extract::{Fields, Invalid, JsonBody, integer};
use super::period::Period;
use super::status::Status;
use super::store::{ControlFields, ControlFilter, CurrentControl, Drafting, JsonRows, RawJson};

const LIST: Promise = Promise::message_with_detail("Failed to retrieve draft controls, error: ");
const CREATE: Promise = Promise::message_with_detail("Failed to create draft control, error: ");
const FINALIZE: Promise = Promise::message_with_detail("Failed to finalize control, error: ");

/// List the drafts among the controls.
#[utoipa::path(get, path = "/controls/drafts", tag = "Controls", responses((status = 200, body = [Control])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    let drafts = ControlFilter { status: Some(Status::Draft), ..ControlFilter::default() };
    app.store.controls(drafts).await.map_err(|error| LIST.fault(error))
}

/// List the draft controls of a catalog.
#[utoipa::path(get, path = "/controls/drafts/catalog/{id}", tag = "Controls", params(("id" = i32, Path)),
    responses((status = 200, body = [Control]), (status = 400), (status = 404)))]
pub async fn of_catalog(State(app): State<App>, Path(id): Path<String>) -> Result<JsonRows, ApiError> {
    let catalog = integer("catalogId", &id).map_err(|error| LIST.fault(error))?;
    let drafts = app.store.draft_controls_of(catalog).await.map_err(|error| LIST.fault(error))?;
    drafts.ok_or_else(|| ApiError::message(StatusCode::NOT_FOUND, "Catalog not found"))
}

/// Create a draft of a control in a draft of a catalog.
///
/// Only name and catalog have to be given. 400: the catalog is no draft.
#[utoipa::path(post, path = "/controls/drafts", tag = "Controls", request_body = ControlBody,
    responses((status = 201, body = Control), (status = 400), (status = 404)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let refuse = |text: &str| ApiError::error(StatusCode::BAD_REQUEST, text);
    let fields = body.fields();
    if !fields.is_truthy("name") || !fields.is_truthy("catalogId") {
        return Err(refuse("Missing required fields for draft control: name and catalogId"));
    }
    let (catalog, draft) = read(fields).map_err(|error| CREATE.fault(error))?;
    match app.store.insert_draft_control(catalog, &draft).await.map_err(|error| CREATE.fault(error))? {
        Drafting::Done(control) => Ok((StatusCode::CREATED, control).into_response()),
        Drafting::NoCatalog => Err(ApiError::error(StatusCode::NOT_FOUND, "Catalog not found")),
        Drafting::CatalogIsFinal => Err(refuse("Draft controls can only be added to draft catalogs")),
    }
}

/// Finalize a draft of a control.
///
/// 400: it is no draft, its catalog is one, or its `params` lack `endpoint` or `threshold`. 404: there is no such
/// control or it has no catalog.
#[utoipa::path(patch, path = "/controls/{id}/finalize", tag = "Controls", params(("id" = i32, Path)),
    responses((status = 200, body = Control), (status = 400), (status = 404)))]
pub async fn finalize(State(app): State<App>, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let id = integer("id", &id).map_err(|error| FINALIZE.fault(error))?;
    let finalized = || ControlFields { status: Some(Status::Finalized), ..ControlFields::default() };
    let decide = |current: &CurrentControl| allow(current).map(|()| finalized());
    let control = app.store.change_control(id, decide).await.map_err(|error| FINALIZE.fault(error))?;
    control.ok_or_else(controls::not_found)?
}

fn allow(current: &CurrentControl) -> Result<(), ApiError> {
    let refuse = |text: &str| ApiError::message(StatusCode::BAD_REQUEST, text);
    if !current.is_draft {
        return Err(refuse("Only draft controls can be finalized"));
    }
    match current.catalog_is_draft {
        None => return Err(ApiError::message(StatusCode::NOT_FOUND, "Associated catalog not found")),
        Some(true) => return Err(refuse("Cannot finalize a control that belongs to a draft catalog")),
        Some(false) => {}
    }
    check_params(&current.params)
        .map_err(|missing| ApiError::error(StatusCode::BAD_REQUEST, format!("Cannot finalize control: {missing}")))
}

/// A draft and its catalog; what is not given gets the original's defaults.
fn read(fields: Fields<'_>) -> Result<(i32, ControlFields), Invalid> {
    fields.object("params")?;
    let sent = controls::read(fields)?;
    let text = |sent: Option<Option<String>>| Some(Some(sent.flatten().unwrap_or_default()));
    let catalog = fields.id("catalogId")?.ok_or_else(|| Invalid::new("catalogId", "is required"))?;
    let draft = ControlFields {
        description: text(sent.description),
        period: Some(sent.period.unwrap_or(Period::Monthly)),
        start: Some(sent.start.unwrap_or_else(Timestamp::now)),
        mashup: text(sent.mashup),
        params: Some(sent.params.unwrap_or_else(|| json!({}))),
        status: Some(Status::Draft),
        ..sent
    };
    Ok((catalog, draft))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_draft_needs_a_name_and_a_catalog_alone() {
        let body = JsonBody(json!({ "name": "n", "catalogId": "4", "mashupId": null, "params": null }));
        let (catalog, draft) = read(body.fields()).unwrap();
        assert_eq!(catalog, 4);
        let mut draft = serde_json::to_value(draft).unwrap();
        assert!(draft.as_object_mut().unwrap().remove("startDate").is_some_and(|start| start.is_string()));
        let defaults = json!({
            "name": "n", "description": "", "period": "MONTHLY", "mashupId": "", "params": {}, "status": "draft",
            "catalogId": 4,
        });
        assert_eq!(draft, defaults);
    }

    #[test]
    fn the_reasons_against_finalizing_have_an_order() {
        let reason = |is_draft, catalog_is_draft, params: Value| {
            allow(&CurrentControl { is_draft, params, catalog_is_draft }).unwrap_err().status.as_u16()
        };
        assert_eq!(reason(false, None, json!({})), 400);
        assert_eq!(reason(true, None, json!({})), 404);
        assert_eq!(reason(true, Some(true), json!({})), 400);
        assert_eq!(reason(true, Some(false), Value::Null), 400);
        let ready = json!({ "endpoint": 1, "threshold": 2 });
        assert!(allow(&CurrentControl { is_draft: true, params: ready, catalog_is_draft: Some(false) }).is_ok());
    }
}
