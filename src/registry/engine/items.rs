//! What a collector answers: computations, each of which becomes the record of a metric state. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Map;
use super::agreement::{Agreement, Metric};
use super::state::{Put, Record, StateKey, StateType};

/// One computation; members beyond these are the collector's own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Item {
    #[serde(default)]
    pub value: Value,
    /// An object, or nothing.
    #[serde(default)]
    pub scope: Option<Map>,
    #[serde(default)]
    pub period: Option<Value>,
    #[serde(default, deserialize_with = "told")]
    pub evidences: Option<Value>,
    #[serde(default, deserialize_with = "told")]
    pub parameters: Option<Value>,
    #[serde(default)]
    pub log: Option<Value>,
}

/// Null that was told is not the same as nothing told.
fn told<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The record of one computation.
pub fn put(agreement: Agreement<'_>, id: &str, metric: Metric<'_>, window: &Map, item: Item, time: Timestamp) -> Put {
    let scope = renamed(agreement, metric, item.scope.unwrap_or_default(), item.log.as_ref());
    let key = StateKey {
        agreement_id: agreement.id().to_owned(),
        state_type: StateType::Metrics,
        id: id.to_owned(),
        scope,
        period: item.period,
        window: Some(window.clone()),
    };
    let Item { value, evidences, parameters, .. } = item;
    Put { key, record: Record { value, time, metrics: None, evidences, parameters } }
}

/// The collector's names of scopes, turned into the registry's where the log that it names has a mapping.
fn renamed(agreement: Agreement<'_>, metric: Metric<'_>, scope: Map, log: Option<&Value>) -> Map {
    let name = log.and_then(Value::as_object).and_then(|log| log.keys().next());
    let (Some(name), Some(_)) = (name, metric.scope()) else { return scope };
    let Some(mapping) = agreement.log_scopes(name) else { return scope };
    let own = |theirs: &str| mapping.iter().find(|(_, mapped)| mapped.as_str() == Some(theirs)).map(|(own, _)| own);
    scope.into_iter().map(|(theirs, value)| (own(&theirs).cloned().unwrap_or(theirs), value)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(item: Value) -> Item {
        serde_json::from_value(item).unwrap()
    }

    #[test]
    fn an_item_is_read_with_whatever_it_lacks() {
        let whole = read(
            json!({ "id": "g", "value": 87, "scope": { "a": 1 }, "evidences": [1], "period": { "from": "a" }, "controlId": 1 }),
        );
        assert_eq!((whole.value, whole.evidences, whole.parameters), (json!(87), Some(json!([1])), None));
        let bare = read(json!({}));
        assert_eq!((bare.value, bare.scope, bare.period, bare.evidences), (Value::Null, None, None, None));
        let nulls = read(json!({ "evidences": null, "parameters": null, "scope": null }));
        assert_eq!((nulls.evidences, nulls.parameters, nulls.scope), (Some(Value::Null), Some(Value::Null), None));
        assert!(serde_json::from_value::<Item>(json!({ "scope": "x" })).is_err());
    }

    #[test]
    fn scopes_of_a_log_are_renamed() {
        let stored = json!({
            "id": "a",
            "context": { "definitions": { "logs": { "naos": { "scopes": { "priority": "prio", "node": "host" } } } } },
            "terms": { "metrics": { "M": { "scope": {} }, "N": {} } },
        });
        let agreement = Agreement::new(&stored);
        let scope = |metric: &str, item: Value| {
            let put = put(
                agreement,
                metric,
                agreement.metric(metric).unwrap(),
                &Map::new(),
                read(item),
                Timestamp::UNIX_EPOCH,
            );
            Value::Object(put.key.scope).to_string()
        };
        let item = json!({ "scope": { "prio": "P1", "x": 2 }, "log": { "naos": {} } });
        assert_eq!(scope("M", item.clone()), r#"{"priority":"P1","x":2}"#);
        assert_eq!(scope("N", item), r#"{"prio":"P1","x":2}"#);
        assert_eq!(scope("M", json!({ "scope": { "prio": "P1" } })), r#"{"prio":"P1"}"#);
        assert_eq!(scope("M", json!({ "scope": { "prio": "P1" }, "log": { "other": 1 } })), r#"{"prio":"P1"}"#);
        assert_eq!(scope("M", json!({})), "{}");
    }
}
