//! Grafana, for callers of the API: the routes below `/grafana`, and what is said to Grafana and understood of it.
//!
//! Pure are the bodies of dashboards ([`dashboard`]) and panels ([`panel`], [`panel_view`], [`gauge`]) and the SQL of
//! panels ([`sql`], [`sql_parser`]), which is never executed here. The other files are handlers: each asks the client
//! ([`super::clients::Grafana`]), and tells of failures as [`failure`] says.

pub mod accounts;
pub mod dashboard;
pub mod dashboards;
pub mod failure;
pub mod folders;
pub mod gauge;
pub mod panel;
pub mod panel_view;
pub mod panels;
pub mod queries;
pub mod search;
pub mod sources;
pub mod sql;
pub mod sql_parser;

use axum::http::StatusCode;
use axum::response::Json;
use serde_json::Value;

use super::error::ApiError;

/// What was made, in Grafana's own words.
type Created = Result<(StatusCode, Json<Value>), ApiError>;

/// How long a text may be is Grafana's business; the body that holds it is limited.
const TEXT: usize = usize::MAX;
