//! All states of an agreement (`/states`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::answer::{self, PLAIN};
use super::app::App;
use super::computed::{self, agreement};
use super::engine::asked::{self, Asked};
use super::engine::{Agreement, CalcError, calculate};
use super::error::{Refusal, Shape};
use super::schemas::{CodedError, MessageError, PlainError, State as StateView};
use super::token::Token;
use crate::telemetry::chain;

/// Delete all states of all agreements.
#[utoipa::path(delete, path = "/states", tag = "States",
    responses((status = 200, description = "all states are gone; the text OK", body = String,
        content_type = "text/plain"), (status = 404, body = MessageError)))]
pub async fn delete_all(State(app): State<App>) -> Result<Response, Refusal> {
    const SHAPE: Shape = Shape::Message;
    match app.store.delete_states().await {
        Ok(()) => Ok(answer::ok()),
        Err(error) if error.is_unavailable() => Err(SHAPE.failed(&error)),
        // As the original answers.
        Err(error) => {
            tracing::error!(error = chain(&error), "the states cannot be deleted");
            Err(SHAPE.not_found(error.to_string()))
        }
    }
}

/// Compute all states of an agreement.
///
/// Those of its guarantees, then of the metrics that are reloaded by default. Collectors are asked.
#[utoipa::path(get, path = "/states/{agreementId}", tag = "States", params(("agreementId" = String, Path)),
    responses((status = 200, body = [StateView]), (status = 404, body = PlainError), (status = 500, body = CodedError)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>, token: Token) -> Result<Response, Refusal> {
    let stored = agreement(&app, &id, Shape::Error).await?;
    let stored = Agreement::new(&stored);
    let clock = app.clock();
    let refused = |error: CalcError| {
        let message = format!("Error while retrieving {id} states: {error}");
        computed::refused(&error, Shape::Coded, message)
    };
    let queries = asked::queries(stored, &Asked::default(), &clock).map_err(|error| refused(error.into()))?;
    let states = calculate::whole(&app.context(&token), stored, &queries, &clock).await.map_err(refused)?;
    answer::computed(&states, PLAIN, Shape::Coded)
}

/// Delete the states and bills of an agreement.
#[utoipa::path(delete, path = "/states/{agreementId}", tag = "States", params(("agreementId" = String, Path)),
    responses((status = 200, description = "its states and bills are gone; the text OK", body = String,
        content_type = "text/plain"), (status = 404, body = MessageError)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Refusal> {
    const SHAPE: Shape = Shape::Message;
    if !app.store.delete_states_of(&id).await.map_err(SHAPE.store())? {
        return Err(SHAPE.refuse(StatusCode::NOT_FOUND, format!("No state found to delete for agreement {id}")));
    }
    app.store.delete_bills(&id).await.map_err(SHAPE.store())?;
    Ok(answer::ok())
}
