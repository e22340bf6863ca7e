//! Agreements as they were stored (`/agreements`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::answer::{self, PLAIN};
use super::app::App;
use super::body::members;
use super::error::{Refusal, Shape};
use super::schemas::{Agreement, CodedError};
use super::store::Made;
use crate::governify::body::JsonBody;

const SHAPE: Shape = Shape::Coded;

/// List all agreements.
#[utoipa::path(get, path = "/agreements", tag = "Agreements", responses((status = 200, body = [Agreement])))]
pub async fn list(State(app): State<App>) -> Result<Response, Refusal> {
    let rows = app.store.agreements().await.map_err(SHAPE.store())?;
    answer::list(rows, PLAIN, SHAPE, None).await
}

/// Store an agreement.
///
/// 400: it has no id. 409: there is one with this id.
#[utoipa::path(post, path = "/agreements", tag = "Agreements", request_body = Agreement,
    responses((status = 200, description = "stored; the text OK", body = String, content_type = "text/plain"),
        (status = 400, body = CodedError), (status = 409, body = CodedError)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, Refusal> {
    match app.store.insert_agreement(members(&body)).await.map_err(SHAPE.store())? {
        Made::New => Ok(answer::ok()),
        Made::Exists => Err(SHAPE.refuse(StatusCode::CONFLICT, "Agreement already exists")),
        Made::Nameless => Err(SHAPE.bad_request("An agreement needs an id that is not empty")),
    }
}

/// Delete all agreements and all states.
#[utoipa::path(delete, path = "/agreements", tag = "Agreements",
    responses((status = 200, description = "all agreements and states are gone; the text OK", body = String,
        content_type = "text/plain")))]
pub async fn delete_all(State(app): State<App>) -> Result<Response, Refusal> {
    app.store.delete_agreements().await.map_err(SHAPE.store())?;
    Ok(answer::ok())
}

/// Get an agreement.
#[utoipa::path(get, path = "/agreements/{agreementId}", tag = "Agreements", params(("agreementId" = String, Path)),
    responses((status = 200, body = Agreement), (status = 404, body = CodedError)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let found = app.store.agreement(&id).await.map_err(SHAPE.store())?;
    answer::document(StatusCode::OK, &found.ok_or_else(|| SHAPE.no_agreement(&id))?, SHAPE)
}

/// Change an agreement.
///
/// Of the members at its top, what is not given stays. Its states stay, too. Answers with the agreement as it is
/// stored.
#[utoipa::path(put, path = "/agreements/{agreementId}", tag = "Agreements", params(("agreementId" = String, Path)),
    request_body = Agreement, responses((status = 200, body = Agreement), (status = 404, body = CodedError)))]
pub async fn update(State(app): State<App>, Path(id): Path<String>, body: JsonBody) -> Result<Response, Refusal> {
    let updated = app.store.update_agreement(&id, members(&body)).await.map_err(SHAPE.store())?;
    answer::document(StatusCode::OK, &updated.ok_or_else(|| SHAPE.no_agreement(&id))?, SHAPE)
}

/// Delete an agreement.
///
/// Its states, bills and overrides stay.
#[utoipa::path(delete, path = "/agreements/{agreementId}", tag = "Agreements", params(("agreementId" = String, Path)),
    responses((status = 200, description = "its states, bills and overrides stay; the text OK", body = String,
        content_type = "text/plain"), (status = 404, body = CodedError)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Refusal> {
    if app.store.delete_agreement(&id).await.map_err(SHAPE.store())? {
        return Ok(answer::ok());
    }
    Err(SHAPE.no_agreement(&id))
}
