//! What a Node-RED flow is asked: the metric of a computation, flattened into one object.

use serde_json::{Map, Value, json};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("metric.{0} must be an object")]
    NotAnObject(&'static str),
}

/// The body: the group and where to post rows, then the parameters, the scope, and the window with its end as `to`.
/// Of members with the same name the later one counts.
pub fn body(group: Uuid, backend_url: &str, metric: &Map<String, Value>) -> Result<Map<String, Value>, RequestError> {
    let mut body = Map::new();
    body.insert("computationGroup".to_owned(), json!(group));
    body.insert("backendUrl".to_owned(), json!(backend_url));
    body.extend(object(metric, "params")?.clone());
    if let Some(scope) = metric.get("scope") {
        body.insert("scope".to_owned(), scope.clone());
    }
    let window = object(metric, "window")?;
    if let Some(end) = window.get("end") {
        body.insert("to".to_owned(), end.clone());
    }
    let others = window.iter().filter(|(key, _)| *key != "end");
    body.extend(others.map(|(key, value)| (key.clone(), value.clone())));
    Ok(body)
}

fn object<'a>(metric: &'a Map<String, Value>, key: &'static str) -> Result<&'a Map<String, Value>, RequestError> {
    metric.get(key).and_then(Value::as_object).ok_or(RequestError::NotAnObject(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn merged(value: Value) -> Result<Value, RequestError> {
        body(Uuid::nil(), "http://b/bulk", &metric(value)).map(Value::Object)
    }

    #[test]
    fn the_metric_is_flattened() {
        let body = merged(json!({
            "endpoint": "/flow", "params": {"limit": 5, "owner": "x"}, "scope": {"project": "p"},
            "window": {"type": "static", "period": "monthly", "initial": "i", "from": "f", "end": "e"},
        }));
        let expected = json!({
            "computationGroup": "00000000-0000-0000-0000-000000000000", "backendUrl": "http://b/bulk",
            "limit": 5, "owner": "x", "scope": {"project": "p"}, "to": "e",
            "type": "static", "period": "monthly", "initial": "i", "from": "f",
        });
        assert_eq!(body.unwrap().to_string(), expected.to_string());
    }

    #[test]
    fn the_later_member_counts() {
        let body = merged(json!({
            "params": {"computationGroup": "mine", "backendUrl": "u", "scope": "s", "to": "t", "from": "f"},
            "scope": {}, "window": {"from": "g", "to": "h", "end": "e"},
        }));
        let expected = json!({"computationGroup": "mine", "backendUrl": "u", "scope": {}, "to": "h", "from": "g"});
        assert_eq!(body, Ok(expected));
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let body = merged(json!({"params": {}, "window": {}})).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 2);
        assert_eq!(merged(json!({"params": {}})), Err(RequestError::NotAnObject("window")));
        assert_eq!(merged(json!({"params": "x", "window": {}})), Err(RequestError::NotAnObject("params")));
    }
}
