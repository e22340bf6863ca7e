//! The schema, brought up to date at every start.
//!
//! The migrator holds an advisory lock of the database while it works, so that processes that start at the same time do
//! it once. Every file can be applied to a database that the original backend has made: what is there is kept.

use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};

use super::{Store, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("src/backend/store/migrations");

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the schema could not be brought up to date")]
    Migrate(#[source] MigrateError),
}

impl Store {
    pub async fn migrate(&self) -> Result<(), SchemaError> {
        let mut connection = self.pool.dedicated().await.map_err(StoreError::from)?;
        let done = MIGRATIONS.run(&mut connection).await;
        // Closed in any way when dropped; a polite end spares the server a line in its log.
        let _ = connection.close().await;
        match done {
            Ok(()) => Ok(()),
            Err(MigrateError::Execute(error)) => Err(SchemaError::Store(error.into())),
            Err(error) => Err(SchemaError::Migrate(error)),
        }
    }
}
