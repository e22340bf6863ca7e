//! What may go wrong between us and reeve, as the API tells it.

use std::time::Duration;

use axum::http::StatusCode;

use crate::backend::error::{ApiError, Fault, Promise};
use crate::control::client::ClientError;
use crate::control::wire::ProblemKind;

/// reeve answers from memory; a log is read from disk.
const ANSWER: Duration = Duration::from_secs(5);

const PROMISE: Promise = Promise::message("reeve answered what is not understood");

/// Nobody said where reeve is.
pub fn no_way() -> ApiError {
    unavailable("This backend was not started by reeve with the right to ask it (control in services.toml)")
}

fn unavailable(text: impl Into<String>) -> ApiError {
    ApiError::message(StatusCode::SERVICE_UNAVAILABLE, text)
}

/// The answer to a question, if it comes in time.
pub async fn asked<T>(question: impl Future<Output = Result<T, ClientError>>) -> Result<T, ApiError> {
    match tokio::time::timeout(ANSWER, question).await {
        Ok(answer) => answer.map_err(refused),
        Err(_) => Err(unavailable("reeve does not answer in time")),
    }
}

pub fn refused(error: ClientError) -> ApiError {
    match error {
        ClientError::Refused(problem) => {
            let text = match problem.hint {
                Some(hint) => format!("{} ({hint})", problem.message),
                None => problem.message,
            };
            let status = match problem.kind {
                ProblemKind::UnknownService => StatusCode::NOT_FOUND,
                // Not the caller, but we were not granted it.
                ProblemKind::Forbidden | ProblemKind::Busy | ProblemKind::Ending => StatusCode::SERVICE_UNAVAILABLE,
                ProblemKind::BadRequest | ProblemKind::UnknownRequest | ProblemKind::Other => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            };
            ApiError::message(status, text)
        }
        error @ (ClientError::Answer { .. } | ClientError::LongLine | ClientError::Setup(_)) => {
            PROMISE.fault(Fault::internal("reeve answered what is not understood", error))
        }
        error => {
            tracing::warn!(error = crate::telemetry::chain(&error), "reeve cannot be asked");
            unavailable("reeve does not answer")
        }
    }
}
