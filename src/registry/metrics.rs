//! States of metrics, computed or told by a client (`/states/{agreementId}/metrics`).

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde_json::Value;

use super::answer::{self, Layout, PLAIN, STREAM};
use super::app::App;
use super::body::members;
use super::computed::{self, agreement};
use super::engine::query::{self, MetricQuery};
use super::engine::state::Put;
use super::engine::{Agreement, CalcError, Map, calculate};
use super::error::{Refusal, Shape};
use super::schemas::{CodedError, MetricQuestion, MetricValue, State as StateView};
use super::token::Token;
use crate::governify::body::JsonBody;

const SHAPE: Shape = Shape::Coded;

/// Compute the states of all metrics of an agreement.
///
/// Collectors are asked. Members of the window are given one by one, as in `window.initial`.
#[utoipa::path(get, path = "/states/{agreementId}/metrics", tag = "Metrics",
    params(("agreementId" = String, Path),
        ("scope.{name}" = Option<String>, Query, description = "a member of the scope"),
        ("window.{name}" = Option<String>, Query, description = "initial, period, type and timeZone are required"),
        ("parameters.{name}" = Option<String>, Query, description = "a parameter of the metric"),
        ("period.{name}" = Option<String>, Query, description = "from and to; those of the window without them")),
    responses((status = 200, body = [StateView]), (status = 400, body = CodedError), (status = 404, body = CodedError)))]
pub async fn list(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    token: Token,
) -> Result<Response, Refusal> {
    let stored = agreement(&app, &id, SHAPE).await?;
    let stored = Agreement::new(&stored);
    let asked = query::groups(query.as_deref().unwrap_or_default());
    let (mut queries, mut reports) = (Vec::new(), Vec::new());
    for (metric, definition) in stored.metrics() {
        match query::metric(metric, definition, &asked) {
            Ok(query) => queries.push((metric.to_owned(), query)),
            Err(invalid) => reports.push(invalid.report_of("metric", metric)),
        }
    }
    if !reports.is_empty() {
        return Err(SHAPE.bad_request(Value::Array(reports)));
    }
    shown(calculate::metrics(&app.context(&token), stored, &queries).await, STREAM)
}

/// Compute the states of a metric.
///
/// Its collector is asked. Members of the window are given one by one, as in `window.initial`.
#[utoipa::path(get, path = "/states/{agreementId}/metrics/{metricId}", tag = "Metrics",
    params(("agreementId" = String, Path), ("metricId" = String, Path),
        ("scope.{name}" = Option<String>, Query, description = "a member of the scope"),
        ("window.{name}" = Option<String>, Query, description = "initial, period, type and timeZone are required"),
        ("parameters.{name}" = Option<String>, Query, description = "a parameter of the metric"),
        ("period.{name}" = Option<String>, Query, description = "from and to; those of the window without them")),
    responses((status = 200, body = [StateView]), (status = 400, body = CodedError), (status = 404, body = CodedError)))]
pub async fn one(
    State(app): State<App>,
    Path((id, metric)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    token: Token,
) -> Result<Response, Refusal> {
    let stored = agreement(&app, &id, SHAPE).await?;
    let stored = Agreement::new(&stored);
    let query = wanted(stored, &metric, &query::groups(query.as_deref().unwrap_or_default()))?;
    shown(calculate::metrics(&app.context(&token), stored, &[(metric, query)]).await, STREAM)
}

/// Store a value of a metric.
///
/// No collector is asked.
#[utoipa::path(post, path = "/states/{agreementId}/metrics/{metricId}", tag = "Metrics",
    params(("agreementId" = String, Path), ("metricId" = String, Path)), request_body = MetricValue,
    responses((status = 200, body = [StateView]), (status = 404, body = CodedError)))]
pub async fn tell(
    State(app): State<App>,
    Path((id, metric)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let stored = agreement(&app, &id, SHAPE).await?;
    let stored = Agreement::new(&stored);
    stored.metric(&metric).ok_or_else(|| unknown(&metric))?;
    shown(calculate::tell(&app.store, stored, &metric, members(&body)).await, PLAIN)
}

/// Compute a metric and store one more than its value.
///
/// Its collector is asked. 400: the window is incomplete.
#[utoipa::path(post, path = "/states/{agreementId}/metrics/{metricId}/increase", tag = "Metrics",
    params(("agreementId" = String, Path), ("metricId" = String, Path)), request_body = MetricQuestion,
    responses((status = 200, body = [StateView]), (status = 400, body = CodedError), (status = 404, body = CodedError)))]
pub async fn increase(
    State(app): State<App>,
    Path((id, metric)): Path<(String, String)>,
    token: Token,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let stored = agreement(&app, &id, SHAPE).await?;
    let stored = Agreement::new(&stored);
    let query = wanted(stored, &metric, members(&body))?;
    shown(calculate::increase(&app.context(&token), stored, &metric, query).await, PLAIN)
}

fn unknown(metric: &str) -> Refusal {
    SHAPE.not_found(format!("Metric {metric} not found."))
}

fn wanted(stored: Agreement<'_>, metric: &str, asked: &Map) -> Result<MetricQuery, Refusal> {
    let definition = stored.metric(metric).ok_or_else(|| unknown(metric))?;
    query::metric(metric, definition, asked).map_err(|invalid| SHAPE.bad_request(invalid.report()))
}

fn shown(states: Result<Vec<Put>, CalcError>, layout: Layout) -> Result<Response, Refusal> {
    let states = states.map_err(|error| {
        let message = format!("Error while retrieving metrics states: {error}");
        computed::refused(&error, SHAPE, message)
    })?;
    answer::computed(&states, layout, SHAPE)
}
