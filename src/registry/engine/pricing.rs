//! Penalties of an agreement: one line per penalty, and further lines for scopes that guarantees have. Pure.
//!
//! States carry no penalty (the originals switched them off), so every line adds up to 0; what remains is which lines
//! there are.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::agreement::Agreement;
use super::period::{self, PeriodError};
use super::state::Put;
use super::{Clock, Map};
use crate::governify::dates;

/// The lines of all penalties for a window, from the states of all guarantees.
pub fn lines(agreement: Agreement<'_>, window: &Map, states: &[Put], clock: &Clock) -> Result<Vec<Value>, PeriodError> {
    let Some((_, _)) = agreement.penalties().split_first() else { return Ok(Vec::new()) };
    let period = period::widened(window, agreement, clock)?;
    let bounds = moments(&period.to_json(), clock);
    let inside: Vec<&Put> = states.iter().filter(|put| is_inside(put, bounds, clock)).collect();
    let mut lines = Vec::new();
    for penalty in agreement.penalties() {
        let name = penalty["over"].as_object().and_then(|over| over.keys().next()).map_or("", String::as_str);
        let groups = penalty["groupBy"].as_object();
        let defaults = groups.into_iter().flatten();
        let mut scopes: Vec<Map> = vec![
            defaults.filter_map(|(name, declared)| Some((name.clone(), declared.get("default")?.clone()))).collect(),
        ];
        for put in &inside {
            let names = groups.into_iter().flatten().map(|(name, _)| name);
            let own: Map = names.filter_map(|name| Some((name.clone(), put.key.scope.get(name)?.clone()))).collect();
            if !scopes.contains(&own) {
                scopes.push(own);
            }
        }
        let line = |scope: Map| json!({ "scope": scope, "period": period.to_json(), "value": 0, "penalty": name });
        lines.extend(scopes.into_iter().map(line));
    }
    Ok(lines)
}

fn moments(period: &Value, clock: &Clock) -> Option<(Timestamp, Timestamp)> {
    Some((dates::of_value(&period["from"], &clock.local)?, dates::of_value(&period["to"], &clock.local)?))
}

/// Whether the period of a state lies inside; one that is no period does not.
fn is_inside(put: &Put, bounds: Option<(Timestamp, Timestamp)>, clock: &Clock) -> bool {
    let own = put.key.period.as_ref().and_then(|period| moments(period, clock));
    own.zip(bounds).is_some_and(|((from, to), (first, last))| first <= from && to <= last)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::state::{Record, StateKey, StateType};
    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    fn state(scope: Value, from: &str, to: &str) -> Put {
        let key = StateKey {
            agreement_id: "a".into(),
            state_type: StateType::Guarantees,
            id: "G".into(),
            scope: map(scope),
            period: Some(json!({ "from": from, "to": to })),
            window: None,
        };
        let (time, value) = (Timestamp::UNIX_EPOCH, json!(false));
        Put { key, record: Record { value, time, metrics: None, evidences: None, parameters: None } }
    }

    #[test]
    fn lines_are_those_of_the_penalties_and_of_further_scopes() {
        let stored = json!({
            "context": { "validity": { "initial": "2022-01-01" } },
            "terms": { "pricing": { "billing": { "penalties": [
                { "over": { "P": {} }, "groupBy": { "project": { "default": "*" } }, "aggregatedBy": "sum" },
                { "over": { "Q": {} } },
            ] } } },
        });
        let clock = Clock { now: "2022-06-15T00:00:00Z".parse().unwrap(), local: TimeZone::UTC };
        let states = [
            state(json!({ "project": "p1", "member": "m" }), "2022-02-03", "2022-02-04"),
            state(json!({ "project": "p1", "member": "n" }), "2022-02-03", "2022-02-04"),
            state(json!({ "project": "*" }), "2022-02-03", "2022-02-04"),
            state(json!({ "project": "p2" }), "2022-01-03", "2022-02-04"),
            state(json!({ "project": "p3" }), "a", "b"),
        ];
        let window = map(json!({ "period": "monthly", "from": "2022-02-03", "end": "2022-02-10" }));
        let found = lines(Agreement::new(&stored), &window, &states, &clock).unwrap();
        let period = r#""period":{"from":"2022-02-01T00:00:00.000Z","to":"2022-02-28T23:59:59.000Z"},"value":0"#;
        let wanted = [("{\"project\":\"*\"}", "P"), ("{\"project\":\"p1\"}", "P"), ("{}", "Q")]
            .map(|(scope, penalty)| format!(r#"{{"scope":{scope},{period},"penalty":"{penalty}"}}"#));
        assert_eq!(found.iter().map(Value::to_string).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn without_penalties_there_is_no_line() {
        let clock = Clock { now: Timestamp::UNIX_EPOCH, local: TimeZone::UTC };
        assert_eq!(lines(Agreement::new(&json!({})), &Map::new(), &[], &clock), Ok(vec![]));
    }
}
