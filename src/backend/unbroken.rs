//! Work on two systems that must not stop half-way because the caller went away.

use tracing::Instrument;

use super::error::{ApiError, Fault, Promise};
use crate::serve::traces;

/// Done to its end, whether or not somebody still waits for it.
pub async fn unbroken<T: Send + 'static>(
    promise: Promise,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let ended = tokio::spawn(traces::carried(work).in_current_span()).await;
    ended.unwrap_or_else(|error| Err(promise.fault(Fault::internal("the work was broken off", error))))
}
