//! What is owed for guarantees that were not met (`/states/{agreementId}/pricing/billing/penalties`).

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::answer::{self, PLAIN};
use super::app::App;
use super::computed::{self, agreement};
use super::engine::{Agreement, calculate, query};
use super::error::{Refusal, Shape};
use super::schemas::{CodedError, PlainError, PricingLine};
use super::token::Token;

const SHAPE: Shape = Shape::Error;

/// Compute the penalties of an agreement.
///
/// What is owed for guarantees that were not met in the window. They are computed, so collectors are asked.
#[utoipa::path(get, path = "/states/{agreementId}/pricing/billing/penalties", tag = "Pricing",
    params(("agreementId" = String, Path),
        ("window.{name}" = Option<String>, Query, description = "initial, period, type and timeZone, all or none; end")),
    responses((status = 200, body = [PricingLine]), (status = 400, body = CodedError), (status = 404, body = PlainError),
        (status = 500, body = PlainError)))]
pub async fn penalties(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    token: Token,
) -> Result<Response, Refusal> {
    let window = query::pricing(query::groups(query.as_deref().unwrap_or_default()));
    let window = window.map_err(|invalid| Shape::Coded.bad_request(invalid.report()))?;
    let stored = agreement(&app, &id, SHAPE).await?;
    let context = app.context(&token);
    let lines = calculate::penalties(&context, Agreement::new(&stored), window.as_ref(), &app.clock()).await;
    let lines = lines.map_err(|error| {
        let message = format!("Error while retrieving pricing states: {error}");
        computed::refused(&error, SHAPE, message)
    })?;
    answer::computed(&lines, PLAIN, SHAPE)
}
