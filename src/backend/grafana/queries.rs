//! The SQL text of a query, and the query of a text (`/grafana/sql`). Grafana is not asked.

use axum::response::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::TEXT;
use super::sql::Query;
use super::sql_parser;
use crate::backend::error::{ApiError, Promise};
use crate::backend::extract::{Invalid, JsonBody, check_json};

#[derive(Debug, Serialize, ToSchema)]
pub struct Built {
    pub message: &'static str,
    pub query: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Parsed {
    pub message: &'static str,
    pub sql: Query,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ParseBody {
    pub raw_sql: String,
}

const BUILD: Promise = Promise::both("Failed to create SQL query");
const PARSE: Promise = Promise::both("Failed to parse SQL query");

/// Build an SQL query from its parts.
///
/// Neither Grafana nor a database is asked; the query is not run.
#[utoipa::path(post, path = "/grafana/sql/build", tag = "Grafana", request_body = Query,
    responses((status = 200, body = Built)))]
pub async fn build(body: JsonBody) -> Result<Json<Built>, ApiError> {
    let query = body.object().and_then(|fields| {
        check_json("body", &body.0)?;
        read("body", fields.0)
    });
    let query = query.map_err(|invalid| BUILD.fault(invalid))?;
    Ok(Json(Built { message: "SQL query created successfully", query: query.build() }))
}

/// Take an SQL query apart.
///
/// Reads what `/grafana/sql/build` writes; of other queries, the parts that it knows.
#[utoipa::path(post, path = "/grafana/sql/parse", tag = "Grafana", request_body = ParseBody,
    responses((status = 200, body = Parsed)))]
pub async fn parse(body: JsonBody) -> Result<Json<Parsed>, ApiError> {
    let text = body.fields().required_text("rawSql", TEXT).map_err(|invalid| PARSE.fault(invalid))?;
    Ok(Json(Parsed { message: "SQL query parsed successfully", sql: sql_parser::parse(&text) }))
}

/// A query as callers write it.
pub fn read(name: &str, sent: &Map<String, Value>) -> Result<Query, Invalid> {
    let refuse = |error| Invalid::new(name, format_args!("is not a query: {error}"));
    Query::deserialize(&Value::Object(sent.clone())).map_err(refuse)
}
