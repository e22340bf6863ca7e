//! What callers are told when something cannot be done: `{"code", "message"}`, with the code as status.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::folder::FolderError;
use crate::telemetry::chain;

/// A refused or failed request, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub status: StatusCode,
    pub message: String,
}

impl Fault {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

/// What is ours to repair is logged with its causes; the caller learns what could not be done.
impl From<FolderError> for Fault {
    fn from(error: FolderError) -> Self {
        let message = match &error {
            FolderError::Refused(refused) => return Self::bad(refused.to_string()),
            FolderError::Remove(..) => "Error when deleting task...",
            FolderError::Write(..) => "Error when storing task...",
            FolderError::Make(..) | FolderError::List(..) => "Error when reading tasks...",
        };
        tracing::error!(error = chain(&error), "{message}");
        Self::failed(message)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({ "code": self.status.as_u16(), "message": self.message });
        (self.status, Json(body)).into_response()
    }
}
