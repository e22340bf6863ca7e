//! States as they are written and shown: which state, what is added to its history, how it looks to a client.
//!
//! Never reaches a database: [`States`] is what the engine wants of one.

use std::fmt::Write;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::Map;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateType {
    Guarantees,
    Metrics,
}

impl StateType {
    /// As in the database and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guarantees => "guarantees",
            Self::Metrics => "metrics",
        }
    }
}

/// Which state. Two keys are of one state when all of it is equal, whatever the order of members.
#[derive(Debug, Clone, PartialEq)]
pub struct StateKey {
    pub agreement_id: String,
    pub state_type: StateType,
    /// Of the guarantee or the metric.
    pub id: String,
    pub scope: Map,
    /// Normally `{from, to}`, as the collector told it.
    pub period: Option<Value>,
    /// Of metrics only.
    pub window: Option<Map>,
}

/// One entry of a state's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub value: Value,
    /// Of writing.
    pub time: Timestamp,
    /// Of guarantees: the values of the metrics, as they were received.
    pub metrics: Option<Map>,
    pub evidences: Option<Value>,
    /// Of metrics whose collector told them.
    pub parameters: Option<Value>,
}

/// A record and the state that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    pub key: StateKey,
    pub record: Record,
}

impl Put {
    /// The state as clients see it once this is written.
    pub fn view(&self) -> Value {
        // Texts as keys and values that are JSON already: there is nothing in it that could fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The view, without a tree in between.
impl Serialize for Put {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, record) = (&self.key, &self.record);
        let mut view = serializer.serialize_map(None)?;
        view.serialize_entry("stateType", key.state_type.name())?;
        view.serialize_entry("agreementId", &key.agreement_id)?;
        view.serialize_entry("id", &key.id)?;
        view.serialize_entry("scope", &key.scope)?;
        if let Some(period) = &key.period {
            view.serialize_entry("period", period)?;
        }
        if let Some(window) = &key.window {
            view.serialize_entry("window", window)?;
        }
        view.serialize_entry("value", &record.value)?;
        if let Some(metrics) = &record.metrics {
            view.serialize_entry("metrics", metrics)?;
        }
        if let Some(evidences) = &record.evidences {
            view.serialize_entry("evidences", evidences)?;
        }
        if let Some(parameters) = &record.parameters {
            view.serialize_entry("parameters", parameters)?;
        }
        view.end()
    }
}

/// Where states are kept.
pub trait States: Sync {
    type Error: std::error::Error + Send + Sync + 'static;

    /// Adds every record to the history of its state, in this order; a state that is not there begins with it.
    fn put(&self, puts: &[Put]) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A text that is the same for values that are deeply equal, whatever the order of members and the spelling of numbers.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in members {
                let _ = write!(out, "{name:?}:");
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::String(text) => {
            let _ = write!(out, "{text:?}");
        }
        // 1 and 1.0 are one number.
        Value::Number(number) => {
            let _ = match number.as_f64() {
                Some(number) => write!(out, "{number}"),
                None => write!(out, "{number}"),
            };
        }
        Value::Null => out.push_str("null"),
        Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_guarantee_is_shown_in_the_promised_order() {
        let put = Put {
            key: StateKey {
                agreement_id: "tpa-1".into(),
                state_type: StateType::Guarantees,
                id: "UPTIME".into(),
                scope: map(json!({ "project": "p1" })),
                period: Some(json!({ "from": "a", "to": "b" })),
                window: None,
            },
            record: Record {
                value: json!(true),
                time: Timestamp::UNIX_EPOCH,
                metrics: Some(map(json!({ "UPTIME_METRIC": 87 }))),
                evidences: Some(json!([{ "computationGroup": "g" }])),
                parameters: None,
            },
        };
        let wanted = r#"{"stateType":"guarantees","agreementId":"tpa-1","id":"UPTIME","scope":{"project":"p1"},"period":{"from":"a","to":"b"},"value":true,"metrics":{"UPTIME_METRIC":87},"evidences":[{"computationGroup":"g"}]}"#;
        assert_eq!(serde_json::to_string(&put).unwrap(), wanted);
        assert_eq!(put.view().to_string(), wanted);
    }

    #[test]
    fn a_metric_is_shown_in_the_promised_order() {
        let put = Put {
            key: StateKey {
                agreement_id: "a".into(),
                state_type: StateType::Metrics,
                id: "M".into(),
                scope: Map::new(),
                period: None,
                window: Some(map(json!({ "type": "static" }))),
            },
            record: Record {
                value: json!("100.0"),
                time: Timestamp::UNIX_EPOCH,
                metrics: None,
                evidences: Some(Value::Null),
                parameters: Some(json!({})),
            },
        };
        let wanted = r#"{"stateType":"metrics","agreementId":"a","id":"M","scope":{},"window":{"type":"static"},"value":"100.0","evidences":null,"parameters":{}}"#;
        assert_eq!(put.view().to_string(), wanted);
    }

    #[test]
    fn what_is_deeply_equal_has_one_canonical_text() {
        let same = [
            (
                json!({ "a": 1, "b": [1, { "c": null, "d": "x" }] }),
                json!({ "b": [1.0, { "d": "x", "c": null }], "a": 1 }),
            ),
            (json!(-0.5), json!(-0.50)),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_993.0)),
        ];
        for (left, right) in same {
            assert_eq!(canonical(&left), canonical(&right));
        }
        let different = [
            (json!({ "a": 1 }), json!({ "a": 1, "b": null })),
            (json!("1"), json!(1)),
            (json!([1, 2]), json!([12])),
            (json!({ "a\":1,\"b": 1 }), json!({ "a": 1, "b": 1 })),
            (json!(null), json!("null")),
            (json!([[1], 2]), json!([[1, 2]])),
        ];
        for (left, right) in different {
            assert_ne!(canonical(&left), canonical(&right));
        }
    }
}
