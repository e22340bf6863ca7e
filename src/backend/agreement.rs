//! The agreement (TPA) of a catalog, as the Registry is given it.
//!
//! Every control becomes one metric and one guarantee; a guarantee holds the scope sets of its own control only. Pure: a
//! fresh id is an argument, and so is where the backend is reached.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

type Object = Map<String, Value>;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Agreement {
    pub id: String,
    pub version: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub context: Context,
    pub terms: Terms,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Context {
    pub validity: Validity,
    pub definitions: Definitions,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validity {
    pub initial: String,
    pub time_zone: String,
    pub start_date: String,
    pub end_date: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Definitions {
    pub schemas: Object,
    pub scopes: Object,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// Metrics by name, in the order of the controls.
    pub metrics: Object,
    pub guarantees: Vec<Guarantee>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Guarantee {
    pub id: String,
    pub notes: String,
    pub description: String,
    pub scope: Object,
    pub of: Vec<Of>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Of {
    pub scope: Object,
    pub objective: String,
    pub with: Object,
    pub window: Window,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Window {
    #[serde(rename = "type")]
    pub kind: String,
    pub initial: String,
    pub period: Option<String>,
}

/// Where the Registry and the flows find the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Scheme and authority, without a slash at the end.
    pub base: String,
    /// The Registry's name for the backend.
    pub infrastructure_path: String,
}

/// A control, as far as an agreement needs it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ControlTerms {
    pub name: String,
    pub description: Option<String>,
    pub period: String,
    pub params: Object,
    /// The maps of the control's own scope sets.
    pub scope_sets: Vec<Object>,
}

/// What is known of a scope name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeTerms {
    pub name: String,
    pub description: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub default: String,
}

/// A catalog's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

/// A control without something that its terms are made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("control {control} has no {key} in its params")]
pub struct IncompleteControl {
    pub control: String,
    pub key: &'static str,
}

/// The given id with its prefix, or a fresh one.
pub fn agreement_id(given: Option<&str>, fresh: Uuid) -> String {
    match given.filter(|id| !id.is_empty()) {
        Some(id) if id.starts_with("tpa-") => id.to_owned(),
        Some(id) => format!("tpa-{id}"),
        None => format!("tpa-{fresh}"),
    }
}

/// The agreement of a catalog.
pub fn build(
    id: String,
    span: Span,
    controls: &[ControlTerms],
    scopes: &[ScopeTerms],
    place: &Place,
) -> Result<Agreement, IncompleteControl> {
    let used = used_scopes(controls, scopes);
    let mut terms = Terms::default();
    for control in controls {
        terms.metrics.insert(control.metric(), control.measured(place)?);
        terms.guarantees.push(control.guarantee(&used)?);
    }
    Ok(Agreement { id, version: "1.0.0".to_owned(), kind: "agreement".to_owned(), context: context(span), terms })
}

fn context(span: Span) -> Context {
    let date = |time: Option<Timestamp>, or: &str| time.map_or_else(|| or.to_owned(), |time| format!("{time:.3}"));
    Context {
        validity: Validity {
            initial: "2022-01-01".to_owned(),
            time_zone: "America/Los_Angeles".to_owned(),
            start_date: date(span.start, "1975-01-01"),
            end_date: date(span.end, "2022-01-01"),
        },
        definitions: Definitions::default(),
    }
}

/// Every scope name that a set of the catalog uses and that is known, in order of use.
fn used_scopes(controls: &[ControlTerms], scopes: &[ScopeTerms]) -> Object {
    let mut seen = HashSet::new();
    let names = controls.iter().flat_map(|control| &control.scope_sets).flat_map(Map::keys);
    let known =
        names.filter(|name| seen.insert(*name)).filter_map(|name| scopes.iter().find(|scope| scope.name == *name));
    known.map(|scope| (scope.name.clone(), json!(scope))).collect()
}

/// A control's name in upper case, each run of white space an underscore.
pub fn guarantee_id(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    let mut in_space = false;
    for letter in name.chars() {
        if !letter.is_whitespace() {
            id.extend(letter.to_uppercase());
        } else if !in_space {
            id.push('_');
        }
        in_space = letter.is_whitespace();
    }
    id
}

impl ControlTerms {
    fn metric(&self) -> String {
        guarantee_id(&self.name) + "_METRIC"
    }

    fn param(&self, key: &'static str) -> Result<&Value, IncompleteControl> {
        let found = self.params.get(key).filter(|value| !value.is_null());
        found.ok_or_else(|| IncompleteControl { control: self.name.clone(), key })
    }

    fn measured(&self, place: &Place) -> Result<Value, IncompleteControl> {
        let inputs = self.params.iter().filter(|(key, _)| !matches!(key.as_str(), "endpoint" | "threshold"));
        let inputs: Object = inputs.map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(json!({
            "collector": {
                "infrastructurePath": place.infrastructure_path,
                "endpoint": "/api/v1/computations",
                "type": "POST-GET-V1-STATUS",
                "config": {"backendUrl": format!("{}/api/v1/computations/bulk", place.base)},
            },
            "measure": {"endpoint": self.param("endpoint")?, "params": inputs, "scope": {}},
        }))
    }

    fn guarantee(&self, used: &Object) -> Result<Guarantee, IncompleteControl> {
        let threshold = match self.param("threshold")? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let metric = self.metric();
        let of = |set: &Object| Of {
            scope: set.clone(),
            objective: format!("{metric} >= {threshold}"),
            with: Object::from_iter([(metric.clone(), json!({}))]),
            window: Window {
                kind: "static".to_owned(),
                initial: "2022-01-01".to_owned(),
                period: Some(self.period.to_lowercase()),
            },
        };
        Ok(Guarantee {
            id: guarantee_id(&self.name),
            notes: String::new(),
            description: self.description.clone().unwrap_or_default(),
            scope: used.clone(),
            of: self.scope_sets.iter().map(of).collect(),
        })
    }
}

#[cfg(test)]
mod tests;
