//! The body of a request as its handler wants it: always a JSON value.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::{Map, Value};

/// What the caller sent, as [`super::front`] has read it. An empty object when nothing was sent, or something of another
/// type; nothing but objects and arrays unless [`super::front::Front::any_json`] is on. Members are in the caller's order.
///
/// Taken out of the request: a second extractor on the same request finds an empty object.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonBody(pub Value);

impl Default for JsonBody {
    fn default() -> Self {
        Self(Value::Object(Map::new()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JsonBody {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.remove::<Self>().unwrap_or_default())
    }
}

/// Nothing at all is an empty object.
pub(super) fn json(bytes: &[u8], any_json: bool) -> Result<Value, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(JsonBody::default().0);
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        Ok(value) if any_json => Ok(value),
        Ok(_) => Err("the body must be a JSON object or array".to_owned()),
        Err(error) => Err(format!("the body is not valid JSON: {error}")),
    }
}

/// Fields in one form at most.
const FIELDS: usize = 1000;

/// Each field a member; one that comes more than once is an array.
pub(super) fn form(bytes: &[u8]) -> Result<Value, String> {
    let mut members = Map::new();
    for (count, (name, value)) in form_urlencoded::parse(bytes).enumerate() {
        if count == FIELDS {
            return Err(format!("the form has more than {FIELDS} fields"));
        }
        let value = Value::String(value.into_owned());
        match members.get_mut(&*name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                members.insert(name.into_owned(), value);
            }
        }
    }
    Ok(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_registry_takes_objects_and_arrays_and_the_director_any_json() {
        for (text, strict, any) in [
            ("", Some(json!({})), Some(json!({}))),
            (" \n", Some(json!({})), Some(json!({}))),
            ("[1]", Some(json!([1])), Some(json!([1]))),
            ("3", None, Some(json!(3))),
            ("null", None, Some(json!(null))),
            ("{", None, None),
            ("\u{feff}{}", None, None),
        ] {
            assert_eq!(json(text.as_bytes(), false).ok(), strict, "{text:?}");
            assert_eq!(json(text.as_bytes(), true).ok(), any, "{text:?}");
        }
        assert!(json("[".repeat(1000).as_bytes(), true).is_err());
        assert_eq!(json(br#"{"b":1,"a":2}"#, false).unwrap().to_string(), r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn a_form_becomes_an_object() {
        assert_eq!(form(b"b=1&a=x%20y+z&b=2&b=3&c").unwrap().to_string(), r#"{"b":["1","2","3"],"a":"x y z","c":""}"#);
        assert_eq!(form(b"").unwrap(), json!({}));
        assert!(form("a=1&".repeat(FIELDS + 1).as_bytes()).is_err());
    }
}
