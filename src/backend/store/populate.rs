//! The initial rows: each is made unless it is there; none is ever overwritten.

use serde_json::Value;
use sqlx::PgConnection;

use super::{Store, StoreError};

/// How many of each were made; nothing of what was not in the data.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub scopes: Option<u64>,
    pub catalogs: Option<u64>,
    pub controls: Option<u64>,
}

impl Store {
    /// Lists of scopes, catalogs and controls in one transaction; afterwards new rows get numbers beyond theirs.
    pub async fn populate(&self, rows: &Value) -> Result<Made, StoreError> {
        const SCOPES: &str = r#"INSERT INTO "Scopes" (id, name, description, type, "default", "createdAt", "updatedAt")
            SELECT id, name, description, 'string', '*', now(), now()
            FROM jsonb_to_recordset($1) AS row (id uuid, name text, description text)
            ON CONFLICT (id) DO NOTHING"#;
        const CATALOGS: &str = r#"INSERT INTO catalog (id, name, description, "startDate", "endDate", dashboard_id, "tpaId")
            SELECT id, name, description, '2024-06-01T00:00:00Z', '2024-08-31T23:59:59Z', 'ae08pn1m04lxcd', "tpaId"
            FROM jsonb_to_recordset($1) AS row (id integer, name text, description text, "tpaId" text)
            ON CONFLICT (id) DO NOTHING"#;
        const CONTROLS: &str = r#"INSERT INTO control
                (id, name, description, period, "startDate", "endDate", "mashupId", params, "catalogId")
            SELECT id, name, description, period::enum_control_period, '2023-01-01T00:00:00Z', '2023-12-31T23:59:59Z',
                "mashupId", jsonb_build_object('endpoint', '/bpi', 'threshold', threshold), "catalogId"
            FROM jsonb_to_recordset($1) AS row (id integer, name text, description text, period text, "mashupId" text,
                threshold integer, "catalogId" integer)
            ON CONFLICT (id) DO NOTHING"#;
        let mut transaction = self.pool.begin().await?;
        let made = Made {
            scopes: insert(&mut transaction, SCOPES, &rows["scopes"]).await?,
            catalogs: insert(&mut transaction, CATALOGS, &rows["catalogs"]).await?,
            controls: insert(&mut transaction, CONTROLS, &rows["controls"]).await?,
        };
        // Never backwards: rows made since have numbers of their own.
        for sql in [
            r#"SELECT setval(pg_get_serial_sequence('catalog', 'id'), greatest(max(id),
                (SELECT last_value FROM catalog_id_seq))) FROM catalog HAVING max(id) IS NOT NULL"#,
            r#"SELECT setval(pg_get_serial_sequence('control', 'id'), greatest(max(id),
                (SELECT last_value FROM control_id_seq))) FROM control HAVING max(id) IS NOT NULL"#,
        ] {
            sqlx::query(sql).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(made)
    }
}

async fn insert(transaction: &mut PgConnection, sql: &'static str, rows: &Value) -> Result<Option<u64>, StoreError> {
    if rows.is_null() {
        return Ok(None);
    }
    Ok(Some(sqlx::query(sql).bind(sqlx::types::Json(rows)).execute(transaction).await?.rows_affected()))
}
