//! Quotas and rates: agreements may name them, and nothing computes them (`/states/{agreementId}/quotas`, `…/rates`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::app::App;
use super::error::{Refusal, Shape};
use super::schemas::{CodedError, PlainError};

/// List the quotas of an agreement: not supported.
///
/// 501 for an agreement that has some.
#[utoipa::path(get, path = "/states/{agreementId}/quotas", tag = "Quotas and rates",
    params(("agreementId" = String, Path)), responses((status = 404, body = PlainError), (status = 501, body = CodedError)))]
pub async fn quotas(State(app): State<App>, Path(agreement): Path<String>) -> Result<Response, Refusal> {
    Err(missing(&app, &agreement, "Quotas").await)
}

/// Get a quota of an agreement: not supported.
///
/// 501 for a quota that there is.
#[utoipa::path(get, path = "/states/{agreementId}/quotas/{quotaId}", tag = "Quotas and rates",
    params(("agreementId" = String, Path), ("quotaId" = String, Path)),
    responses((status = 400, body = PlainError), (status = 404, body = PlainError), (status = 501, body = CodedError)))]
pub async fn quota(
    State(app): State<App>,
    Path((agreement, quota)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    if quota.trim().is_empty() {
        return Err(Shape::Error.bad_request("Invalid quotaId"));
    }
    Err(missing(&app, &agreement, "Quotas").await)
}

/// List the rates of an agreement: not supported.
///
/// 501 for an agreement that has some.
#[utoipa::path(get, path = "/states/{agreementId}/rates", tag = "Quotas and rates",
    params(("agreementId" = String, Path)), responses((status = 404, body = PlainError), (status = 501, body = CodedError)))]
pub async fn rates(State(app): State<App>, Path(agreement): Path<String>) -> Result<Response, Refusal> {
    Err(missing(&app, &agreement, "Rates").await)
}

/// Get a rate of an agreement: not supported.
///
/// 501 for a rate that there is.
#[utoipa::path(get, path = "/states/{agreementId}/rates/{rateId}", tag = "Quotas and rates",
    params(("agreementId" = String, Path), ("rateId" = String, Path)),
    responses((status = 400, body = PlainError), (status = 404, body = PlainError), (status = 501, body = CodedError)))]
pub async fn rate(
    State(app): State<App>,
    Path((agreement, rate)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    if rate.trim().is_empty() {
        return Err(Shape::Error.bad_request("Invalid rateId"));
    }
    Err(missing(&app, &agreement, "Rates").await)
}

/// The original ends its process here.
async fn missing(app: &App, agreement: &str, what: &str) -> Refusal {
    match app.store.has_agreement(agreement).await {
        Err(error) => Shape::Error.failed(&error),
        Ok(false) => Shape::Error.no_agreement(agreement),
        Ok(true) => {
            let message = format!("{what} are not implemented: no calculation of them is defined");
            Shape::Coded.refuse(StatusCode::NOT_IMPLEMENTED, message)
        }
    }
}
