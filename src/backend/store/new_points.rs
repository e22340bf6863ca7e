//! Points that were computed just now, each stored once.

use jiff_sqlx::ToSqlx;
use sqlx::Row;
use sqlx::types::Json;
use uuid::Uuid;

use super::points::columns;
use super::rows::instant;
use super::{Store, StoreError};
use crate::backend::compliance::points::NewPoint;

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredPoints {
    /// The new ones, as a JSON list.
    pub list: String,
    /// Places in the batch whose point was there already.
    pub duplicates: Vec<usize>,
}

impl Store {
    /// A point that is there already, or twice in the batch, is left out: same agreement, guarantee, time and scope.
    pub async fn insert_points(&self, agreement: &str, points: &[NewPoint]) -> Result<StoredPoints, StoreError> {
        // Two computations of one agreement may end at the same time; the second must see what the first has stored.
        const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('points of ' || $1, 0))";
        const INSERT: &str = concat!(
            r#"WITH wanted AS (
                SELECT DISTINCT ON (agreement, timestamp, guarantee, scope) *
                FROM unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::boolean[], $6::timestamptz[],
                    $7::jsonb[], $8::jsonb[], $9::uuid[]) WITH ORDINALITY
                    AS w (id, agreement, guarantee, value, result, timestamp, metrics, scope, computations, place)
                ORDER BY agreement, timestamp, guarantee, scope, place
            ), r AS (
                INSERT INTO "Points" (id, "agreementId", "guaranteeId", "guaranteeValue", "guaranteeResult",
                    timestamp, metrics, scope, "computationGroup", "createdAt", "updatedAt")
                SELECT id, agreement, guarantee, value, result, timestamp, metrics, scope, computations, now(), now()
                FROM wanted WHERE NOT EXISTS (
                    SELECT 1 FROM "Points" p WHERE p."agreementId" = wanted.agreement
                        AND p.timestamp = wanted.timestamp AND p."guaranteeId" = wanted.guarantee
                        AND p.scope = wanted.scope)
                ORDER BY place
                RETURNING *
            ) SELECT c.id, row_to_json(c)::text FROM (SELECT "#,
            columns!(),
            " FROM r) c"
        );
        if points.is_empty() {
            return Ok(StoredPoints { list: "[]".to_owned(), duplicates: Vec::new() });
        }
        let ids: Vec<Uuid> = points.iter().map(|_| Uuid::new_v4()).collect();
        let mut transaction = self.pool.begin().await?;
        sqlx::query(LOCK).bind(agreement).execute(&mut *transaction).await?;
        let rows = sqlx::query(INSERT)
            .bind(&ids)
            .bind(points.iter().map(|point| point.agreement_id.as_str()).collect::<Vec<_>>())
            .bind(points.iter().map(|point| point.guarantee_id.as_str()).collect::<Vec<_>>())
            .bind(points.iter().map(|point| point.guarantee_value).collect::<Vec<_>>())
            .bind(points.iter().map(|point| point.guarantee_result).collect::<Vec<_>>())
            .bind(points.iter().map(|point| point.timestamp.to_sqlx()).collect::<Vec<_>>())
            .bind(points.iter().map(|point| Json(&point.metrics)).collect::<Vec<_>>())
            .bind(points.iter().map(|point| Json(&point.scope)).collect::<Vec<_>>())
            .bind(points.iter().map(|point| point.computation_group).collect::<Vec<_>>())
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;

        let mut stored = std::collections::HashSet::with_capacity(rows.len());
        let mut list = String::from("[");
        for row in &rows {
            stored.insert(row.try_get::<Uuid, _>(0)?);
            if stored.len() > 1 {
                list.push(',');
            }
            list.push_str(row.try_get::<&str, _>(1)?);
        }
        list.push(']');
        let duplicates = ids.iter().enumerate().filter(|(_, id)| !stored.contains(*id)).map(|(place, _)| place);
        Ok(StoredPoints { list, duplicates: duplicates.collect() })
    }
}
