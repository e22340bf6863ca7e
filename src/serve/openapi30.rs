//! From OpenAPI 3.1 to 3.0: the original's document is 3.0.0, and its readers may know no other.
//!
//! Pure. The difference that matters here: 3.1 is plain JSON Schema, where a value that may be null has `null` among its
//! types; 3.0 says `nullable`. See the OpenAPI Initiative's migration guide "from 3.0 to 3.1".

use serde_json::{Map, Value, json};

pub const VERSION: &str = "3.0.0";

/// Rewrites every schema in place.
pub fn from_31(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(from_31),
        Value::Object(map) => {
            map.values_mut().for_each(from_31);
            null_type(map);
            null_alternative(map);
            constant(map);
        }
        _ => {}
    }
}

/// `type: [string, null]` becomes `type: string, nullable: true`; of several types any value is left.
fn null_type(map: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = map.get("type") else { return };
    let is_nullable = types.contains(&json!("null"));
    let rest: Vec<Value> = types.iter().filter(|kind| **kind != "null").cloned().collect();
    map.shift_remove("type");
    if let [kind] = rest.as_slice() {
        map.insert("type".to_owned(), kind.clone());
    } else if !rest.is_empty() {
        let each = rest.into_iter().map(|kind| json!({ "type": kind })).collect();
        map.insert("anyOf".to_owned(), Value::Array(each));
    }
    if is_nullable {
        map.insert("nullable".to_owned(), json!(true));
    }
}

/// `oneOf: [{type: null}, X]` becomes `allOf: [X], nullable: true`.
fn null_alternative(map: &mut Map<String, Value>) {
    for key in ["oneOf", "anyOf"] {
        let Some(Value::Array(choices)) = map.get_mut(key) else { continue };
        let before = choices.len();
        choices.retain(|choice| choice.get("type") != Some(&json!("null")));
        if choices.len() == before {
            continue;
        }
        let only = choices.len() == 1;
        if only && let Some(choices) = map.shift_remove(key) {
            map.insert("allOf".to_owned(), choices);
        }
        map.insert("nullable".to_owned(), json!(true));
    }
}

/// `const: X` becomes `enum: [X]`.
fn constant(map: &mut Map<String, Value>) {
    // A property may be called so; its value is then a schema, and a constant of ours is never an object.
    if map.get("const").is_some_and(|value| !value.is_object())
        && let Some(value) = map.shift_remove("const")
    {
        map.insert("enum".to_owned(), json!([value]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(mut value: Value) -> Value {
        from_31(&mut value);
        value
    }

    #[test]
    fn null_is_a_mark_and_not_a_type() {
        assert_eq!(converted(json!({ "type": ["string", "null"] })), json!({ "type": "string", "nullable": true }));
        assert_eq!(
            converted(json!({ "p": { "oneOf": [{ "type": "null" }, { "$ref": "#/x" }] } })),
            json!({ "p": { "allOf": [{ "$ref": "#/x" }], "nullable": true } })
        );
        assert_eq!(converted(json!({ "const": 3 })), json!({ "enum": [3] }));
        assert_eq!(converted(json!({ "type": "string" })), json!({ "type": "string" }));
    }
}
