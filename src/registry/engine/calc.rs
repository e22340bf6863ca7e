//! The computation of one `of` element: what its metrics are asked, and what their states come to. Pure.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Map;
use super::agreement::{Agreement, Element, Guarantee, truthy};
use super::asked::GuaranteeQuery;
use super::objective::{self, Binding, Bound, ObjectiveError};
use super::period::Period;
use super::state::{Put, Record, StateKey, StateType, canonical};

/// The scope names of the guarantee, each with the element's value or else its default. Names that only the element has
/// are dropped.
pub fn effective_scope(guarantee: Guarantee<'_>, element: Element<'_>) -> Map {
    let declared = guarantee.scope().into_iter().flatten();
    let value = |name: &str, declaration: &Value| {
        let own = element.scope().and_then(|scope| scope.get(name));
        own.or_else(|| declaration.get("default").and_then(truthy)).cloned()
    };
    declared.filter_map(|(name, declaration)| Some((name.clone(), value(name, declaration)?))).collect()
}

/// The window that collectors are sent: the element's, between the bounds of the period.
pub fn metric_window(agreement: Agreement<'_>, element: Element<'_>, query: &GuaranteeQuery, period: &Period) -> Map {
    let mut window = element.window().cloned().unwrap_or_default();
    window.extend(query.extra.clone());
    window.insert("initial".to_owned(), period.from.clone().into());
    window.insert("end".to_owned(), period.to.clone().into());
    window.insert("timeZone".to_owned(), agreement.time_zone().unwrap_or("UTC").into());
    window
}

/// Metric states with one scope and one period.
struct Group<'a> {
    key: &'a StateKey,
    records: HashMap<&'a str, &'a Record>,
}

/// Guarantee states from the metric states of one element, which come in the order of `with` and of the collectors.
pub fn judge(
    guarantee: Guarantee<'_>,
    element: Element<'_>,
    states: &[Put],
    time: Timestamp,
) -> Result<Vec<Put>, ObjectiveError> {
    let mut values = Vec::new();
    for group in grouped(states) {
        values.extend(judge_group(guarantee, element, &group, time)?);
    }
    Ok(values)
}

fn grouped(states: &[Put]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: HashMap<(String, Option<String>), usize> = HashMap::new();
    for Put { key, record } in states {
        let name = (scope_text(&key.scope), key.period.as_ref().map(canonical));
        let place = *places.entry(name).or_insert_with(|| {
            groups.push(Group { key, records: HashMap::new() });
            groups.len() - 1
        });
        groups[place].records.insert(&key.id, record);
    }
    groups
}

fn scope_text(scope: &Map) -> String {
    // Names in between keep the pairs apart: a canonical text ends where its value ends.
    let mut members: Vec<_> = scope.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
    members.sort_unstable();
    members.join(",")
}

/// Nothing when a metric of the group has nothing to judge.
fn judge_group(
    guarantee: Guarantee<'_>,
    element: Element<'_>,
    group: &Group<'_>,
    time: Timestamp,
) -> Result<Option<Put>, ObjectiveError> {
    let (mut bindings, mut metrics, mut evidences) = (Vec::new(), Map::new(), Vec::new());
    for id in element.with().into_iter().flatten().map(|(id, _)| id) {
        let record = group.records.get(id.as_str());
        let value = record.map_or_else(|| 0.into(), |record| record.value.clone());
        match objective::bind(id, &value)? {
            Bound::Value(value) => bindings.push(Binding { id, value }),
            Bound::Skipped => return Ok(None),
        }
        metrics.insert(id.clone(), value);
        match record.and_then(|record| record.evidences.as_ref()) {
            Some(Value::Array(more)) => evidences.extend_from_slice(more),
            Some(one) if truthy(one).is_some() => evidences.push(one.clone()),
            _ => {}
        }
    }
    let fulfilled = objective::holds(element.objective(), &bindings)?;
    let key = StateKey {
        agreement_id: group.key.agreement_id.clone(),
        state_type: StateType::Guarantees,
        id: guarantee.id().to_owned(),
        scope: group.key.scope.clone(),
        period: group.key.period.clone(),
        window: None,
    };
    let record = Record {
        value: fulfilled.into(),
        time,
        metrics: Some(metrics),
        evidences: Some(Value::Array(evidences)),
        parameters: None,
    };
    Ok(Some(Put { key, record }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    fn stored(scope: Value, element: Value) -> Value {
        json!({ "id": "a", "context": { "validity": { "timeZone": "Europe/Madrid" } },
                "terms": { "guarantees": [{ "id": "G", "scope": scope, "of": [element] }] } })
    }

    fn state(id: &str, scope: Value, period: Value, value: Value, evidences: Option<Value>) -> Put {
        let key = StateKey {
            agreement_id: "a".into(),
            state_type: StateType::Metrics,
            id: id.into(),
            scope: map(scope),
            period: (!period.is_null()).then_some(period),
            window: Some(Map::new()),
        };
        Put { key, record: Record { value, time: Timestamp::UNIX_EPOCH, metrics: None, evidences, parameters: None } }
    }

    fn judged(element: Value, states: &[Put]) -> Result<Vec<String>, ObjectiveError> {
        let stored = stored(json!({}), element);
        let guarantee = Agreement::new(&stored).guarantee("G").unwrap();
        let element = guarantee.elements().next().unwrap();
        let found = judge(guarantee, element, states, Timestamp::UNIX_EPOCH)?;
        Ok(found.iter().map(|put| serde_json::to_string(put).unwrap()).collect())
    }

    #[test]
    fn scopes_are_declared_by_the_guarantee_and_given_by_the_element() {
        let table = [
            (
                json!({ "project": { "default": null }, "member": { "default": "*" } }),
                json!({ "scope": { "project": "p1", "extra": "x" } }),
                r#"{"project":"p1","member":"*"}"#,
            ),
            (json!({ "b": {}, "a": { "default": 1 } }), json!({ "scope": { "b": "" } }), r#"{"b":"","a":1}"#),
            (json!({ "b": { "default": "" }, "a": 5 }), json!({}), "{}"),
            (json!(null), json!({ "scope": { "b": "" } }), "{}"),
        ];
        for (scope, element, wanted) in table {
            let stored = stored(scope, element);
            let guarantee = Agreement::new(&stored).guarantee("G").unwrap();
            let found = effective_scope(guarantee, guarantee.elements().next().unwrap());
            assert_eq!(Value::Object(found).to_string(), wanted);
        }
    }

    #[test]
    fn windows_travel_in_the_promised_order() {
        let stored =
            stored(json!({}), json!({ "window": { "type": "static", "initial": "2022-01-01", "period": "daily" } }));
        let agreement = Agreement::new(&stored);
        let element = agreement.guarantee("G").unwrap().elements().next().unwrap();
        let period = Period { from: "F".into(), to: "T".into() };
        let window = |extra: Value| {
            let query = GuaranteeQuery { guarantee: "G".into(), period: None, extra: map(extra) };
            Value::Object(metric_window(agreement, element, &query, &period)).to_string()
        };
        assert_eq!(
            window(json!({ "from": "2024-01-01", "end": "raw" })),
            r#"{"type":"static","initial":"F","period":"daily","from":"2024-01-01","end":"T","timeZone":"Europe/Madrid"}"#
        );
        assert_eq!(
            window(json!({})),
            r#"{"type":"static","initial":"F","period":"daily","end":"T","timeZone":"Europe/Madrid"}"#
        );
    }

    #[test]
    fn the_contracts_example() {
        let element = json!({ "objective": "UP_METRIC >= 80", "with": { "UP_METRIC": {} } });
        let states = [state(
            "UP_METRIC",
            json!({ "project": "p1" }),
            json!({ "from": "a", "to": "b" }),
            json!(87),
            Some(json!([{ "g": 1 }])),
        )];
        assert_eq!(
            judged(element, &states).unwrap(),
            [
                r#"{"stateType":"guarantees","agreementId":"a","id":"G","scope":{"project":"p1"},"period":{"from":"a","to":"b"},"value":true,"metrics":{"UP_METRIC":87},"evidences":[{"g":1}]}"#
            ]
        );
    }

    #[test]
    fn states_are_grouped_by_scope_and_period_in_the_order_they_came() {
        let element = json!({ "objective": "A > B", "with": { "A": {}, "B": {} } });
        let period = json!({ "from": "a", "to": "b" });
        let states = [
            state("A", json!({ "x": 2, "y": 1 }), period.clone(), json!(1), Some(json!(["a2"]))),
            state("A", json!({ "x": 1 }), period.clone(), json!("5.0"), Some(json!(["a1"]))),
            state("A", json!({ "x": 1 }), Value::Null, json!(-1), Some(Value::Null)),
            state("B", json!({ "x": 1 }), json!({ "to": "b", "from": "a" }), json!(9), Some(json!(["b1"]))),
            state("B", json!({ "y": 1.0, "x": 2 }), period.clone(), json!(0), Some(json!({ "one": 1 }))),
            state("B", json!({ "x": 1 }), period, json!(4), Some(json!(["b2"]))),
        ];
        let found = judged(element, &states).unwrap();
        let tail = |text: &str| text[text.find("\"scope\"").unwrap()..].to_owned();
        assert_eq!(
            found.iter().map(|text| tail(text)).collect::<Vec<_>>(),
            [
                r#""scope":{"x":2,"y":1},"period":{"from":"a","to":"b"},"value":true,"metrics":{"A":1,"B":0},"evidences":["a2",{"one":1}]}"#,
                r#""scope":{"x":1},"period":{"from":"a","to":"b"},"value":true,"metrics":{"A":"5.0","B":4},"evidences":["a1","b2"]}"#,
                r#""scope":{"x":1},"value":false,"metrics":{"A":-1,"B":0},"evidences":[]}"#,
            ]
        );
    }

    #[test]
    fn a_group_without_a_value_is_skipped_and_a_wrong_one_is_an_error() {
        let element = json!({ "objective": "A >= 1", "with": { "A": {} } });
        let of = |value: Value| judged(element.clone(), &[state("A", json!({}), Value::Null, value, None)]);
        assert_eq!(of(json!("NaN")), Ok(vec![]));
        assert_eq!(of(json!("")), Ok(vec![]));
        assert_eq!(of(json!("broken")), Err(ObjectiveError::NotANumber("A".into())));
        assert!(of(json!(null)).unwrap()[0].contains(r#""value":false,"metrics":{"A":null}"#));
        assert_eq!(
            judged(json!({ "with": { "A": {} } }), &[state("A", json!({}), Value::Null, json!(1), None)]),
            Err(ObjectiveError::Missing)
        );
        assert_eq!(judged(json!({ "with": {}, "objective": "x" }), &[]), Ok(vec![]));
    }
}
