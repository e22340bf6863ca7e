//! Table `"Points"`: results of guarantees, as the registry computed them.

use uuid::Uuid;

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};

macro_rules! columns {
    () => {
        concat!(
            r#"id, "agreementId", "guaranteeId", "guaranteeValue", "guaranteeResult", "#,
            instant!("timestamp"),
            r#" AS "timestamp", metrics, scope, "computationGroup", "#,
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt""#
        )
    };
}

pub(super) use columns;

/// `$rest` follows the table's name.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT row_to_json(r)::text FROM (SELECT ", columns!(), r#" FROM "Points""#, $rest, ") r")
    };
}

impl Store {
    pub async fn points(&self) -> Result<JsonRows, StoreError> {
        JsonRows::read(&self.pool, sqlx::query(select!(""))).await
    }

    pub async fn point(&self, id: Uuid) -> Result<Option<RawJson>, StoreError> {
        RawJson::find(&self.pool, sqlx::query(select!(" WHERE id = $1")).bind(id)).await
    }

    pub async fn points_of_agreement(&self, agreement: String) -> Result<JsonRows, StoreError> {
        let query = sqlx::query(select!(r#" WHERE "agreementId" = $1 ORDER BY timestamp"#));
        JsonRows::read(&self.pool, query.bind(agreement)).await
    }

    pub async fn delete_points(&self) -> Result<(), StoreError> {
        sqlx::query(r#"DELETE FROM "Points""#).execute(&self.pool).await?;
        Ok(())
    }

    pub async fn delete_point(&self, id: Uuid) -> Result<bool, StoreError> {
        let done = sqlx::query(r#"DELETE FROM "Points" WHERE id = $1"#).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }
}
