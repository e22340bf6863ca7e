//! Table `computation`: results of flows, one row per concrete scope.
//!
//! Scopes, evidences and periods are `json`, not `jsonb`: the order of a scope's keys means something.

use uuid::Uuid;

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};

/// A row in the contract's field order.
macro_rules! columns {
    () => {
        concat!(
            r#"id, "computationGroup", value, scope, evidences, period, "#,
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt", "controlId""#
        )
    };
}

/// Rows of `computation` in the order in which they came.
macro_rules! rows_where {
    ($condition:literal) => {
        concat!(
            "SELECT row_to_json(r)::text FROM (SELECT ",
            columns!(),
            " FROM computation ",
            $condition,
            r#" ORDER BY computation."createdAt") r"#
        )
    };
}

impl Store {
    pub async fn computations(&self) -> Result<JsonRows, StoreError> {
        const SQL: &str = concat!("SELECT row_to_json(r)::text FROM (SELECT ", columns!(), r#" FROM computation) r"#);
        JsonRows::read(&self.pool, sqlx::query(SQL)).await
    }

    pub async fn computations_of_group(&self, group: Uuid) -> Result<RawJson, StoreError> {
        const SQL: &str = rows_where!(r#"WHERE "computationGroup" = $1"#);
        JsonRows::read(&self.pool, sqlx::query(SQL).bind(group)).await?.text().await.map(RawJson)
    }

    pub async fn computations_of_control(&self, control: i32) -> Result<JsonRows, StoreError> {
        const SQL: &str = rows_where!(r#"WHERE "controlId" = $1"#);
        JsonRows::read(&self.pool, sqlx::query(SQL).bind(control)).await
    }

    /// `day`: `YYYY-MM-DD`, in UTC.
    pub async fn computations_of_day(&self, control: i32, day: String) -> Result<JsonRows, StoreError> {
        const SQL: &str = rows_where!(
            r#"WHERE "controlId" = $1 AND "createdAt" >= $2::date AND "createdAt" < $2::date + interval '1 day'"#
        );
        JsonRows::read(&self.pool, sqlx::query(SQL).bind(control).bind(day)).await
    }

    /// All or none, in one round trip. `rows`: a JSON array of objects with checked members; what came back has the same
    /// order. The rows are created a microsecond apart, so that a batch keeps its order in the table.
    pub async fn insert_computations(&self, rows: String) -> Result<RawJson, StoreError> {
        const SQL: &str = concat!(
            r#"WITH r AS (
            INSERT INTO computation
                (id, "computationGroup", value, scope, evidences, period, "controlId", "createdAt", "updatedAt")
            SELECT c.id, c."group", c.value, c.scope, c.evidences, c.period, c.control,
                coalesce(c.created, now() + c.place * interval '1 microsecond'), coalesce(c.updated, now())
            FROM ROWS FROM (json_to_recordset($1::json) AS (
                id uuid, "computationGroup" uuid, value boolean, scope json, evidences json[], period json,
                "controlId" integer, "createdAt" timestamptz, "updatedAt" timestamptz
            )) WITH ORDINALITY
                AS c (id, "group", value, scope, evidences, period, control, created, updated, place)
            RETURNING *)
            SELECT row_to_json(s)::text FROM (SELECT "#,
            columns!(),
            " FROM r) s"
        );
        JsonRows::read(&self.pool, sqlx::query(SQL).bind(rows)).await?.text().await.map(RawJson)
    }

    /// Takes an insertion back.
    pub async fn withdraw_computations(&self, ids: Vec<Uuid>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM computation WHERE id = ANY($1)").bind(ids).execute(&self.pool).await?;
        Ok(())
    }

    pub async fn delete_computations(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM computation").execute(&self.pool).await?;
        Ok(())
    }

    /// How many there were. `period`: JSON.
    pub async fn set_period_of_control(&self, control: i32, period: String) -> Result<u64, StoreError> {
        const SQL: &str = r#"UPDATE computation SET period = $2::json, "updatedAt" = now() WHERE "controlId" = $1"#;
        let done = sqlx::query(SQL).bind(control).bind(period).execute(&self.pool).await?;
        Ok(done.rows_affected())
    }

    pub async fn delete_computations_of_control(&self, control: i32) -> Result<(), StoreError> {
        sqlx::query(r#"DELETE FROM computation WHERE "controlId" = $1"#).bind(control).execute(&self.pool).await?;
        Ok(())
    }
}
