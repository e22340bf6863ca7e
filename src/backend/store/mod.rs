//! Everything that is kept in PostgreSQL, and all SQL of the backend; beside it the one collection of MongoDB.
//!
//! One file per resource, each an `impl` of [`Store`]. Rows that are only passed on leave the database as JSON texts, in
//! the contract's field order; nothing is decoded to be encoded again. What several statements write is one transaction.

mod agreements;
mod assistants;
mod catalogs;
mod computations;
mod configuration;
mod controls;
mod error;
pub mod migrate;
mod new_points;
mod panels;
mod points;
mod pool;
mod populate;
pub mod rows;
mod scope_sets;
mod scopes;
mod secrets;
mod threads;
mod users;

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

pub use assistants::NewAssistant;
pub use catalogs::{CatalogChange, CatalogFields, Finalizing};
pub use configuration::LimitChange;
pub use controls::{ControlFields, ControlFilter, CurrentControl, Drafting};
pub use error::StoreError;
pub use panels::Panel;
use pool::{Pool, STATEMENT};
pub use populate::Made;
pub use rows::{JsonRows, RawJson};
pub use scope_sets::{ScopeSetError, ScopeSetFields, ScopeSets};
pub use scopes::ScopeFields;
pub use secrets::SecretFields;
pub use threads::NewThread;
pub use users::{NewUser, Taken, User};

use super::settings::Database;

#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
}

impl Store {
    /// Connects when the first statement needs it.
    pub fn new(database: &Database) -> Self {
        let options = PgConnectOptions::new()
            .host(&database.host)
            .port(database.port)
            .username(&database.user)
            .password(database.password.expose())
            .database(&database.name)
            .ssl_mode(PgSslMode::Prefer)
            .application_name("status-backend")
            .options([("statement_timeout", STATEMENT.as_millis().to_string()), ("timezone", "UTC".to_owned())])
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(5))
            .log_statements(tracing::log::LevelFilter::Off);
        let pool = Pool::new(options, database.connections, database.wait);
        Self { pool }
    }

    /// A question that costs nothing, for the health answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    pub fn close(&self) {
        self.pool.close();
    }

    /// What is measured only when somebody reads it.
    pub fn measure(&self) {
        self.pool.measure();
    }
}
