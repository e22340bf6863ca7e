//! What a statement can end with, and what it means for the caller.

use crate::backend::error::Fault;

const WHAT: &str = "the database";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is away, or has no connection free in time.
    #[error("the database cannot be reached")]
    Unavailable(#[source] sqlx::Error),
    /// The values are such as the schema refuses; the message is the database's own.
    #[error("{0}")]
    Refused(String),
    /// A unique constraint: its name and the database's message.
    #[error("{message}")]
    Duplicate { constraint: String, message: String },
    /// A reference to a row that is not there.
    #[error("{message}")]
    Dangling { constraint: String, message: String },
    #[error("the database answered with an error")]
    Failed(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        let database = match error {
            Database(database) => database,
            Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => {
                return Self::Unavailable(error);
            }
            other => return Self::Failed(other),
        };
        let message = database.message().to_owned();
        let constraint = database.constraint().unwrap_or_default().to_owned();
        // PostgreSQL documentation, appendix A: classes of SQLSTATE.
        match database.code().as_deref().unwrap_or_default() {
            "23505" => Self::Duplicate { constraint, message },
            "23503" => Self::Dangling { constraint, message },
            // Data exceptions and the other integrity violations: the values cannot be stored.
            code if code.starts_with("22") || code.starts_with("23") => Self::Refused(message),
            // Connections, deadlocks, resources, shut-downs.
            code if ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) => {
                Self::Unavailable(Database(database))
            }
            _ => Self::Failed(Database(database)),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => Fault::unavailable(WHAT, source),
            StoreError::Refused(message) | StoreError::Dangling { message, .. } => Fault::Invalid(message),
            StoreError::Duplicate { message, .. } => Fault::Conflict(message),
            StoreError::Failed(source) => Fault::internal("the database answered with an error", source),
        }
    }
}
