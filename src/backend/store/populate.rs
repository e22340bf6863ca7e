//! The initial rows: each is made unless it is there; none is ever overwritten.

use serde_json::Value;
use sqlx::PgConnection;

use super::users::insert_user;
use super::{NewUser, Store, StoreError};

/// The step of the set-up that this is.
const STEP: &str = "populate";

/// How many of each were made; nothing of what was not in the data.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub scopes: Option<u64>,
    pub catalogs: Option<u64>,
    pub controls: Option<u64>,
}

impl Store {
    const SCOPES: &str = r#"INSERT INTO "Scopes" (id, name, description, type, "default", "createdAt", "updatedAt")
        SELECT id, name, description, 'string', '*', now(), now()
        FROM jsonb_to_recordset($1) AS row (id uuid, name text, description text)
        ON CONFLICT (id) DO NOTHING"#;

    /// Lists of scopes, catalogs and controls in one transaction; afterwards new rows get numbers beyond theirs.
    pub async fn populate(&self, rows: &Value) -> Result<Made, StoreError> {
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
            scopes: insert(&mut transaction, Self::SCOPES, &rows["scopes"]).await?,
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

    /// Whether [`Store::populate_once`] has been done in this database.
    pub async fn is_populated(&self) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM setup_step WHERE name = $1)";
        Ok(sqlx::query_scalar(SQL).bind(STEP).fetch_one(&self.pool).await?)
    }

    /// The scopes for everybody, the first administrator, and the word that it was done: all of it or nothing, and once.
    /// `None`: somebody was faster. The flag tells whether the account was made.
    pub async fn populate_once(
        &self,
        rows: &Value,
        admin: &NewUser,
        hash: &str,
    ) -> Result<Option<(Made, bool)>, StoreError> {
        // Waits for another one that is at it.
        const MARK: &str = "INSERT INTO setup_step (name) VALUES ($1) ON CONFLICT DO NOTHING";
        let mut transaction = self.pool.begin().await?;
        if sqlx::query(MARK).bind(STEP).execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(None);
        }
        let scopes = insert(&mut transaction, Self::SCOPES, &rows["scopes"]).await?;
        let user = insert_user(&mut *transaction, admin, hash).await?;
        transaction.commit().await?;
        Ok(Some((Made { scopes, ..Made::default() }, user)))
    }
}

async fn insert(transaction: &mut PgConnection, sql: &'static str, rows: &Value) -> Result<Option<u64>, StoreError> {
    if rows.is_null() {
        return Ok(None);
    }
    Ok(Some(sqlx::query(sql).bind(sqlx::types::Json(rows)).execute(transaction).await?.rows_affected()))
}
