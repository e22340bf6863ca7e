//! What a computation could not do, as an answer.

use axum::http::StatusCode;
use serde_json::Value;

use super::app::App;
use super::engine::CalcError;
use super::error::{Refusal, Shape};
use super::store::StoreError;
use crate::telemetry::chain;

/// The cause is for the log; the caller gets `message`, unless MongoDB is away.
pub fn refused(error: &CalcError, shape: Shape, message: impl Into<Value>) -> Refusal {
    if let CalcError::Store(source) = error
        && let Some(store) = source.downcast_ref::<StoreError>()
        && store.is_unavailable()
    {
        return shape.failed(store);
    }
    tracing::error!(error = chain(error), "states cannot be computed");
    shape.refuse(StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// The agreement that a question is about.
pub async fn agreement(app: &App, id: &str, shape: Shape) -> Result<Value, Refusal> {
    app.agreement(id).await.map_err(shape.store())?.ok_or_else(|| shape.no_agreement(id))
}
