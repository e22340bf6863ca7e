//! An agreement as the engine reads it: a view of the stored JSON, member by member when wanted.
//!
//! Never rejects anything by itself: agreements are stored unchecked, and a member of the wrong kind counts as absent.

use serde_json::Value;

use super::Map;

/// A stored agreement.
#[derive(Debug, Clone, Copy)]
pub struct Agreement<'a>(&'a Value);

/// One of `terms.guarantees`.
#[derive(Debug, Clone, Copy)]
pub struct Guarantee<'a>(&'a Value);

/// One `of` element of a guarantee: a scope, an objective, the metrics it needs.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a>(&'a Value);

/// One of `terms.metrics`.
#[derive(Debug, Clone, Copy)]
pub struct Metric<'a>(&'a Value);

impl<'a> Agreement<'a> {
    pub fn new(stored: &'a Value) -> Self {
        Self(stored)
    }

    pub fn id(self) -> &'a str {
        self.0["id"].as_str().unwrap_or_default()
    }

    /// The anchor of windows that have none.
    pub fn initial(self) -> Option<&'a Value> {
        truthy(&self.0["context"]["validity"]["initial"])
    }

    pub fn time_zone(self) -> Option<&'a str> {
        self.0["context"]["validity"]["timeZone"].as_str().filter(|zone| !zone.is_empty())
    }

    /// The names that a log has for the scopes of the registry.
    pub fn log_scopes(self, log: &str) -> Option<&'a Map> {
        self.0["context"]["definitions"]["logs"].get(log)?.get("scopes")?.as_object()
    }

    pub fn guarantees(self) -> impl Iterator<Item = Guarantee<'a>> {
        self.0["terms"]["guarantees"].as_array().into_iter().flatten().map(Guarantee)
    }

    pub fn guarantee(self, id: &str) -> Option<Guarantee<'a>> {
        self.guarantees().find(|guarantee| guarantee.id() == id)
    }

    pub fn metrics(self) -> impl Iterator<Item = (&'a str, Metric<'a>)> {
        self.0["terms"]["metrics"].as_object().into_iter().flatten().map(|(id, metric)| (id.as_str(), Metric(metric)))
    }

    pub fn metric(self, id: &str) -> Option<Metric<'a>> {
        self.0["terms"]["metrics"].as_object()?.get(id).map(Metric)
    }

    /// `terms.pricing.billing.penalties`; STATUS writes none.
    pub fn penalties(self) -> &'a [Value] {
        self.0["terms"]["pricing"]["billing"]["penalties"].as_array().map_or(&[], Vec::as_slice)
    }
}

impl<'a> Guarantee<'a> {
    pub fn id(self) -> &'a str {
        self.0["id"].as_str().unwrap_or_default()
    }

    /// The scope names it declares, with their defaults.
    pub fn scope(self) -> Option<&'a Map> {
        self.0["scope"].as_object()
    }

    pub fn elements(self) -> impl Iterator<Item = Element<'a>> {
        self.0["of"].as_array().into_iter().flatten().map(Element)
    }

    /// The window of the first element, which decides the period of all of them.
    pub fn window(self) -> Option<&'a Map> {
        self.elements().next()?.window()
    }
}

impl<'a> Element<'a> {
    pub fn scope(self) -> Option<&'a Map> {
        self.0["scope"].as_object()
    }

    /// Absent and null are one: both cannot be evaluated.
    pub fn objective(self) -> Option<&'a Value> {
        self.0.get("objective").filter(|objective| !objective.is_null())
    }

    /// Metric ids with their parameters. Without it there is nothing to compute.
    pub fn with(self) -> Option<&'a Map> {
        self.0["with"].as_object()
    }

    pub fn window(self) -> Option<&'a Map> {
        self.0["window"].as_object()
    }
}

impl<'a> Metric<'a> {
    pub fn collector_type(self) -> &'a str {
        self.0["collector"]["type"].as_str().unwrap_or_default()
    }

    pub fn infrastructure_path(self) -> &'a str {
        self.0["collector"]["infrastructurePath"].as_str().unwrap_or_default()
    }

    pub fn endpoint(self) -> &'a str {
        self.0["collector"]["endpoint"].as_str().unwrap_or_default()
    }

    pub fn config(self) -> Option<&'a Value> {
        self.0["collector"].get("config")
    }

    pub fn measure(self) -> Option<&'a Map> {
        self.0["measure"].as_object()
    }

    pub fn scope(self) -> Option<&'a Map> {
        self.0["scope"].as_object()
    }

    pub fn parameters(self) -> Option<&'a Map> {
        self.0["parameters"].as_object()
    }

    pub fn window(self) -> Option<&'a Map> {
        self.0["window"].as_object()
    }

    pub fn is_reloaded_by_default(self) -> bool {
        self.0["defaultStateReload"] == Value::Bool(true)
    }
}

/// The value, if JavaScript would take it for true.
pub(super) fn truthy(value: &Value) -> Option<&Value> {
    let holds = match value {
        Value::Null => false,
        Value::Bool(it) => *it,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    };
    holds.then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_of_another_kind_is_absent() {
        for stored in
            [json!(null), json!([]), json!({ "terms": 1, "context": [] }), json!({ "terms": { "guarantees": {} } })]
        {
            let agreement = Agreement::new(&stored);
            assert_eq!(agreement.id(), "");
            assert!(agreement.initial().is_none() && agreement.time_zone().is_none());
            assert_eq!((agreement.guarantees().count(), agreement.metrics().count()), (0, 0));
            assert!(agreement.penalties().is_empty() && agreement.log_scopes("x").is_none());
        }
    }

    #[test]
    fn members_are_found() {
        let stored = json!({
            "id": "tpa-1",
            "context": { "validity": { "initial": "2022-01-01", "timeZone": "" },
                         "definitions": { "logs": { "naos": { "scopes": { "priority": "prio" } } } } },
            "terms": {
                "metrics": { "M": { "collector": { "type": "GET-V1", "config": null }, "defaultStateReload": true }, "N": {} },
                "guarantees": [{ "id": "A", "of": [] }, { "id": "B", "of": [{ "window": { "period": "daily" } }] }],
            },
        });
        let agreement = Agreement::new(&stored);
        assert_eq!((agreement.initial(), agreement.time_zone()), (Some(&json!("2022-01-01")), None));
        assert_eq!(agreement.log_scopes("naos").unwrap()["priority"], "prio");
        assert_eq!(agreement.guarantees().map(Guarantee::id).collect::<Vec<_>>(), ["A", "B"]);
        assert!(agreement.guarantee("A").unwrap().window().is_none() && agreement.guarantee("C").is_none());
        assert_eq!(agreement.guarantee("B").unwrap().window().unwrap()["period"], "daily");
        let metric = agreement.metric("M").unwrap();
        assert_eq!((metric.collector_type(), metric.config()), ("GET-V1", Some(&Value::Null)));
        assert!(metric.is_reloaded_by_default() && !agreement.metric("N").unwrap().is_reloaded_by_default());
        assert!(agreement.metric("N").unwrap().config().is_none());
    }

    #[test]
    fn truth_is_javascripts() {
        for value in [json!(null), json!(false), json!(0), json!(-0.0), json!("")] {
            assert!(truthy(&value).is_none(), "{value}");
        }
        for value in [json!(true), json!(0.1), json!("0"), json!([]), json!({})] {
            assert!(truthy(&value).is_some(), "{value}");
        }
    }
}
