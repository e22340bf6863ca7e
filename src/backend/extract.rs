//! What a caller sent, as far as every resource reads it in the same way: the body as a JSON object, its fields checked.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The parsed body, put there by the front of the pipeline. An absent body is an empty object.
#[derive(Debug, Clone)]
pub struct JsonBody(pub Value);

impl<S: Sync> FromRequestParts<S> for JsonBody {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.remove::<Self>().unwrap_or_else(|| Self(Value::Object(Map::new()))))
    }
}

impl JsonBody {
    pub fn fields(&self) -> Fields<'_> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        Fields(self.0.as_object().unwrap_or(&NONE))
    }

    /// Where no field is required, an array would pass for an empty object.
    pub fn object(&self) -> Result<Fields<'_>, Invalid> {
        self.0.as_object().map(Fields).ok_or_else(|| Invalid::new("body", "must be an object"))
    }
}

/// A value that cannot be accepted: which field, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct Invalid {
    pub field: String,
    pub why: String,
}

impl Invalid {
    pub fn new(field: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { field: field.into(), why: why.to_string() }
    }
}

/// The members of a body. `null` counts as absent unless asked for.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether the key is there at all, `null` included.
    pub fn owns(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// JavaScript's truth: the original checks many fields this way.
    pub fn is_truthy(self, name: &str) -> bool {
        self.0.get(name).is_some_and(is_truthy)
    }

    pub fn text(self, name: &str, max: usize) -> Result<Option<String>, Invalid> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let Value::String(text) = value else { return Err(Invalid::new(name, "must be a string")) };
        check_text(name, text, max)?;
        Ok(Some(text.clone()))
    }

    pub fn required_text(self, name: &str, max: usize) -> Result<String, Invalid> {
        self.text(name, max)?.ok_or_else(|| Invalid::new(name, "is required"))
    }

    pub fn flag(self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Invalid::new(name, "must be true or false")),
        }
    }

    /// An integer, or a text that is one: the web client sends both.
    pub fn id(self, name: &str) -> Result<Option<i32>, Invalid> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number.map(Some).ok_or_else(|| Invalid::new(name, "must be an integer"))
    }

    pub fn uuid(self, name: &str) -> Result<Option<Uuid>, Invalid> {
        let id = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => Uuid::try_parse(text).ok(),
            Some(_) => None,
        };
        id.map(Some).ok_or_else(|| Invalid::new(name, "must be a UUID"))
    }

    pub fn object(self, name: &str) -> Result<Option<&'a Map<String, Value>>, Invalid> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => {
                check_json(name, &self.0[name])?;
                Ok(Some(map))
            }
            Some(_) => Err(Invalid::new(name, "must be an object")),
        }
    }
}

/// An id in an address.
pub fn integer(name: &str, text: &str) -> Result<i32, Invalid> {
    text.trim().parse().map_err(|_| Invalid::new(name, "must be an integer"))
}

/// PostgreSQL's text cannot hold a null byte, and columns have widths.
pub fn check_text(name: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new(name, "must not contain a null byte"));
    }
    if text.len() > max && text.chars().count() > max {
        return Err(Invalid::new(name, format_args!("must not be longer than {max} characters")));
    }
    Ok(())
}

/// The same for every text inside of a JSON value.
pub fn check_json(name: &str, value: &Value) -> Result<(), Invalid> {
    match value {
        Value::String(text) => check_text(name, text, usize::MAX),
        Value::Array(items) => items.iter().try_for_each(|item| check_json(name, item)),
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            check_text(name, key, usize::MAX)?;
            check_json(name, item)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check<T: std::fmt::Debug>(body: Value, read: impl Fn(Fields<'_>) -> Result<T, Invalid>) -> String {
        read(JsonBody(body).fields()).unwrap_err().to_string()
    }

    #[test]
    fn a_message_names_the_field() {
        assert_eq!(check(json!({"name": 3}), |fields| fields.text("name", 9)), "name must be a string");
        assert_eq!(check(json!({"name": "a\0"}), |fields| fields.text("name", 9)), "name must not contain a null byte");
        assert_eq!(
            check(json!({"name": "äöü"}), |fields| fields.text("name", 2)),
            "name must not be longer than 2 characters"
        );
        assert_eq!(check(json!({}), |fields| fields.required_text("name", 2)), "name is required");
        assert_eq!(check(json!({"id": 1.5}), |fields| fields.id("id")), "id must be an integer");
        assert_eq!(check(json!({"id": 1_u64 << 40}), |fields| fields.id("id")), "id must be an integer");
        assert_eq!(
            check(json!({"o": {"a": ["\0"]}}), |fields| fields.object("o").map(|_| ())),
            "o must not contain a null byte"
        );
    }

    #[test]
    fn an_id_may_be_a_text() {
        let body = JsonBody(json!({"a": 7, "b": "7", "c": null}));
        let id = |name| body.fields().id(name).unwrap();
        assert_eq!((id("a"), id("b"), id("c"), id("d")), (Some(7), Some(7), None, None));
    }
}
