//! Table `control`, and the way of a control from draft to finalized.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::Row;
use sqlx::types::Json;

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};
use crate::backend::period::Period;
use crate::backend::status::Status;

/// The columns that a caller writes, as a JSON object of the row's own names: absent ones stay as they are, or empty in
/// a new row, and `null` empties one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ControlFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    #[serde(rename = "startDate", skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(rename = "endDate", skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    #[serde(rename = "mashupId", skip_serializing_if = "Option::is_none")]
    pub mashup: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(rename = "catalogId", skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Option<i32>>,
}

/// What a change is decided by. The row is locked meanwhile.
#[derive(Debug, Clone)]
pub struct CurrentControl {
    pub is_draft: bool,
    pub params: Value,
    /// Whether its catalog is a draft; `None` without a catalog.
    pub catalog_is_draft: Option<bool>,
}

/// Which controls a list shows; what is not given does not matter.
#[derive(Debug, Clone, Default)]
pub struct ControlFilter {
    pub status: Option<Status>,
    pub period: Option<Period>,
    pub name: Option<String>,
    pub mashup: Option<String>,
    pub catalog: Option<i32>,
}

/// How the making of a draft ended.
#[derive(Debug)]
pub enum Drafting {
    Done(RawJson),
    NoCatalog,
    CatalogIsFinal,
}

macro_rules! columns {
    () => {
        concat!(
            "id, name, description, period, ",
            instant!(r#""startDate""#),
            r#" AS "startDate", "#,
            instant!(r#""endDate""#),
            r#" AS "endDate", "mashupId", params, status, "catalogId""#
        )
    };
}

/// The rows that `$from` ends with, as texts.
macro_rules! select {
    ($from:literal) => {
        concat!("SELECT row_to_json(c)::text FROM (SELECT ", columns!(), " FROM ", $from, ") c")
    };
}

macro_rules! insert {
    ($then:expr) => {
        concat!(
            r#"WITH r AS (
                INSERT INTO control
                    (name, description, period, "startDate", "endDate", "mashupId", params, status, "catalogId")
                SELECT name, description, period, "startDate", "endDate", "mashupId", params, status, "catalogId"
                FROM jsonb_populate_record(NULL::control, $1) RETURNING *) "#,
            $then
        )
    };
}

impl Store {
    pub async fn controls(&self, filter: ControlFilter) -> Result<JsonRows, StoreError> {
        const SQL: &str = select!(
            r#"control WHERE ($1::text IS NULL OR status::text = $1) AND ($2::text IS NULL OR period::text = $2)
            AND ($3::text IS NULL OR name = $3) AND ($4::text IS NULL OR "mashupId" = $4)
            AND ($5::integer IS NULL OR "catalogId" = $5)"#
        );
        let query = sqlx::query(SQL)
            .bind(filter.status.map(Status::as_str))
            .bind(filter.period.map(Period::as_str))
            .bind(filter.name)
            .bind(filter.mashup)
            .bind(filter.catalog);
        JsonRows::read(&self.pool, query).await
    }

    pub async fn control(&self, id: i32) -> Result<Option<RawJson>, StoreError> {
        RawJson::find(&self.pool, sqlx::query(select!("control WHERE id = $1")).bind(id)).await
    }

    /// `None`: there is no such catalog.
    pub async fn draft_controls_of(&self, catalog: i32) -> Result<Option<JsonRows>, StoreError> {
        const SQL: &str = select!(r#"control WHERE "catalogId" = $1 AND status = 'draft'"#);
        let row = sqlx::query("SELECT 1 FROM catalog WHERE id = $1").bind(catalog).fetch_optional(&self.pool).await?;
        if row.is_none() {
            return Ok(None);
        }
        JsonRows::read(&self.pool, sqlx::query(SQL).bind(catalog)).await.map(Some)
    }

    /// The new row's id.
    pub async fn insert_control(&self, fields: &ControlFields) -> Result<i32, StoreError> {
        const SQL: &str = insert!("SELECT id FROM r");
        Ok(sqlx::query(SQL).bind(Json(fields)).fetch_one(&self.pool).await?.try_get(0)?)
    }

    /// In a catalog that is a draft itself, and stays one until the control is there.
    pub async fn insert_draft_control(&self, catalog: i32, fields: &ControlFields) -> Result<Drafting, StoreError> {
        const LOOK: &str = "SELECT coalesce(status = 'draft', false) FROM catalog WHERE id = $1 FOR SHARE";
        const SQL: &str = insert!(select!("r"));
        let mut transaction = self.pool.begin().await?;
        let Some(row) = sqlx::query(LOOK).bind(catalog).fetch_optional(&mut *transaction).await? else {
            transaction.rollback().await?;
            return Ok(Drafting::NoCatalog);
        };
        if !row.try_get::<bool, _>(0)? {
            transaction.rollback().await?;
            return Ok(Drafting::CatalogIsFinal);
        }
        let row = sqlx::query(SQL).bind(Json(fields)).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        RawJson::from_row(&row).map(Drafting::Done)
    }

    /// Changes a control as `decide` says, which sees the row as it is now and may refuse. `None`: there is no such
    /// control.
    pub async fn change_control<E>(
        &self,
        id: i32,
        decide: impl FnOnce(&CurrentControl) -> Result<ControlFields, E>,
    ) -> Result<Option<Result<RawJson, E>>, StoreError> {
        // Without a lock on the catalog: a finalized one never becomes a draft again.
        const LOOK: &str = r#"SELECT coalesce(control.status = 'draft', false), control.params,
                CASE WHEN catalog.id IS NOT NULL THEN coalesce(catalog.status = 'draft', false) END
            FROM control LEFT JOIN catalog ON catalog.id = control."catalogId"
            WHERE control.id = $1 FOR UPDATE OF control"#;
        const SQL: &str = concat!(
            r#"WITH r AS (
                UPDATE control SET
                (name, description, period, "startDate", "endDate", "mashupId", params, status, "catalogId") =
                (SELECT name, description, period, "startDate", "endDate", "mashupId", params, status, "catalogId"
                FROM jsonb_populate_record(control, $2))
                WHERE id = $1 RETURNING *) "#,
            select!("r")
        );
        let mut transaction = self.pool.begin().await?;
        let Some(row) = sqlx::query(LOOK).bind(id).fetch_optional(&mut *transaction).await? else {
            transaction.rollback().await?;
            return Ok(None);
        };
        let params: Option<Json<Value>> = row.try_get(1)?;
        let current = CurrentControl {
            is_draft: row.try_get(0)?,
            params: params.map_or(Value::Null, |params| params.0),
            catalog_is_draft: row.try_get(2)?,
        };
        let change = match decide(&current) {
            Ok(change) => change,
            Err(refusal) => {
                transaction.rollback().await?;
                return Ok(Some(Err(refusal)));
            }
        };
        let row = sqlx::query(SQL).bind(id).bind(Json(change)).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        RawJson::from_row(&row).map(|control| Some(Ok(control)))
    }

    /// Its computations and panels stay, without it.
    pub async fn delete_control(&self, id: i32) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM control WHERE id = $1").bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }
}
