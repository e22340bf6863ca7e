//! The original's check of an object's keys, with its texts. Pure.

use serde_json::Value;

/// Why an object cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    #[error("Invalid object or missing required properties")]
    NotAnObject,
    #[error("Missing required properties: {}", .0.join(", "))]
    Keys(Vec<&'static str>),
}

/// Whether `value` owns every key; `null` is a value.
pub fn required(value: &Value, keys: &[&'static str]) -> Result<(), Missing> {
    if !matches!(value, Value::Object(_) | Value::Array(_)) {
        return Err(Missing::NotAnObject);
    }
    let missing: Vec<_> = keys.iter().copied().filter(|key| value.get(key).is_none()).collect();
    if missing.is_empty() { Ok(()) } else { Err(Missing::Keys(missing)) }
}
