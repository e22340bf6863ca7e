//! States of guarantees, computed or as they were (`/states/{agreementId}/guarantees`).

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::{self, PLAIN, STREAM};
use super::app::App;
use super::computed::{self, agreement};
use super::engine::asked::{self, Asked};
use super::engine::calculate::{self, SEQUENTIAL};
use super::engine::{Agreement, period};
use super::error::{Refusal, Shape};
use super::schemas::{CodedError, MessageError, State as StateView, StoredState};
use super::store::History;
use super::token::Token;

/// The parameters of all guarantees.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Range {
    /// Any date that JavaScript reads; counts only with `to`.
    from: Option<String>,
    to: Option<String>,
    /// Widens the range to the boundaries of the windows' rules, unless it is anything but `true`.
    #[serde(rename = "newPeriodsFromGuarantees")]
    #[param(rename = "newPeriodsFromGuarantees")]
    widen: Option<String>,
    /// Without a range: the period under way, unless it is anything but `true`.
    #[serde(rename = "lastPeriod")]
    #[param(rename = "lastPeriod")]
    last: Option<String>,
}

impl From<Range> for Asked {
    fn from(range: Range) -> Self {
        let is_on = |flag: Option<String>| flag.is_none_or(|flag| flag == "true");
        Self { from: range.from, to: range.to, widen: is_on(range.widen), last: is_on(range.last) }
    }
}

/// Compute the states of all guarantees of an agreement.
///
/// Collectors are asked, so this may take minutes; the states are stored. The token of the caller, in
/// `x-access-token` or as the cookie `accessToken`, is handed on to them. 500: a collector failed or did not answer
/// in time.
#[utoipa::path(get, path = "/states/{agreementId}/guarantees", tag = "Guarantees",
    params(("agreementId" = String, Path), Range),
    responses((status = 200, body = [StateView]), (status = 404, body = MessageError), (status = 500, body = CodedError)))]
pub async fn list(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(range): Query<Range>,
    token: Token,
) -> Result<Response, Refusal> {
    const SHAPE: Shape = Shape::Message;
    let stored = agreement(&app, &id, SHAPE).await?;
    let stored = Agreement::new(&stored);
    let queries = asked::queries(stored, &range.into(), &app.clock())
        .map_err(|error| SHAPE.refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let states = calculate::guarantees(&app.context(&token), stored, &queries).await;
    let states = states.map_err(|error| computed::refused(&error, Shape::Coded, SEQUENTIAL))?;
    answer::computed(&states, STREAM, Shape::Coded)
}

/// The parameters of one guarantee.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct One {
    /// Any date that JavaScript reads; counts only with `to`.
    from: Option<String>,
    to: Option<String>,
    /// States as they are stored, so many at most.
    lasts: Option<String>,
    /// States as they are stored; `false`: only those whose last record has evidences.
    #[serde(rename = "withNoEvidences")]
    #[param(rename = "withNoEvidences")]
    without: Option<String>,
    /// `false`: stored states without their evidences.
    evidences: Option<String>,
}

impl One {
    /// Present when stored states are asked for.
    fn history(&self) -> Result<Option<History>, Refusal> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (lasts, without) = (given(&self.lasts), given(&self.without));
        if lasts.is_none() && without.is_none() {
            return Ok(None);
        }
        let limit = lasts.map(|lasts| lasts.trim().parse::<u32>().ok().filter(|limit| *limit > 0).ok_or(lasts));
        let refused = |lasts| Shape::Coded.bad_request(format!("lasts is {lasts:?} and must be a positive integer"));
        Ok(Some(History {
            limit: limit.transpose().map_err(refused)?,
            with_evidences_only: without.as_deref() == Some("false"),
            hides_evidences: self.evidences.as_deref() == Some("false"),
        }))
    }
}

/// Compute the states of a guarantee, or get those that are stored.
///
/// With `from` and `to` it is computed, as for all guarantees. With `lasts` or `withNoEvidences` stored states are
/// told. 500: a collector failed or did not answer in time.
#[utoipa::path(get, path = "/states/{agreementId}/guarantees/{guaranteeId}", tag = "Guarantees",
    params(("agreementId" = String, Path), ("guaranteeId" = String, Path), One),
    responses((status = 200, body = [StateView]), (status = 206, description = "never sent: the form of stored states, which come with 200", body = [StoredState]),
        (status = 400, body = CodedError), (status = 404, body = CodedError), (status = 500, body = CodedError)))]
pub async fn one(
    State(app): State<App>,
    Path((id, guarantee)): Path<(String, String)>,
    Query(query): Query<One>,
    token: Token,
) -> Result<Response, Refusal> {
    const SHAPE: Shape = Shape::Coded;
    if let Some(history) = query.history()? {
        let rows = app.store.history(&id, &guarantee, history).await.map_err(SHAPE.store())?;
        return answer::list(rows, PLAIN, SHAPE, None).await;
    }
    let stored = agreement(&app, &id, SHAPE).await?;
    let stored = Agreement::new(&stored);
    let unknown = || SHAPE.not_found(format!("There is no guarantee with id: {guarantee}"));
    let wanted = stored.guarantee(&guarantee).ok_or_else(unknown)?;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let range = given(&query.from).zip(given(&query.to));
    let range = range.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
    let single = asked::single(stored, wanted, range, &app.clock())
        .map_err(|error: period::PeriodError| SHAPE.refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let states = calculate::guarantees(&app.context(&token), stored, &[single]).await;
    let states = states.map_err(|error| computed::refused(&error, SHAPE, SEQUENTIAL))?;
    answer::computed(&states, STREAM, SHAPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(lasts: &str, without: &str, evidences: &str) -> Result<Option<History>, u16> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let query =
            One { from: None, to: None, lasts: given(lasts), without: given(without), evidences: given(evidences) };
        query.history().map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn two_parameters_ask_for_what_is_stored() {
        let history = |limit, with_evidences_only, hides_evidences| {
            Ok(Some(History { limit, with_evidences_only, hides_evidences }))
        };
        assert_eq!(one("", "", "false"), Ok(None));
        assert_eq!(one("5", "", ""), history(Some(5), false, false));
        assert_eq!(one("5", "false", "false"), history(Some(5), true, true));
        assert_eq!(one("", "x", "true"), history(None, false, false));
        for bad in ["0", "-1", "x", "1.5"] {
            assert_eq!(one(bad, "", ""), Err(400), "{bad}");
        }
    }

    #[test]
    fn only_the_word_true_is_true() {
        let range = |widen: Option<&str>, last: Option<&str>| {
            let text = |flag: Option<&str>| flag.map(str::to_owned);
            let asked = Asked::from(Range { from: None, to: None, widen: text(widen), last: text(last) });
            (asked.widen, asked.last)
        };
        assert_eq!(range(None, None), (true, true));
        assert_eq!(range(Some("true"), Some("TRUE")), (true, false));
        assert_eq!(range(Some("1"), Some("")), (false, false));
    }
}
