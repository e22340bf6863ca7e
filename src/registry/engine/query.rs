//! Questions for metrics and prices: what an address says, and whether it is enough. Pure.
//!
//! The texts of errors are those that JSON Schema validators give, and only the first one is told.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::agreement::{Agreement, Metric, truthy};
use super::{Clock, Map};
use crate::governify::dates;

/// Dotted names that begin with one of these are collected into an object of that name.
const GROUPS: [&str; 5] = ["scope", "parameters", "window", "period", "logs"];
/// Of one address; more parameters than any agreement has scopes.
const MOST_PARAMETERS: usize = 1000;

/// What is wrong with a query, in words for its `errors`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// The report of a whole question.
    pub fn report(&self) -> Value {
        json!({ "valid": false, "errors": [self.0] })
    }

    /// The report of one of many, with what it is about, as in `"metric": "<id>"`.
    pub fn report_of(&self, kind: &str, id: &str) -> Value {
        json!({ "valid": false, "errors": [self.0], kind: id })
    }
}

/// What one metric is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricQuery {
    pub scope: Map,
    pub window: Map,
    pub parameters: Map,
    pub period: Value,
}

/// `scope.priority=P1` → `{"scope": {"priority": "P1"}}`; a third part nests once more, other names are nobody's.
pub fn groups(query: &str) -> Map {
    let mut found = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).take(MOST_PARAMETERS) {
        let parts: Vec<&str> = name.split('.').collect();
        if !GROUPS.contains(&parts[0]) || parts.iter().any(|part| part.is_empty()) {
            continue;
        }
        let target = match parts.as_slice() {
            [group, _] => member(&mut found, group),
            [group, middle, _] => member(&mut found, group).and_then(|group| member(group, middle)),
            _ => None,
        };
        if let (Some(target), Some(name)) = (target, parts.last()) {
            add(target, name, value.into());
        }
    }
    found
}

/// A name that is there more than once is a list.
fn add(to: &mut Map, name: &str, value: Value) {
    match to.get_mut(name) {
        Some(Value::Array(values)) => values.push(value),
        Some(first @ Value::String(_)) => *first = json!([first.take(), value]),
        _ => {
            to.insert(name.to_owned(), value);
        }
    }
}

/// The object of that name, made if there is none.
fn member<'a>(of: &'a mut Map, name: &str) -> Option<&'a mut Map> {
    let value = of.entry(name).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

fn must(holds: bool, text: &str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid(text.to_owned())) }
}

fn required(of: &Map, names: &[&str]) -> Result<(), Invalid> {
    match names.iter().find(|name| !of.contains_key(**name)) {
        Some(name) => Err(Invalid(format!("must have required property '{name}'"))),
        None => Ok(()),
    }
}

fn strings(of: &Map, names: &[&str]) -> Result<(), Invalid> {
    names.iter().try_for_each(|name| must(of.get(*name).is_none_or(Value::is_string), "must be string"))
}

fn object<'a>(of: &'a Map, name: &str) -> Result<Option<&'a Map>, Invalid> {
    match of.get(name) {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Invalid("must be object".to_owned())),
    }
}

fn window(of: &Map) -> Result<(), Invalid> {
    const MEMBERS: [&str; 4] = ["initial", "period", "type", "timeZone"];
    let Some(window) = object(of, "window")? else { return Ok(()) };
    required(window, &MEMBERS)?;
    strings(window, &MEMBERS)
}

/// The query schema.
fn schema(query: &Map) -> Result<(), Invalid> {
    strings(query, &["id"])?;
    object(query, "scope")?;
    window(query)?;
    object(query, "parameters")?;
    match query.get("evidences") {
        None => {}
        Some(Value::Array(evidences)) => {
            for evidence in evidences {
                let evidence = evidence.as_object().ok_or_else(|| Invalid("must be object".to_owned()))?;
                strings(evidence, &["id", "computer"])?;
            }
        }
        Some(_) => return Err(Invalid("must be array".to_owned())),
    }
    if let Some(period) = object(query, "period")? {
        required(period, &["from"])?;
        strings(period, &["from", "to"])?;
    }
    Ok(())
}

/// A question for the states of a guarantee.
pub fn check_guarantee(query: &Map) -> Result<(), Invalid> {
    schema(query)?;
    for (name, text) in [("parameters", "Parameters"), ("window", "Window"), ("scope", "Scope")] {
        must(!query.contains_key(name), &format!("{text} field is not permitted for guarantee queries."))?;
    }
    Ok(())
}

/// A question for prices: only its window counts, and it is whole or absent.
pub fn pricing(mut query: Map) -> Result<Option<Map>, Invalid> {
    window(&query)?;
    Ok(match query.remove("window") {
        Some(Value::Object(window)) => Some(window),
        _ => None,
    })
}

/// A question for the states of a metric, its gaps filled from the definition of the metric.
pub fn metric(id: &str, metric: Metric<'_>, query: &Map) -> Result<MetricQuery, Invalid> {
    required(query, &["scope", "window"])?;
    schema(query)?;
    let member = |name: &str| query.get(name).and_then(Value::as_object).cloned();
    let parameters = member("parameters").unwrap_or_default();
    if let Some(declared) = metric.parameters().filter(|declared| declared.len() != parameters.len()) {
        let names: Vec<&str> = declared.keys().map(String::as_str).collect();
        return Err(Invalid(format!("Metric {id} needs parameters: {}", names.join(", "))));
    }
    let window = member("window").unwrap_or_default();
    let bound = |name: &str| window.get(name).and_then(truthy).cloned().unwrap_or_else(|| "*".into());
    let period =
        query.get("period").cloned().unwrap_or_else(|| json!({ "from": bound("initial"), "to": bound("end") }));
    let mut scope = member("scope").unwrap_or_default();
    for (name, declared) in metric.scope().into_iter().flatten() {
        if let (false, Some(default)) = (scope.contains_key(name), declared.get("default")) {
            scope.insert(name.clone(), default.clone());
        }
    }
    Ok(MetricQuery { scope, window, parameters, period })
}

/// The metrics that are computed with the whole agreement, over everything there is.
pub fn reloaded(agreement: Agreement<'_>, clock: &Clock) -> Vec<(String, MetricQuery)> {
    let wanted = agreement.metrics().filter(|(_, metric)| metric.is_reloaded_by_default());
    wanted.map(|(id, metric)| (id.to_owned(), reload(agreement, metric, clock))).collect()
}

fn reload(agreement: Agreement<'_>, metric: Metric<'_>, clock: &Clock) -> MetricQuery {
    let names = metric.scope().into_iter().flatten().map(|(name, _)| name);
    let mut scope: Map = names.map(|name| (name.clone(), "*".into())).collect();
    scope.entry("priority").or_insert_with(|| "P2".into());
    let mut window = metric.window().cloned().unwrap_or_default();
    let zone = agreement.time_zone().and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| clock.local.clone());
    if let Some(initial) = window.get("initial").and_then(Value::as_str) {
        // A day begins where the agreement is, not in Greenwich.
        let midnight =
            if initial.len() == "2022-01-01".len() { format!("{initial}T00:00:00") } else { initial.to_owned() };
        if let Some(moment) = dates::parse(&midnight, &zone) {
            window.insert("initial".to_owned(), dates::iso(moment).into());
        }
    }
    if let Some(zone) = agreement.time_zone() {
        window.insert("timeZone".to_owned(), zone.into());
    }
    MetricQuery { scope, window, parameters: Map::new(), period: json!({ "from": "*", "to": "*" }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn dotted_names_are_collected() {
        let table = [
            ("", json!({})),
            ("scope.priority=P1&x=1&scope=2&other.a=3", json!({ "scope": { "priority": "P1" } })),
            (
                "logs.naos.uri=a&logs.naos.stateUri=b&logs.x=1",
                json!({ "logs": { "naos": { "uri": "a", "stateUri": "b" }, "x": "1" } }),
            ),
            (
                "window.initial=2022-01-01&window.type=static&period.from=*",
                json!({ "window": { "initial": "2022-01-01", "type": "static" }, "period": { "from": "*" } }),
            ),
            ("parameters.n=5&parameters.s=a%20b+c", json!({ "parameters": { "n": "5", "s": "a b c" } })),
            ("scope.a.b.c=1&scope.=2&.scope=3&scope..x=4", json!({})),
            ("scope.a=1&scope.a=2&scope.a=3", json!({ "scope": { "a": ["1", "2", "3"] } })),
            ("scope.a=1&scope.a.b=2", json!({ "scope": { "a": { "b": "2" } } })),
        ];
        for (query, wanted) in table {
            assert_eq!(Value::Object(groups(query)), wanted, "{query}");
        }
        let many: String = (0..2000).map(|number| format!("scope.n{number}=1&")).collect();
        assert_eq!(groups(&many)["scope"].as_object().unwrap().len(), MOST_PARAMETERS);
    }

    fn definition() -> Value {
        json!({ "terms": { "metrics": { "M": {
            "scope": { "priority": { "default": "P2" }, "node": { "default": "*" }, "none": {} },
            "parameters": { "a": {}, "b": {} },
        }, "N": {} } } })
    }

    fn ask(id: &str, query: Value) -> Result<MetricQuery, String> {
        let stored = definition();
        let agreement = Agreement::new(&stored);
        metric(id, agreement.metric(id).unwrap(), &map(query)).map_err(|error| error.0)
    }

    #[test]
    fn the_first_broken_rule_is_told() {
        let whole = json!({ "initial": "i", "period": "p", "type": "t", "timeZone": "z" });
        let table = [
            (json!({}), "must have required property 'scope'"),
            (json!({ "window": 1 }), "must have required property 'scope'"),
            (json!({ "scope": {} }), "must have required property 'window'"),
            (json!({ "scope": "x", "window": whole }), "must be object"),
            (json!({ "scope": {}, "window": {} }), "must have required property 'initial'"),
            (json!({ "scope": {}, "window": { "initial": "i" } }), "must have required property 'period'"),
            (json!({ "scope": {}, "window": { "initial": "i", "period": "p" } }), "must have required property 'type'"),
            (
                json!({ "scope": {}, "window": { "initial": 1, "period": "p", "type": "t" } }),
                "must have required property 'timeZone'",
            ),
            (
                json!({ "scope": {}, "window": { "initial": 1, "period": "p", "type": "t", "timeZone": "z" } }),
                "must be string",
            ),
            (json!({ "scope": {}, "window": whole, "id": 1 }), "must be string"),
            (json!({ "scope": {}, "window": whole, "parameters": [] }), "must be object"),
            (json!({ "scope": {}, "window": whole, "evidences": {} }), "must be array"),
            (json!({ "scope": {}, "window": whole, "evidences": [{ "id": 1 }] }), "must be string"),
            (json!({ "scope": {}, "window": whole, "period": { "to": "x" } }), "must have required property 'from'"),
            (json!({ "scope": {}, "window": whole, "period": { "from": 1 } }), "must be string"),
        ];
        for (query, wanted) in table {
            assert_eq!(ask("N", query.clone()).unwrap_err(), wanted, "{query}");
        }
        let given = json!({ "scope": {}, "window": whole, "parameters": { "a": 1 } });
        assert_eq!(ask("M", given).unwrap_err(), "Metric M needs parameters: a, b");
    }

    #[test]
    fn gaps_are_filled() {
        let window = json!({ "initial": "2022-01-01", "period": "monthly", "type": "static", "timeZone": "UTC" });
        let found =
            ask("M", json!({ "scope": { "node": "n1" }, "window": window, "parameters": { "a": "1", "b": "2" } }))
                .unwrap();
        assert_eq!(Value::Object(found.scope), json!({ "node": "n1", "priority": "P2" }));
        assert_eq!(found.period, json!({ "from": "2022-01-01", "to": "*" }));
        let found = ask("N", json!({ "scope": {}, "window": window, "period": { "from": "a", "to": "b" } })).unwrap();
        assert_eq!((found.period, found.parameters), (json!({ "from": "a", "to": "b" }), Map::new()));
    }

    #[test]
    fn guarantees_have_no_scope_window_or_parameters() {
        let table = [
            (json!({ "parameters": {}, "scope": {} }), "Parameters field is not permitted for guarantee queries."),
            (
                json!({ "window": { "initial": "i", "period": "p", "type": "t", "timeZone": "z" } }),
                "Window field is not permitted for guarantee queries.",
            ),
            (json!({ "scope": {} }), "Scope field is not permitted for guarantee queries."),
            (json!({ "period": {} }), "must have required property 'from'"),
        ];
        for (query, wanted) in table {
            assert_eq!(check_guarantee(&map(query)), Err(Invalid(wanted.into())));
        }
        assert_eq!(check_guarantee(&map(json!({ "id": "A", "period": { "from": "a", "to": "b" } }))), Ok(()));
    }

    #[test]
    fn metrics_of_the_whole_agreement_are_asked_for_everything() {
        let stored = json!({
            "context": { "validity": { "timeZone": "America/Los_Angeles" } },
            "terms": { "metrics": {
                "M": { "defaultStateReload": true, "scope": { "node": {} }, "window": { "initial": "2022-01-01", "type": "static" } },
                "N": {},
            } },
        });
        let clock = Clock { now: jiff::Timestamp::UNIX_EPOCH, local: TimeZone::UTC };
        let found = reloaded(Agreement::new(&stored), &clock);
        let window =
            json!({ "initial": "2022-01-01T08:00:00.000Z", "type": "static", "timeZone": "America/Los_Angeles" });
        let wanted = MetricQuery {
            scope: map(json!({ "node": "*", "priority": "P2" })),
            window: map(window),
            parameters: Map::new(),
            period: json!({ "from": "*", "to": "*" }),
        };
        assert_eq!(found, [("M".to_owned(), wanted)]);
    }

    #[test]
    fn prices_need_a_whole_window_or_none() {
        assert_eq!(pricing(groups("scope.a=1&period.to=x")), Ok(None));
        let error = pricing(groups("window.initial=2022-01-01")).unwrap_err();
        assert_eq!(error.report().to_string(), r#"{"valid":false,"errors":["must have required property 'period'"]}"#);
        assert_eq!(error.report_of("metric", "M")["metric"], "M");
        let window = pricing(groups("window.initial=a&window.period=b&window.type=c&window.timeZone=d&window.end=e"));
        assert_eq!(window.unwrap().unwrap()["end"], "e");
    }
}
