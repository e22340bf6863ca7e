//! Table `"Configurations"`: what the availability gate knows, and the assistants' limit.

use sqlx::Row;

use super::{Store, StoreError};
use crate::backend::gate::Rule;

impl Store {
    /// Rows that are missing are added, in order; what is there stays as it is.
    pub async fn seed_configuration(&self, rows: &[(String, i32)]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        // Two servers may start at once, and the column is not unique.
        sqlx::query(r#"LOCK TABLE "Configurations" IN SHARE ROW EXCLUSIVE MODE"#).execute(&mut *transaction).await?;
        for (endpoint, limit) in rows {
            const SQL: &str = r#"INSERT INTO "Configurations" (endpoint, available, "limit", "createdAt", "updatedAt")
                SELECT $1, true, $2, now(), now()
                WHERE NOT EXISTS (SELECT 1 FROM "Configurations" WHERE endpoint = $1)"#;
            sqlx::query(SQL).bind(endpoint).bind(limit).execute(&mut *transaction).await?;
        }
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
