//! What a collector is asked: the body of the request, in the agreement's own order of members. Pure.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::Map;
use super::agreement::Metric;

/// The body for one metric; borrowed, as agreements are asked in hundreds of requests.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    pub metric: Metric<'a>,
    /// The effective scope.
    pub scope: &'a Map,
    pub window: &'a Map,
    /// Laid over those of the measure.
    pub parameters: Option<&'a Map>,
}

impl Body<'_> {
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        if let Some(config) = self.metric.config() {
            body.serialize_entry("config", config)?;
        }
        body.serialize_entry("metric", &Measure(self))?;
        body.end()
    }
}

/// The measure with scope, window and parameters of this request, each where the measure has it or else at the end.
struct Measure<'a>(&'a Body<'a>);

const OURS: [&str; 3] = ["scope", "window", "params"];

impl Measure<'_> {
    fn write_ours<M: SerializeMap>(&self, out: &mut M, name: &str, own: Option<&Value>) -> Result<(), M::Error> {
        let Body { scope, window, parameters, .. } = self.0;
        match (name, parameters.filter(|it| !it.is_empty())) {
            ("scope", _) if scope.is_empty() => Ok(()),
            ("scope", _) => out.serialize_entry(name, scope),
            ("window", _) => out.serialize_entry(name, window),
            (_, Some(parameters)) => {
                let mut all = own.and_then(Value::as_object).cloned().unwrap_or_default();
                all.extend(parameters.iter().map(|(name, value)| (name.clone(), value.clone())));
                out.serialize_entry(name, &all)
            }
            (_, None) => own.map_or(Ok(()), |own| out.serialize_entry(name, own)),
        }
    }
}

impl Serialize for Measure<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let measure = self.0.metric.measure();
        let mut out = serializer.serialize_map(None)?;
        for (name, own) in measure.into_iter().flatten() {
            if OURS.contains(&name.as_str()) {
                self.write_ours(&mut out, name, Some(own))?;
            } else {
                out.serialize_entry(name, own)?;
            }
        }
        for name in OURS.iter().filter(|name| !measure.is_some_and(|measure| measure.contains_key(**name))) {
            self.write_ours(&mut out, name, None)?;
        }
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Agreement;
    use super::*;

    fn body(metric: Value, scope: Value, parameters: Option<Value>) -> String {
        let stored = json!({ "terms": { "metrics": { "M": metric } } });
        let map = |value: Value| value.as_object().cloned().unwrap();
        let (scope, parameters) = (map(scope), parameters.map(map));
        let body = Body {
            metric: Agreement::new(&stored).metric("M").unwrap(),
            scope: &scope,
            window: &map(json!({ "type": "static" })),
            parameters: parameters.as_ref(),
        };
        String::from_utf8(body.to_bytes().unwrap()).unwrap()
    }

    #[test]
    fn members_keep_their_places_and_new_ones_come_last() {
        let status = json!({ "collector": { "config": { "backendUrl": "u" } }, "measure": { "endpoint": "/uptime", "params": {}, "scope": {} } });
        let table = [
            (
                status.clone(),
                json!({ "project": "p1" }),
                Some(json!({})),
                r#"{"config":{"backendUrl":"u"},"metric":{"endpoint":"/uptime","params":{},"scope":{"project":"p1"},"window":{"type":"static"}}}"#,
            ),
            (
                status.clone(),
                json!({}),
                None,
                r#"{"config":{"backendUrl":"u"},"metric":{"endpoint":"/uptime","params":{},"window":{"type":"static"}}}"#,
            ),
            (
                status,
                json!({}),
                Some(json!({ "n": 1 })),
                r#"{"config":{"backendUrl":"u"},"metric":{"endpoint":"/uptime","params":{"n":1},"window":{"type":"static"}}}"#,
            ),
            (
                json!({ "collector": { "config": null }, "measure": { "window": 1, "params": { "a": 1, "n": 2 }, "x": [1] } }),
                json!({ "s": 1 }),
                Some(json!({ "n": 3, "b": 4 })),
                r#"{"config":null,"metric":{"window":{"type":"static"},"params":{"a":1,"n":3,"b":4},"x":[1],"scope":{"s":1}}}"#,
            ),
            (
                json!({}),
                json!({ "s": 1 }),
                Some(json!({ "n": 3 })),
                r#"{"metric":{"scope":{"s":1},"window":{"type":"static"},"params":{"n":3}}}"#,
            ),
            (
                json!({ "measure": { "params": "text" } }),
                json!({}),
                Some(json!({})),
                r#"{"metric":{"params":"text","window":{"type":"static"}}}"#,
            ),
        ];
        for (metric, scope, parameters, wanted) in table {
            assert_eq!(body(metric, scope, parameters), wanted);
        }
    }
}
