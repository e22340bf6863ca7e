//! Table `catalog`, and the way of a catalog from draft to finalized.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::types::Json;

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};
use crate::backend::status::Status;

/// The columns that a caller writes, as a JSON object of the row's own names: absent ones stay as they are, or empty in
/// a new row, and `null` empties one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CatalogFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    #[serde(rename = "startDate", skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(rename = "endDate", skip_serializing_if = "Option::is_none")]
    pub end: Option<Option<Timestamp>>,
    #[serde(rename = "dashboard_id", skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<Option<String>>,
    #[serde(rename = "tpaId", skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// How a change ended.
#[derive(Debug)]
pub enum CatalogChange {
    Done(RawJson),
    Missing,
    /// A finalized catalog does not become a draft again.
    Finalized,
}

/// How finalizing ended.
#[derive(Debug)]
pub enum Finalizing {
    /// The catalog and the number of its controls that became final with it.
    Done {
        catalog: RawJson,
        controls: u64,
    },
    Missing,
    NotDraft,
    WithoutDates,
}

macro_rules! columns {
    () => {
        concat!(
            "id, name, description, ",
            instant!(r#""startDate""#),
            r#" AS "startDate", "#,
            instant!(r#""endDate""#),
            r#" AS "endDate", dashboard_id, "tpaId", status"#
        )
    };
}

/// The rows that `$from` ends with, as texts.
macro_rules! select {
    ($from:literal) => {
        concat!("SELECT row_to_json(c)::text FROM (SELECT ", columns!(), " FROM ", $from, ") c")
    };
}

impl Store {
    pub async fn catalogs(&self, status: Option<Status>) -> Result<JsonRows, StoreError> {
        let query = match status {
            None => sqlx::query(select!("catalog")),
            Some(status) => sqlx::query(select!("catalog WHERE status::text = $1")).bind(status.as_str()),
        };
        JsonRows::read(&self.pool, query).await
    }

    pub async fn catalog(&self, id: i32) -> Result<Option<RawJson>, StoreError> {
        RawJson::find(&self.pool, sqlx::query(select!("catalog WHERE id = $1")).bind(id)).await
    }

    pub async fn insert_catalog(&self, fields: &CatalogFields) -> Result<RawJson, StoreError> {
        const SQL: &str = concat!(
            r#"WITH r AS (
                INSERT INTO catalog (name, description, "startDate", "endDate", dashboard_id, "tpaId", status)
                SELECT name, description, "startDate", "endDate", dashboard_id, "tpaId", status
                FROM jsonb_populate_record(NULL::catalog, $1) RETURNING *) "#,
            select!("r")
        );
        RawJson::from_row(&sqlx::query(SQL).bind(Json(fields)).fetch_one(&self.pool).await?)
    }

    pub async fn update_catalog(&self, id: i32, fields: &CatalogFields) -> Result<CatalogChange, StoreError> {
        const SQL: &str = concat!(
            r#"WITH r AS (
                UPDATE catalog SET (name, description, "startDate", "endDate", dashboard_id, "tpaId", status) =
                (SELECT name, description, "startDate", "endDate", dashboard_id, "tpaId", status
                FROM jsonb_populate_record(catalog, $2))
                WHERE id = $1 AND NOT ($3 AND status = 'finalized') RETURNING *) "#,
            select!("r")
        );
        let is_draft = fields.status == Some(Status::Draft);
        let row = sqlx::query(SQL).bind(id).bind(Json(fields)).bind(is_draft).fetch_optional(&self.pool).await?;
        match row {
            Some(row) => Ok(CatalogChange::Done(RawJson::from_row(&row)?)),
            None if is_draft && self.catalog(id).await?.is_some() => Ok(CatalogChange::Finalized),
            None => Ok(CatalogChange::Missing),
        }
    }

    /// Its controls survive without a catalog.
    pub async fn delete_catalog(&self, id: i32) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM catalog WHERE id = $1").bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// The catalog becomes final under this agreement, and its draft controls with it.
    pub async fn finalize_catalog(&self, id: i32, agreement: &str) -> Result<Finalizing, StoreError> {
        const LOOK: &str = r#"SELECT coalesce(status = 'draft', false), "endDate" IS NOT NULL
            FROM catalog WHERE id = $1 FOR UPDATE"#;
        const CATALOG: &str = concat!(
            r#"WITH r AS (UPDATE catalog SET status = 'finalized', "tpaId" = $2 WHERE id = $1 RETURNING *) "#,
            select!("r")
        );
        const CONTROLS: &str = r#"UPDATE control SET status = 'finalized' WHERE "catalogId" = $1 AND status = 'draft'"#;

        let mut transaction = self.pool.begin().await?;
        let row: Option<(bool, bool)> = sqlx::query_as(LOOK).bind(id).fetch_optional(&mut *transaction).await?;
        let refusal = match row {
            None => Some(Finalizing::Missing),
            Some((false, _)) => Some(Finalizing::NotDraft),
            Some((true, false)) => Some(Finalizing::WithoutDates),
            Some((true, true)) => None,
        };
        if let Some(refusal) = refusal {
            transaction.rollback().await?;
            return Ok(refusal);
        }
        let row = sqlx::query(CATALOG).bind(id).bind(agreement).fetch_one(&mut *transaction).await?;
        let catalog = RawJson::from_row(&row)?;
        let controls = sqlx::query(CONTROLS).bind(id).execute(&mut *transaction).await?.rows_affected();
        transaction.commit().await?;
        Ok(Finalizing::Done { catalog, controls })
    }
}
