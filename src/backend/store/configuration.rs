//! Table `"Configurations"`: what the availability gate knows, and the assistants' limit.

use sqlx::Row;

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};
use crate::backend::gate::Rule;

macro_rules! columns {
    () => {
        concat!(
            r#"id, endpoint, available, "limit", "#,
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt""#
        )
    };
}

/// Whoever counts assistants to make one, or to change how many there may be, does it alone.
pub(super) const LOCK: &str = r#"SELECT id FROM "Configurations" WHERE endpoint = $1 ORDER BY id LIMIT 1 FOR UPDATE"#;

/// What became of a new limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LimitChange {
    Done,
    NoRow,
    /// There are more assistants already.
    BelowCount,
}

impl Store {
    pub async fn configurations(&self) -> Result<JsonRows, StoreError> {
        const SQL: &str = concat!(
            "SELECT row_to_json(r)::text FROM (SELECT ",
            columns!(),
            r#" FROM "Configurations" ORDER BY id) r"#
        );
        JsonRows::read(&self.pool, sqlx::query(SQL)).await
    }

    /// The first row of that endpoint, which is the one that counts.
    pub async fn configuration(&self, endpoint: &str) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str = concat!(
            "SELECT row_to_json(r)::text FROM (SELECT ",
            columns!(),
            r#" FROM "Configurations" WHERE endpoint = $1 ORDER BY id LIMIT 1) r"#
        );
        RawJson::find(&self.pool, sqlx::query(SQL).bind(endpoint)).await
    }

    /// Its id; without a value nothing is changed. `None`: there is no such row.
    pub async fn set_available(&self, endpoint: &str, available: Option<bool>) -> Result<Option<i32>, StoreError> {
        const LOOK: &str = r#"SELECT id FROM "Configurations" WHERE endpoint = $1 ORDER BY id LIMIT 1"#;
        const CHANGE: &str = r#"UPDATE "Configurations" SET available = $2, "updatedAt" = now()
            WHERE id = (SELECT id FROM "Configurations" WHERE endpoint = $1 ORDER BY id LIMIT 1) RETURNING id"#;
        let query = match available {
            None => sqlx::query_scalar(LOOK).bind(endpoint),
            Some(available) => sqlx::query_scalar(CHANGE).bind(endpoint).bind(available),
        };
        Ok(query.fetch_optional(&self.pool).await?)
    }

    /// `None`: there is no such row; within, that it has no limit.
    pub async fn limit(&self, endpoint: &str) -> Result<Option<Option<i32>>, StoreError> {
        const SQL: &str = r#"SELECT "limit" FROM "Configurations" WHERE endpoint = $1 ORDER BY id LIMIT 1"#;
        Ok(sqlx::query_scalar(SQL).bind(endpoint).fetch_optional(&self.pool).await?)
    }

    /// The limit of the assistants, never below their number; one that is being made is waited for.
    pub async fn set_assistant_limit(&self, endpoint: &str, limit: i32) -> Result<LimitChange, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row: Option<i32> = sqlx::query_scalar(LOCK).bind(endpoint).fetch_optional(&mut *transaction).await?;
        let Some(id) = row else { return Ok(LimitChange::NoRow) };
        let count: i64 =
            sqlx::query_scalar(r#"SELECT count(*) FROM "Assistants""#).fetch_one(&mut *transaction).await?;
        if i64::from(limit) < count {
            return Ok(LimitChange::BelowCount);
        }
        sqlx::query(r#"UPDATE "Configurations" SET "limit" = $2, "updatedAt" = now() WHERE id = $1"#)
            .bind(id)
            .bind(limit)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(LimitChange::Done)
    }

    /// Rows that are missing are added, in order; what is there stays as it is.
    pub async fn seed_configuration(&self, rows: &[(String, i32)]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        // Two servers may start at once, and the column is not unique.
        sqlx::query(r#"LOCK TABLE "Configurations" IN SHARE ROW EXCLUSIVE MODE"#).execute(&mut *transaction).await?;
        const SQL: &str = r#"INSERT INTO "Configurations" (endpoint, available, "limit", "createdAt", "updatedAt")
            SELECT seed.endpoint, true, seed.number, now(), now()
            FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY AS seed (endpoint, number, place)
            WHERE NOT EXISTS (SELECT 1 FROM "Configurations" present WHERE present.endpoint = seed.endpoint)
            ORDER BY seed.place"#;
        let (endpoints, limits): (Vec<&str>, Vec<i32>) =
            rows.iter().map(|(endpoint, limit)| (endpoint.as_str(), *limit)).unzip();
        sqlx::query(SQL).bind(endpoints).bind(limits).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// For the gate, in the order in which it looks.
    pub async fn rules(&self) -> Result<Vec<Rule>, StoreError> {
        let rows = sqlx::query(r#"SELECT endpoint, coalesce(available, false) FROM "Configurations" ORDER BY id"#)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(Rule { endpoint: row.try_get(0)?, available: row.try_get(1)? })).collect()
    }
}
