//! Guarantee states of the Registry become points, each stored once.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::step::Step;
use crate::backend::agreement::Agreement;

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

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct StatePeriod {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What makes a point the same as another. The order of a scope's keys does not matter, every key does.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity<'a> {
    pub agreement_id: Cow<'a, str>,
    pub guarantee_id: Cow<'a, str>,
    pub timestamp: Timestamp,
    pub scope: Cow<'a, Map<String, Value>>,
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

/// What the caller is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Reply {
    /// 200, the newly stored points.
    New,
    /// 200, every stored point of the agreement.
    All,
    /// 400, the rejections.
    Rejections,
}

impl Reply {
    /// `stored` counts the agreement's points after the new ones were stored.
    pub fn of(rejections: usize, stored: usize) -> Self {
        match (rejections, stored) {
            (0, _) => Self::New,
            (_, 0) => Self::Rejections,
            _ => Self::All,
        }
    }
}

/// Sorts states into points and rejections. States of guarantees that the agreement does not hold are skipped.
/// `stored` are the points that there are.
pub fn sort(states: &[State], agreement: &Agreement, stored: &[Identity<'_>]) -> Sorted {
    let mut sorted = Sorted::default();
    for state in states {
        let Some(period) = period(state, agreement) else { continue };
        let point = match point(state, period) {
            Ok(point) => point,
            Err(rejection) => {
                sorted.rejections.push(rejection);
                continue;
            }
        };
        let identity = point.identity();
        if stored.contains(&identity) || sorted.points.iter().any(|other| other.identity() == identity) {
            sorted.rejections.push(exists(&point));
        } else {
            sorted.points.push(point);
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
    let timestamp = step.last_start(state.period.from, state.period.to);
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

fn exists(point: &NewPoint) -> Rejection {
    let scope = json!(point.scope);
    let message = format!(
        "Point with timestamp {:.3}, scope {scope}, guaranteeId {} and agreementId {} already exists.",
        point.timestamp, point.guarantee_id, point.agreement_id
    );
    Rejection { message, details: None }
}

impl NewPoint {
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            agreement_id: Cow::Borrowed(&self.agreement_id),
            guarantee_id: Cow::Borrowed(&self.guarantee_id),
            timestamp: self.timestamp,
            scope: Cow::Borrowed(&self.scope),
        }
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
        let sorted = sort(&[state("G0", json!({"a": "1"}))], &agreement(&[None]), &[]);
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
        let sorted = sort(&states, &agreement, &[]);
        let times: Vec<_> = sorted.points.iter().map(|point| point.timestamp.to_string()).collect();
        assert_eq!(times, ["2024-02-29T00:00:00Z", "2024-01-01T00:00:00Z"]);
        // An unknown period is told, an unknown guarantee skipped.
        assert_eq!(sorted.rejections.len(), 1);
        assert_eq!(sorted.rejections[0].details.as_deref(), Some("Invalid period type: never"));
    }

    #[test]
    fn the_same_point_is_stored_once() {
        let agreement = agreement(&[None]);
        let one = sort(&[state("G0", json!({"a": "1", "b": "2"}))], &agreement, &[]).points.remove(0);
        let states = [
            state("G0", json!({"b": "2", "a": "1"})),
            state("G0", json!({"a": "1"})),
            state("G0", json!({"a": "1"})),
            state("G0", json!({"a": "1", "b": "2", "c": "3"})),
        ];
        let sorted = sort(&states, &agreement, &[one.identity()]);
        let scopes: Vec<_> = sorted.points.iter().map(|point| json!(point.scope)).collect();
        assert_eq!(scopes, [json!({"a": "1"}), json!({"a": "1", "b": "2", "c": "3"})]);
        assert_eq!(sorted.rejections.len(), 2);
        let message = &sorted.rejections[0].message;
        assert!(message.starts_with("Point with ") && message.ends_with(" already exists."), "{message}");
        for other in [
            Identity { agreement_id: "tpa-2".into(), ..one.identity() },
            Identity { guarantee_id: "G1".into(), ..one.identity() },
            Identity { timestamp: Timestamp::UNIX_EPOCH, ..one.identity() },
        ] {
            assert_eq!(sort(&states[..1], &agreement, &[other]).points.len(), 1);
        }
    }

    #[test]
    fn a_state_that_makes_no_point_is_told() {
        let mut empty = state("G0", json!({}));
        empty.period.to = empty.period.from;
        let mut without = state("G0", json!({}));
        without.metrics = Map::new();
        let sorted = sort(&[empty, without], &agreement(&[None]), &[]);
        assert_eq!((sorted.points.len(), sorted.rejections.len()), (0, 2));
        let mut bare = state("G0", json!({}));
        bare.evidences = Vec::new();
        assert_eq!(sort(&[bare], &agreement(&[None]), &[]).points[0].computation_group, None);
    }

    #[test]
    fn replies() {
        let table = [(0, 0, Reply::New), (0, 5, Reply::New), (2, 5, Reply::All), (2, 0, Reply::Rejections)];
        for (rejections, stored, reply) in table {
            assert_eq!(Reply::of(rejections, stored), reply);
        }
    }
}
