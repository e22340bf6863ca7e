//! Table `"Scopes"`.

use uuid::Uuid;

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};
use crate::backend::scopes::ScopeName;

/// The columns that a caller writes.
#[derive(Debug, Clone)]
pub struct ScopeFields {
    pub name: ScopeName,
    pub description: Option<String>,
    pub kind: Option<String>,
    pub default: Option<String>,
}

macro_rules! columns {
    () => {
        concat!(
            r#"id, name, description, type, "default", "#,
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt""#
        )
    };
}

impl Store {
    pub async fn scopes(&self) -> Result<JsonRows, StoreError> {
        const SQL: &str = concat!("SELECT row_to_json(r)::text FROM (SELECT ", columns!(), r#" FROM "Scopes") r"#);
        JsonRows::read(&self.pool, sqlx::query(SQL)).await
    }

    pub async fn scope(&self, id: Uuid) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str =
            concat!("SELECT row_to_json(r)::text FROM (SELECT ", columns!(), r#" FROM "Scopes" WHERE id = $1) r"#);
        RawJson::find(&self.pool, sqlx::query(SQL).bind(id)).await
    }

    /// A description and a default must be there; without a type it is `string`.
    pub async fn insert_scope(&self, fields: &ScopeFields) -> Result<RawJson, StoreError> {
        const SQL: &str = concat!(
            r#"WITH r AS (INSERT INTO "Scopes" (id, name, description, type, "default", "createdAt", "updatedAt")
            VALUES ($1, $2, $3, coalesce($4, 'string'), $5, now(), now()) RETURNING *)
            SELECT row_to_json(s)::text FROM (SELECT "#,
            columns!(),
            " FROM r) s"
        );
        let row = sqlx::query(SQL)
            .bind(Uuid::new_v4())
            .bind(fields.name.as_str())
            .bind(&fields.description)
            .bind(&fields.kind)
            .bind(&fields.default)
            .fetch_one(&self.pool)
            .await?;
        RawJson::from_row(&row)
    }

    /// What is not given stays. `None`: there is no such scope.
    pub async fn update_scope(&self, id: Uuid, fields: &ScopeFields) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str = concat!(
            r#"WITH r AS (UPDATE "Scopes" SET name = $2, description = coalesce($3, description),
            type = coalesce($4, type), "default" = coalesce($5, "default"), "updatedAt" = now()
            WHERE id = $1 RETURNING *)
            SELECT row_to_json(s)::text FROM (SELECT "#,
            columns!(),
            " FROM r) s"
        );
        RawJson::find(
            &self.pool,
            sqlx::query(SQL)
                .bind(id)
                .bind(fields.name.as_str())
                .bind(&fields.description)
                .bind(&fields.kind)
                .bind(&fields.default),
        )
        .await
    }

    pub async fn delete_scope(&self, id: Uuid) -> Result<bool, StoreError> {
        let done = sqlx::query(r#"DELETE FROM "Scopes" WHERE id = $1"#).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }
}
