//! Tables `"Threads"` and `"Messages"`: which threads of OpenAI belong to whom, and what was said in them.

use super::rows::instant;
use super::{JsonRows, Store, StoreError};

/// A thread and its first message.
#[derive(Debug, Clone)]
pub struct NewThread {
    pub user_id: i32,
    /// OpenAI's.
    pub gpt_id: String,
    pub run_id: String,
    pub name: &'static str,
    pub content: String,
}

macro_rules! columns {
    () => {
        concat!(
            "id, gpt_id, name, run_id, ",
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt", "UserId""#
        )
    };
}

/// The column is not unique; the first counts.
const FIND: &str = r#"SELECT id FROM "Threads" WHERE gpt_id = $1 ORDER BY id LIMIT 1"#;

const INSERT_MESSAGE: &str =
    r#"INSERT INTO "Messages" (content, "ThreadId", "createdAt", "updatedAt") VALUES ($1, $2, now(), now())"#;

impl Store {
    /// Of one user, or of all.
    pub async fn threads(&self, user_id: Option<i32>) -> Result<JsonRows, StoreError> {
        const SQL: &str = concat!(
            "SELECT row_to_json(r)::text FROM (SELECT ",
            columns!(),
            r#" FROM "Threads" WHERE $1::int IS NULL OR "UserId" = $1 ORDER BY id) r"#
        );
        JsonRows::read(&self.pool, sqlx::query(SQL).bind(user_id)).await
    }

    /// The run that was started last on it. `None`: there is no such thread.
    pub async fn run_of_thread(&self, gpt_id: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar(r#"SELECT run_id FROM "Threads" WHERE gpt_id = $1 ORDER BY id LIMIT 1"#);
        Ok(query.bind(gpt_id).fetch_optional(&self.pool).await?)
    }

    pub async fn insert_thread(&self, new: &NewThread) -> Result<(), StoreError> {
        const INSERT: &str = r#"INSERT INTO "Threads" (gpt_id, name, run_id, "UserId", "createdAt", "updatedAt")
            VALUES ($1, $2, $3, $4, now(), now()) RETURNING id"#;
        let mut transaction = self.pool.begin().await?;
        let insert = sqlx::query_scalar(INSERT).bind(&new.gpt_id).bind(new.name).bind(&new.run_id).bind(new.user_id);
        let id: i32 = insert.fetch_one(&mut *transaction).await?;
        sqlx::query(INSERT_MESSAGE).bind(&new.content).bind(id).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A message and the run that answers it. `false`: there is no such thread any more.
    pub async fn add_message(&self, gpt_id: &str, content: &str, run_id: &str) -> Result<bool, StoreError> {
        const RUN: &str = r#"UPDATE "Threads" SET run_id = $2, "updatedAt" = now() WHERE id = $1"#;
        let mut transaction = self.pool.begin().await?;
        let id: Option<i32> = sqlx::query_scalar(FIND).bind(gpt_id).fetch_optional(&mut *transaction).await?;
        let Some(id) = id else {
            transaction.rollback().await?;
            return Ok(false);
        };
        sqlx::query(RUN).bind(id).bind(run_id).execute(&mut *transaction).await?;
        sqlx::query(INSERT_MESSAGE).bind(content).bind(id).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    pub async fn rename_thread(&self, gpt_id: &str, name: &str) -> Result<bool, StoreError> {
        let query = sqlx::query(r#"UPDATE "Threads" SET name = $2, "updatedAt" = now() WHERE gpt_id = $1"#);
        Ok(query.bind(gpt_id).bind(name).execute(&self.pool).await?.rows_affected() > 0)
    }

    /// With its messages.
    pub async fn delete_thread(&self, gpt_id: &str) -> Result<(), StoreError> {
        const SQL: &str = r#"WITH gone AS (DELETE FROM "Messages" WHERE "ThreadId" IN
            (SELECT id FROM "Threads" WHERE gpt_id = $1)) DELETE FROM "Threads" WHERE gpt_id = $1"#;
        sqlx::query(SQL).bind(gpt_id).execute(&self.pool).await?;
        Ok(())
    }

    /// A user's, with their messages.
    pub async fn delete_threads(&self, user_id: i32) -> Result<(), StoreError> {
        const SQL: &str = r#"WITH gone AS (DELETE FROM "Messages" WHERE "ThreadId" IN
            (SELECT id FROM "Threads" WHERE "UserId" = $1)) DELETE FROM "Threads" WHERE "UserId" = $1"#;
        sqlx::query(SQL).bind(user_id).execute(&self.pool).await?;
        Ok(())
    }
}
