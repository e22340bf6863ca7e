//! Table `"Assistants"`, whose number has a limit.

use super::configuration::LOCK;
use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};

/// An assistant as it was made.
#[derive(Debug, Clone)]
pub struct NewAssistant {
    /// OpenAI's.
    pub assistant_id: String,
    pub name: String,
    pub instructions: String,
    /// JSON.
    pub tools: String,
    pub model: String,
}

macro_rules! columns {
    () => {
        concat!(
            r#"id, "assistantId", name, instructions, tools, model, status, "#,
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt""#
        )
    };
}

impl Store {
    pub async fn assistants(&self) -> Result<JsonRows, StoreError> {
        const SQL: &str =
            concat!("SELECT row_to_json(r)::text FROM (SELECT ", columns!(), r#" FROM "Assistants" ORDER BY id) r"#);
        JsonRows::read(&self.pool, sqlx::query(SQL)).await
    }

    pub async fn assistant(&self, id: i32) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str =
            concat!("SELECT row_to_json(r)::text FROM (SELECT ", columns!(), r#" FROM "Assistants" WHERE id = $1) r"#);
        RawJson::find(&self.pool, sqlx::query(SQL).bind(id)).await
    }

    pub async fn instructions(&self, id: i32) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar(r#"SELECT instructions FROM "Assistants" WHERE id = $1"#);
        Ok(query.bind(id).fetch_optional(&self.pool).await?)
    }

    /// Whether there may be one more, as `endpoint`'s row says; another may be faster.
    pub async fn has_room_for_assistant(&self, endpoint: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(HAS_ROOM).bind(endpoint).fetch_one(&self.pool).await?)
    }

    /// `false`: there are as many as there may be. Whoever else makes one, or changes the limit, is waited for.
    pub async fn insert_assistant(&self, endpoint: &str, new: &NewAssistant) -> Result<bool, StoreError> {
        const INSERT: &str = r#"INSERT INTO "Assistants"
            ("assistantId", name, instructions, tools, model, status, "createdAt", "updatedAt")
            VALUES ($1, $2, $3, $4, $5, 'INACTIVE', now(), now())"#;
        let mut transaction = self.pool.begin().await?;
        let _row: Option<i32> = sqlx::query_scalar(LOCK).bind(endpoint).fetch_optional(&mut *transaction).await?;
        let has_room: bool = sqlx::query_scalar(HAS_ROOM).bind(endpoint).fetch_one(&mut *transaction).await?;
        if !has_room {
            transaction.rollback().await?;
            return Ok(false);
        }
        let insert = sqlx::query(INSERT).bind(&new.assistant_id).bind(&new.name).bind(&new.instructions);
        insert.bind(&new.tools).bind(&new.model).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// OpenAI's id of the changed one. `None`: there is no such assistant.
    pub async fn set_instructions(&self, id: i32, instructions: &str) -> Result<Option<String>, StoreError> {
        const SQL: &str = r#"UPDATE "Assistants" SET instructions = $2, "updatedAt" = now()
            WHERE id = $1 RETURNING "assistantId""#;
        Ok(sqlx::query_scalar(SQL).bind(id).bind(instructions).fetch_optional(&self.pool).await?)
    }

    /// One, or all of them.
    pub async fn delete_assistants(&self, id: Option<i32>) -> Result<(), StoreError> {
        let query = sqlx::query(r#"DELETE FROM "Assistants" WHERE $1::int IS NULL OR id = $1"#);
        query.bind(id).execute(&self.pool).await?;
        Ok(())
    }
}

/// Without a row, or without a number in it, there may be none.
const HAS_ROOM: &str = r#"SELECT (SELECT count(*) FROM "Assistants") <
    coalesce((SELECT "limit" FROM "Configurations" WHERE endpoint = $1 ORDER BY id LIMIT 1), 0)"#;
