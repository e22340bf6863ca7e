//! Table `secrets`: what users keep for their controls, encrypted.

use sqlx::Row;

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};

/// The columns that an owner writes; what is not given stays.
#[derive(Default)]
pub struct SecretFields {
    pub name: Option<String>,
    pub kind: Option<String>,
    pub environment: Option<String>,
    /// Encrypted already.
    pub value: Option<String>,
}

impl std::fmt::Debug for SecretFields {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SecretFields({:?})", self.name)
    }
}

impl SecretFields {
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.kind.is_none() && self.environment.is_none() && self.value.is_none()
    }
}

/// Never the cipher text, never the owner.
macro_rules! masked {
    ($from:literal) => {
        concat!(
            r#"SELECT row_to_json(m)::text FROM (SELECT id, name, type, environment, "createdBy", version, "#,
            instant!(r#""rotatedAt""#),
            r#" AS "rotatedAt", "#,
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt", '********' AS value FROM "#,
            $from,
            ") m"
        )
    };
}

impl Store {
    pub async fn secrets(&self, owner: i32) -> Result<JsonRows, StoreError> {
        const SQL: &str = masked!(r#"secrets WHERE "ownerId" = $1 ORDER BY id"#);
        JsonRows::read(&self.pool, sqlx::query(SQL).bind(owner)).await
    }

    pub async fn secret(&self, owner: i32, id: i32) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str = masked!(r#"secrets WHERE "ownerId" = $1 AND id = $2"#);
        RawJson::find(&self.pool, sqlx::query(SQL).bind(owner).bind(id)).await
    }

    /// Name, kind and value must be there. `None`: there is no such owner.
    pub async fn insert_secret(&self, owner: i32, fields: &SecretFields) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str = concat!(
            r#"WITH s AS (INSERT INTO secrets
            (name, type, environment, "valueEncrypted", "createdBy", "ownerId", "createdAt", "updatedAt")
            SELECT $2, $3, coalesce($4, 'production'), $5, username, id, now(), now() FROM "Users" WHERE id = $1
            RETURNING *) "#,
            masked!("s")
        );
        RawJson::find(
            &self.pool,
            sqlx::query(SQL)
                .bind(owner)
                .bind(&fields.name)
                .bind(&fields.kind)
                .bind(&fields.environment)
                .bind(&fields.value),
        )
        .await
    }

    /// A new value is a new version.
    pub async fn update_secret(
        &self,
        owner: i32,
        id: i32,
        fields: &SecretFields,
    ) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str = concat!(
            r#"WITH s AS (UPDATE secrets SET name = coalesce($3, name), type = coalesce($4, type),
            environment = coalesce($5, environment), "valueEncrypted" = coalesce($6, "valueEncrypted"),
            version = CASE WHEN $6::text IS NULL THEN version ELSE version + 1 END,
            "rotatedAt" = CASE WHEN $6::text IS NULL THEN "rotatedAt" ELSE now() END, "updatedAt" = now()
            WHERE "ownerId" = $1 AND id = $2 RETURNING *) "#,
            masked!("s")
        );
        RawJson::find(
            &self.pool,
            sqlx::query(SQL)
                .bind(owner)
                .bind(id)
                .bind(&fields.name)
                .bind(&fields.kind)
                .bind(&fields.environment)
                .bind(&fields.value),
        )
        .await
    }

    pub async fn delete_secret(&self, owner: i32, id: i32) -> Result<bool, StoreError> {
        let sql = r#"DELETE FROM secrets WHERE "ownerId" = $1 AND id = $2"#;
        let done = sqlx::query(sql).bind(owner).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// The encrypted value of an owner's secret, by id or by name and, if given, environment.
    pub async fn encrypted_secret(
        &self,
        owner: i32,
        id: Option<i32>,
        name: Option<&str>,
        environment: Option<&str>,
    ) -> Result<Option<(String, String)>, StoreError> {
        const SQL: &str = r#"SELECT name, "valueEncrypted" FROM secrets WHERE "ownerId" = $1
            AND (id = $2 OR ($2 IS NULL AND name = $3)) AND ($4::text IS NULL OR environment = $4)"#;
        let query = sqlx::query(SQL).bind(owner).bind(id).bind(name).bind(environment);
        let row = query.fetch_optional(&self.pool).await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
    }
}
