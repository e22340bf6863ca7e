//! Table `panel`: which panels of Grafana show a control.

use serde::Serialize;
use sqlx::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{RawJson, Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    pub uid: Uuid,
    /// Grafana's id of the panel, as text.
    pub id: Option<String>,
    pub dashboard_uid: Option<String>,
    pub control_id: Option<i32>,
}

impl Store {
    pub async fn panels_of_control(&self, control: i32) -> Result<Vec<Panel>, StoreError> {
        const SQL: &str = r#"SELECT uid, id, "dashboardUid", "controlId" FROM panel WHERE "controlId" = $1"#;
        let rows = sqlx::query(SQL).bind(control).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(Panel {
                    uid: row.try_get(0)?,
                    id: row.try_get(1)?,
                    dashboard_uid: row.try_get(2)?,
                    control_id: row.try_get(3)?,
                })
            })
            .collect()
    }

    pub async fn insert_panel(
        &self,
        control: i32,
        panel: &str,
        dashboard: Option<&str>,
    ) -> Result<RawJson, StoreError> {
        const SQL: &str = r#"WITH r AS (INSERT INTO panel (uid, id, "dashboardUid", "controlId")
            VALUES ($1, $2, $3, $4) RETURNING *)
            SELECT row_to_json(s)::text FROM (SELECT uid, id, "dashboardUid", "controlId" FROM r) s"#;
        let query = sqlx::query(SQL).bind(Uuid::new_v4()).bind(panel).bind(dashboard).bind(control);
        RawJson::from_row(&query.fetch_one(&self.pool).await?)
    }

    pub async fn delete_panel(&self, control: i32, panel: &str) -> Result<(), StoreError> {
        const SQL: &str = r#"DELETE FROM panel WHERE "controlId" = $1 AND id = $2"#;
        sqlx::query(SQL).bind(control).bind(panel).execute(&self.pool).await?;
        Ok(())
    }
}
