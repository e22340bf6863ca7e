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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_named_in_the_order_of_the_question() {
        let told = |value: Value| required(&value, &["b", "a"]).unwrap_err().to_string();
        assert_eq!(told(json!({})), "Missing required properties: b, a");
        assert_eq!(told(json!({ "b": null })), "Missing required properties: a");
        // An array is an object, too, where the original comes from.
        assert_eq!(told(json!([])), "Missing required properties: b, a");
        for other in [json!(null), json!("text"), json!(1), json!(false)] {
            assert_eq!(told(other), "Invalid object or missing required properties");
        }
        assert_eq!(required(&json!({ "a": false, "b": 0 }), &["b", "a"]), Ok(()));
    }
}
