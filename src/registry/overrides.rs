//! Overrides: corrections of the evidences of a period, stored for whoever reads them
//! (`/states/{agreementId}/guarantees/{guaranteeId}/overrides`).

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answer;
use super::app::App;
use super::body::members;
use super::engine::asked::GuaranteeQuery;
use super::engine::period::Period;
use super::engine::{Agreement, calculate};
use super::error::{Refusal, Shape};
use super::schemas::{CodedError, MessageError, Override};
use super::store::{Removed, Stored, json};
use super::token::Token;
use crate::governify::body::JsonBody;
use crate::telemetry::chain;

/// Where the infrastructure has the reporter, which draws points for new periods.
const REPORTER: &str = "internal.reporter";
/// For the reporter's answer.
const CALL: Duration = Duration::from_secs(10);

/// List the overrides of a guarantee.
#[utoipa::path(get, path = "/states/{agreementId}/guarantees/{guaranteeId}/overrides", tag = "Overrides",
    params(("agreementId" = String, Path), ("guaranteeId" = String, Path)),
    responses((status = 200, body = [Override]), (status = 404, body = CodedError)))]
pub async fn list(
    State(app): State<App>,
    Path((agreement, guarantee)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    const SHAPE: Shape = Shape::Coded;
    let found = app.store.overrides(&agreement, &guarantee).await.map_err(SHAPE.store())?;
    let found = found.ok_or_else(|| SHAPE.not_found("Overrides not found"))?;
    let mut text = Vec::with_capacity(found.as_bytes().len());
    for member in json::Members::of(found.as_bytes()) {
        let member = member.map_err(|error| SHAPE.failed(&error.into()))?;
        if member.is_named("overrides") {
            member.write_value(&mut text).map_err(|error| SHAPE.failed(&error.into()))?;
        }
    }
    Ok(answer::json_text(StatusCode::OK, text))
}

/// Store an override: a correction of a guarantee in a period.
///
/// The states of the period are computed again. 403: the bill of the period is closed. 404: there is none.
#[utoipa::path(post, path = "/states/{agreementId}/guarantees/{guaranteeId}/overrides", tag = "Overrides",
    params(("agreementId" = String, Path), ("guaranteeId" = String, Path)), request_body = Override,
    responses((status = 200, description = "stored, the states computed again; the text OK", body = String,
        content_type = "text/html"), (status = 400, body = MessageError), (status = 403, body = MessageError),
        (status = 404, body = MessageError), (status = 500, description = "it exists already", body = MessageError)))]
pub async fn create(
    State(app): State<App>,
    Path((agreement, guarantee)): Path<(String, String)>,
    token: Token,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let period = admitted(&app, &agreement, &body).await?;
    let stored = app.store.insert_override(&agreement, &guarantee, members(&body)).await;
    match stored.map_err(SHAPE.store())? {
        Stored::Stored => {}
        Stored::Exists => {
            return Err(SHAPE.refuse(StatusCode::INTERNAL_SERVER_ERROR, "That override already exists."));
        }
    }
    follow_up(&app, &agreement, period, &token).await;
    Ok(answer::text("OK"))
}

/// Remove an override of a guarantee.
///
/// The states of the period are computed again. 403: the bill of the period is closed. 404: there is none, or no such
/// override.
#[utoipa::path(delete, path = "/states/{agreementId}/guarantees/{guaranteeId}/overrides", tag = "Overrides",
    params(("agreementId" = String, Path), ("guaranteeId" = String, Path)), request_body = Override,
    responses((status = 200, description = "removed, the states computed again; the text OK", body = String,
        content_type = "text/html"), (status = 400, body = MessageError), (status = 403, body = MessageError),
        (status = 404, body = MessageError)))]
pub async fn delete(
    State(app): State<App>,
    Path((agreement, guarantee)): Path<(String, String)>,
    token: Token,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let period = admitted(&app, &agreement, &body).await?;
    let removed = app.store.remove_override(&agreement, &guarantee, members(&body)).await;
    match removed.map_err(SHAPE.store())? {
        Removed::Removed => {}
        Removed::Unknown => return Err(SHAPE.not_found("That override does not exist.")),
    }
    follow_up(&app, &agreement, period, &token).await;
    Ok(answer::text("OK"))
}

/// Delete all overrides of an agreement.
///
/// No state is computed again.
#[utoipa::path(delete, path = "/states/{agreementId}/overrides", tag = "Overrides",
    params(("agreementId" = String, Path)),
    responses((status = 200, description = "all overrides of the agreement are gone; the text OK", body = String,
        content_type = "text/html"), (status = 404, body = CodedError)))]
pub async fn delete_all(State(app): State<App>, Path(agreement): Path<String>) -> Result<Response, Refusal> {
    const SHAPE: Shape = Shape::Coded;
    if app.store.delete_overrides(&agreement).await.map_err(SHAPE.store())? > 0 {
        return Ok(answer::text("OK"));
    }
    Err(SHAPE.not_found("Overrides not found"))
}

const SHAPE: Shape = Shape::Message;

/// The period of an override that may be changed: its bill is there and open.
async fn admitted(app: &App, agreement: &str, body: &JsonBody) -> Result<Period, Refusal> {
    let period = read(members(body)).map_err(|message| SHAPE.bad_request(message))?;
    let bill = app.store.bill_state(agreement, &period.from).await.map_err(SHAPE.store())?;
    match bill {
        None => Err(SHAPE.not_found("Bill not found for that period.")),
        Some(Some(state)) if state.eq_ignore_ascii_case("closed") => {
            Err(SHAPE.refuse(StatusCode::FORBIDDEN, "You cannot override periods when the bill is closed."))
        }
        Some(_) => Ok(period),
    }
}

fn read(body: &Map<String, Value>) -> Result<Period, String> {
    let period = body.get("period").and_then(Value::as_object).ok_or("An override needs a period")?;
    let bound = |name: &str| period.get(name).and_then(Value::as_str).map(str::to_owned);
    let from = bound("from").ok_or("The period of an override needs a text as from")?;
    body.get("scope").and_then(Value::as_object).ok_or("An override needs a scope")?;
    match body.keys().find(|name| name.starts_with('$') || name.contains(['.', '\0'])) {
        Some(name) => Err(format!("{name:?} cannot be a member of an override")),
        None => Ok(Period { to: bound("to").unwrap_or_default(), from }),
    }
}

/// The states of that period once more, and a word to the reporter. The override is stored already: what fails here is
/// logged and does not fail the request.
async fn follow_up(app: &App, id: &str, period: Period, token: &Token) {
    let stored = match app.agreement(id).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return tracing::info!(agreement = id, "an override of an agreement that is not there"),
        Err(error) => return tracing::warn!(error = chain(&error), "states are not computed again after an override"),
    };
    let stored = Agreement::new(&stored);
    let query = |guarantee: &str| GuaranteeQuery {
        guarantee: guarantee.to_owned(),
        period: Some(period.clone()),
        extra: Map::new(),
    };
    let queries: Vec<_> = stored.guarantees().map(|guarantee| query(guarantee.id())).collect();
    if let Err(error) = calculate::guarantees(&app.context(token), stored, &queries).await {
        tracing::warn!(error = chain(&error), "states are not computed again after an override");
    }
    let reporter = match app.infrastructure.url(REPORTER) {
        Ok(reporter) => reporter,
        Err(error) => return tracing::debug!(error = chain(&error), "there is no reporter to tell of an override"),
    };
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    let address = format!("{}/api/v4/contracts/{id}/createPointsFromPeriods", reporter.trim_end_matches('/'));
    // Few have a reporter, and a client costs memory: it is made when there is something to tell.
    let calls = match reqwest::Client::builder().timeout(CALL).no_proxy().build() {
        Ok(calls) => calls,
        Err(error) => return tracing::warn!(error = chain(&error), "the reporter cannot be called"),
    };
    let told = calls.post(address).json(&json!({ "periods": [period.to_json()] })).send().await;
    if let Err(error) = told.and_then(reqwest::Response::error_for_status) {
        tracing::warn!(error = chain(&error.without_url()), "the reporter was not told of an override");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_has_a_period_and_a_scope() {
        let read = |body: Value| read(body.as_object().unwrap());
        let period = read(json!({ "period": { "from": "a", "to": "b" }, "scope": {} })).unwrap();
        assert_eq!((period.from.as_str(), period.to.as_str()), ("a", "b"));
        for bad in [
            json!({}),
            json!({ "period": { "from": "a" } }),
            json!({ "period": { "from": 1 }, "scope": {} }),
            json!({ "period": { "from": "a" }, "scope": {}, "$or": [] }),
            json!({ "period": { "from": "a" }, "scope": {}, "a.b": 1 }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
