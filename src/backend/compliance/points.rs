//! Guarantee states of the Registry become points, each stored once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::step::Step;
use crate::backend::agreement::Agreement;
use crate::backend::instant;

/// A guarantee state, as far as points need it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub id: String,
    pub agreement_id: String,
    pub period: StatePeriod,
    #[serde(default)]
    pub metrics: Map<String, Value>,
    pub value: bool,
    #[serde(default)]
    pub scope: Map<String, Value>,
    #[serde(default)]
    pub evidences: Vec<Value>,
}

/// As the flow wrote it.
#[derive(Debug, Clone, Deserialize)]
pub struct StatePeriod {
    pub from: Value,
    pub to: Value,
}

/// A point to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPoint {
    pub agreement_id: String,
    pub guarantee_id: String,
    pub guarantee_value: f64,
    pub guarantee_result: bool,
    pub timestamp: Timestamp,
    pub metrics: Map<String, Value>,
    pub scope: Map<String, Value>,
    pub computation_group: Option<Uuid>,
}

/// Why a state made no point, as the API says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sorted {
    pub points: Vec<NewPoint>,
    pub rejections: Vec<Rejection>,
}

/// Sorts states into points and rejections. States of guarantees that the agreement does not hold are skipped. Whether a
/// point is there already is decided where points are stored.
pub fn sort(states: &[State], agreement: &Agreement) -> Sorted {
    let mut sorted = Sorted::default();
    for state in states {
        let Some(period) = period(state, agreement) else { continue };
        match point(state, period) {
            Ok(point) => sorted.points.push(point),
            Err(rejection) => sorted.rejections.push(rejection),
        }
    }
    sorted
}

/// The period of the guarantee's first window.
fn period<'a>(state: &State, agreement: &'a Agreement) -> Option<&'a str> {
    let guarantee = agreement.terms.guarantees.iter().find(|guarantee| guarantee.id == state.id)?;
    Some(guarantee.of.first().and_then(|of| of.window.period.as_deref()).unwrap_or("monthly"))
}

fn point(state: &State, period: &str) -> Result<NewPoint, Rejection> {
    let refuse = |details: String| Rejection {
        message: format!("Point of guarantee {} cannot be stored.", state.id),
        details: Some(details),
    };
    let step: Step = period.parse().map_err(|unknown: super::step::UnknownStep| refuse(unknown.to_string()))?;
    let time =
        |name: &str, value: &Value| instant::from_json(name, value).map_err(|invalid| refuse(invalid.to_string()));
    let (from, to) = (time("period.from", &state.period.from)?, time("period.to", &state.period.to)?);
    let timestamp = step.last_start(from, to);
    let timestamp = timestamp.ok_or_else(|| refuse("the state's period is empty".to_owned()))?;
    let value = state.metrics.values().next().and_then(Value::as_f64);
    let group = state.evidences.first().and_then(|evidence| evidence["computationGroup"].as_str());
    Ok(NewPoint {
        agreement_id: state.agreement_id.clone(),
        guarantee_id: state.id.clone(),
        guarantee_value: value.ok_or_else(|| refuse("the state's first metric is no number".to_owned()))?,
        guarantee_result: state.value,
        timestamp,
        metrics: state.metrics.clone(),
        scope: state.scope.clone(),
        computation_group: group.and_then(|text| text.parse().ok()),
    })
}

impl Rejection {
    /// The same point is stored already.
    pub fn exists(point: &NewPoint) -> Self {
        let scope = json!(point.scope);
        let message = format!(
            "Point with timestamp {:.3}, scope {scope}, guaranteeId {} and agreementId {} already exists.",
            point.timestamp, point.guarantee_id, point.agreement_id
        );
        Self { message, details: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::agreement::{Guarantee, Of, Terms, Window};

    fn agreement(periods: &[Option<&str>]) -> Agreement {
        let guarantees = periods.iter().enumerate().map(|(at, period)| Guarantee {
            id: format!("G{at}"),
            of: vec![Of { window: Window { period: period.map(str::to_owned), ..Window::default() }, ..Of::default() }],
            ..Guarantee::default()
        });
        Agreement { terms: Terms { guarantees: guarantees.collect(), ..Terms::default() }, ..Agreement::default() }
    }

    fn state(id: &str, scope: Value) -> State {
        let state = json!({
            "id": id, "agreementId": "tpa-1", "value": true, "scope": scope, "metrics": {"A": 87.5, "B": 1},
            "period": {"from": "2024-01-01T00:00:00.000Z", "to": "2024-03-01T00:00:00.000Z"},
            "evidences": [{"computationGroup": "b31c3627-d0ea-482a-91a0-05ae6755819a"}], "more": 1,
        });
        serde_json::from_value(state).unwrap()
    }

    #[test]
    fn a_state_becomes_a_point() {
        let sorted = sort(&[state("G0", json!({"a": "1"}))], &agreement(&[None]));
        let [point] = sorted.points.as_slice() else { panic!("one point") };
        assert_eq!(point.timestamp, "2024-02-01T00:00:00Z".parse().unwrap());
        assert_eq!((point.guarantee_value, point.guarantee_result), (87.5, true));
        assert_eq!((point.guarantee_id.as_str(), point.agreement_id.as_str()), ("G0", "tpa-1"));
        assert_eq!(json!(point.metrics), json!({"A": 87.5, "B": 1}));
        assert_eq!(json!(point.scope), json!({"a": "1"}));
        assert_eq!(point.computation_group.unwrap().to_string(), "b31c3627-d0ea-482a-91a0-05ae6755819a");
        assert_eq!(sorted.rejections, []);
    }

    #[test]
    fn the_window_says_the_period() {
        let agreement = agreement(&[Some("daily"), Some("annually"), Some("never")]);
        let states = [state("G0", json!({})), state("G1", json!({})), state("G2", json!({})), state("G3", json!({}))];
        let sorted = sort(&states, &agreement);
        let times: Vec<_> = sorted.points.iter().map(|point| point.timestamp.to_string()).collect();
        assert_eq!(times, ["2024-02-29T00:00:00Z", "2024-01-01T00:00:00Z"]);
        // An unknown period is told, an unknown guarantee skipped.
        assert_eq!(sorted.rejections.len(), 1);
        assert_eq!(sorted.rejections[0].details.as_deref(), Some("Invalid period type: never"));
    }

    #[test]
    fn a_point_that_is_there_is_told_with_what_makes_it_the_same() {
        let point = sort(&[state("G0", json!({"a": "1"}))], &agreement(&[None])).points.remove(0);
        let message = "Point with timestamp 2024-02-01T00:00:00.000Z, scope {\"a\":\"1\"}, guaranteeId G0 and \
            agreementId tpa-1 already exists.";
        assert_eq!(json!(Rejection::exists(&point)), json!({ "message": message }));
    }

    #[test]
    fn a_state_that_makes_no_point_is_told() {
        let mut empty = state("G0", json!({}));
        empty.period.to = empty.period.from.clone();
        let mut without = state("G0", json!({}));
        without.metrics = Map::new();
        let mut undated = state("G0", json!({}));
        undated.period.to = json!("soon");
        let sorted = sort(&[empty, without, undated], &agreement(&[None]));
        assert_eq!((sorted.points.len(), sorted.rejections.len()), (0, 3));
        assert_eq!(sorted.rejections[2].details.as_deref(), Some("period.to must be an ISO date"));
        let mut bare = state("G0", json!({}));
        bare.evidences = Vec::new();
        assert_eq!(sort(&[bare], &agreement(&[None])).points[0].computation_group, None);
    }
}
