//! From the question for guarantee states to one query per guarantee. Pure.

use super::agreement::{Agreement, Guarantee};
use super::period::{self, Period, PeriodError};
use super::{Clock, Map};

/// The parameters of `GET /states/{agreementId}/guarantees`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub from: Option<String>,
    pub to: Option<String>,
    /// `newPeriodsFromGuarantees`: a range is widened to the boundaries of the window's rule.
    pub widen: bool,
    /// `lastPeriod`: without a range, the period under way.
    pub last: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self { from: None, to: None, widen: true, last: true }
    }
}

/// What one guarantee is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct GuaranteeQuery {
    pub guarantee: String,
    /// Without it nothing is computed.
    pub period: Option<Period>,
    /// Members that the windows of the guarantee's elements gain on their way to the collector.
    pub extra: Map,
}

/// One query per guarantee, in order. Guarantees without elements have no window, hence nothing to ask.
pub fn queries(agreement: Agreement<'_>, asked: &Asked, clock: &Clock) -> Result<Vec<GuaranteeQuery>, PeriodError> {
    let range = asked.from.as_deref().filter(|it| !it.is_empty()).zip(asked.to.as_deref().filter(|it| !it.is_empty()));
    agreement
        .guarantees()
        .filter(|guarantee| guarantee.elements().next().is_some())
        .map(|guarantee| query(agreement, guarantee, range, asked, clock))
        .collect()
}

fn query(
    agreement: Agreement<'_>,
    guarantee: Guarantee<'_>,
    range: Option<(&str, &str)>,
    asked: &Asked,
    clock: &Clock,
) -> Result<GuaranteeQuery, PeriodError> {
    let mut window = guarantee.window().cloned().unwrap_or_default();
    let mut extra = Map::new();
    let period = match range {
        Some((from, to)) => {
            extra.insert("from".to_owned(), from.into());
            extra.insert("end".to_owned(), to.into());
            if asked.widen {
                window.extend(extra.clone());
                Some(period::widened(&window, agreement, clock)?)
            } else {
                Some(Period::between(period::moment(from, clock)?, period::moment(to, clock)?))
            }
        }
        None if asked.last => period::last(&window, agreement, clock)?,
        None => None,
    };
    Ok(GuaranteeQuery { guarantee: guarantee.id().to_owned(), period, extra })
}

/// The query of one guarantee alone: here a range is also the anchor of the rule. Without a range it computes nothing.
pub fn single(
    agreement: Agreement<'_>,
    guarantee: Guarantee<'_>,
    range: Option<(&str, &str)>,
    clock: &Clock,
) -> Result<GuaranteeQuery, PeriodError> {
    let mut window = guarantee.window().cloned().unwrap_or_default();
    let mut extra = Map::new();
    let period = match range {
        Some((from, to)) => {
            extra.insert("initial".to_owned(), from.into());
            extra.insert("end".to_owned(), to.into());
            window.extend(extra.clone());
            Some(period::widened(&window, agreement, clock)?)
        }
        None => None,
    };
    Ok(GuaranteeQuery { guarantee: guarantee.id().to_owned(), period, extra })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::{Value, json};

    use super::*;

    /// Guarantee, period, further members of windows.
    type Shown = (String, Option<(String, String)>, String);

    fn stored() -> Value {
        let window = json!({ "type": "static", "initial": "2022-01-01", "period": "monthly" });
        json!({
            "context": { "validity": { "initial": "2022-01-01", "timeZone": "UTC" } },
            "terms": { "guarantees": [
                { "id": "A", "of": [{ "window": window }, { "window": { "period": "daily" } }] },
                { "id": "EMPTY", "of": [] },
                { "id": "NONE" },
                { "id": "B", "of": [{}] },
            ] },
        })
    }

    fn clock() -> Clock {
        Clock { now: "2022-06-15T00:00:00Z".parse().unwrap(), local: TimeZone::UTC }
    }

    fn asked(from: Option<&str>, to: Option<&str>, widen: bool, last: bool) -> Result<Vec<Shown>, PeriodError> {
        let stored = stored();
        let asked = Asked { from: from.map(str::to_owned), to: to.map(str::to_owned), widen, last };
        let found = queries(Agreement::new(&stored), &asked, &clock())?;
        let shown = |it: GuaranteeQuery| {
            (it.guarantee, it.period.map(|it| (it.from, it.to)), Value::Object(it.extra).to_string())
        };
        Ok(found.into_iter().map(shown).collect())
    }

    fn both(period: Option<(&str, &str)>, extra: &str) -> Vec<Shown> {
        let period = period.map(|(from, to)| (from.to_owned(), to.to_owned()));
        ["A", "B"].map(|id| (id.to_owned(), period.clone(), extra.to_owned())).into()
    }

    #[test]
    fn every_row_of_the_table() {
        let extra = r#"{"from":"2022-02-10","end":"02/20/2022"}"#;
        let range = (Some("2022-02-10"), Some("02/20/2022"));
        let plain = both(Some(("2022-02-10T00:00:00.000Z", "2022-02-20T00:00:00.000Z")), extra);
        assert_eq!(asked(range.0, range.1, false, true).unwrap(), plain);
        let wide = both(Some(("2022-02-01T00:00:00.000Z", "2022-02-28T23:59:59.000Z")), extra);
        assert_eq!(asked(range.0, range.1, true, false).unwrap(), wide);
        let last = both(Some(("2022-06-01T00:00:00.000Z", "2022-06-15T00:00:00.000Z")), "{}");
        for (from, to) in [(None, None), (range.0, None), (None, range.1), (range.0, Some(""))] {
            assert_eq!(asked(from, to, false, true).unwrap(), last);
            assert_eq!(asked(from, to, true, false).unwrap(), both(None, "{}"));
        }
    }

    #[test]
    fn an_impossible_date_is_an_error() {
        for widen in [true, false] {
            assert_eq!(asked(Some("x"), Some("2022-01-01"), widen, true), Err(PeriodError::Time));
            assert_eq!(asked(Some("2022-01-01"), Some("x"), widen, true), Err(PeriodError::Time));
        }
    }

    #[test]
    fn alone_the_range_is_the_anchor() {
        let stored = stored();
        let agreement = Agreement::new(&stored);
        let guarantee = agreement.guarantee("A").unwrap();
        let found = single(agreement, guarantee, Some(("2022-02-10", "2022-02-20")), &clock()).unwrap();
        let period = Period { from: "2022-02-10T00:00:00.000Z".into(), to: "2022-03-09T23:59:59.000Z".into() };
        assert_eq!(found.period, Some(period));
        assert_eq!(Value::Object(found.extra), json!({ "initial": "2022-02-10", "end": "2022-02-20" }));
        assert_eq!(single(agreement, guarantee, None, &clock()).unwrap().period, None);
    }
}
