//! What an agreement is made of: the catalog, its final controls, the scopes that their sets name.

use jiff_sqlx::Timestamp;
use serde_json::{Map, Value};
use sqlx::types::Json;

use super::{Store, StoreError};
use crate::backend::agreement::{ControlTerms, ScopeTerms, Span};

impl Store {
    /// The catalog of that agreement, and how long it holds.
    pub async fn catalog_of_agreement(&self, agreement: &str) -> Result<Option<(i32, Span)>, StoreError> {
        const SQL: &str = r#"SELECT id, "startDate", "endDate" FROM catalog WHERE "tpaId" = $1 ORDER BY id LIMIT 1"#;
        type Row = (i32, Option<Timestamp>, Option<Timestamp>);
        let row: Option<Row> = sqlx::query_as(SQL).bind(agreement).fetch_optional(&self.pool).await?;
        let time = |time: Option<Timestamp>| time.map(Timestamp::to_jiff);
        Ok(row.map(|(id, start, end)| (id, Span { start: time(start), end: time(end) })))
    }

    /// The final controls of a catalog with their ids, in the order of their making. Their scope sets are elsewhere.
    pub async fn terms_of_controls(&self, catalog: i32) -> Result<Vec<(i32, ControlTerms)>, StoreError> {
        const SQL: &str = r#"SELECT id, name, description, period::text, params FROM control
            WHERE "catalogId" = $1 AND status IS DISTINCT FROM 'draft' ORDER BY id"#;
        type Row = (i32, String, Option<String>, String, Option<Json<Value>>);
        let rows: Vec<Row> = sqlx::query_as(SQL).bind(catalog).fetch_all(&self.pool).await?;
        let object = |params: Option<Json<Value>>| match params {
            Some(Json(Value::Object(map))) => map,
            _ => Map::new(),
        };
        let terms = rows.into_iter().map(|(id, name, description, period, params)| {
            let scope_sets = Vec::new();
            (id, ControlTerms { name, description, period, params: object(params), scope_sets })
        });
        Ok(terms.collect())
    }

    /// Those of the names that are known. Names are not unique: of two scopes the older one comes first.
    pub async fn terms_of_scopes(&self, names: &[&str]) -> Result<Vec<ScopeTerms>, StoreError> {
        const SQL: &str = r#"SELECT name, description, type, "default" FROM "Scopes"
            WHERE name = ANY($1) ORDER BY "createdAt", id"#;
        type Row = (String, String, String, String);
        let rows: Vec<Row> = sqlx::query_as(SQL).bind(names).fetch_all(&self.pool).await?;
        let terms = |(name, description, kind, default)| ScopeTerms { name, description, kind, default };
        Ok(rows.into_iter().map(terms).collect())
    }
}
