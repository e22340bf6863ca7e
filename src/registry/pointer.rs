//! Local references within a JSON value, replaced by what they name: `{"$ref": "#/a/b"}`.
//!
//! Pure. References to files and addresses are refused: a template of a caller reaches nothing but itself.

use serde_json::{Map, Value};

/// Nested references and values; a reference to what holds it would never end.
const DEPTH: usize = 100;
/// Values in the result. References to references grow fast; a template of a megabyte has some ten thousand.
const VALUES: usize = 1_000_000;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    #[error("the reference {0:?} is not local: it must begin with #")]
    Foreign(String),
    #[error("the reference {0:?} names nothing in the template")]
    Nothing(String),
    #[error("references of the template lead into themselves, or it is nested too deeply")]
    Depth,
    #[error("the template grows beyond {VALUES} values by its references")]
    Size,
}

/// The value without references.
pub fn resolved(root: &Value) -> Result<Value, PointerError> {
    Resolver { root, left: VALUES }.value(root, DEPTH)
}

struct Resolver<'a> {
    root: &'a Value,
    left: usize,
}

impl Resolver<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<Value, PointerError> {
        let depth = depth.checked_sub(1).ok_or(PointerError::Depth)?;
        self.left = self.left.checked_sub(1).ok_or(PointerError::Size)?;
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(item, depth));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Value::Object(members) => match members.get("$ref") {
                Some(Value::String(reference)) => {
                    let root = self.root;
                    self.value(named(root, reference)?, depth)
                }
                _ => {
                    let members = members.iter().map(|(name, value)| Ok((name.clone(), self.value(value, depth)?)));
                    Ok(Value::Object(members.collect::<Result<Map<_, _>, _>>()?))
                }
            },
            plain => Ok(plain.clone()),
        }
    }
}

fn named<'a>(root: &'a Value, reference: &str) -> Result<&'a Value, PointerError> {
    let pointer = reference.strip_prefix('#').ok_or_else(|| PointerError::Foreign(reference.to_owned()))?;
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
    root.pointer(&pointer).ok_or_else(|| PointerError::Nothing(reference.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_is_replaced_by_what_it_names() {
        let sent = json!({ "defs": { "a b": [{ "x/y": 1 }] }, "one": { "$ref": "#/defs/a%20b/0/x~1y" },
            "two": [{ "$ref": "#/one" }], "no": { "$ref": 3 } });
        let wanted = json!({ "defs": { "a b": [{ "x/y": 1 }] }, "one": 1, "two": [1], "no": { "$ref": 3 } });
        assert_eq!(resolved(&sent).unwrap(), wanted);
    }

    #[test]
    fn what_cannot_be_replaced_is_refused() {
        let error = |sent: Value| resolved(&sent).unwrap_err();
        assert_eq!(error(json!({ "$ref": "file.json" })), PointerError::Foreign("file.json".into()));
        assert_eq!(error(json!({ "$ref": "#/x" })), PointerError::Nothing("#/x".into()));
        assert_eq!(error(json!({ "a": { "$ref": "#" } })), PointerError::Depth);
        let mut doubling = json!({ "v0": [1, 1, 1, 1, 1, 1, 1, 1] });
        for level in 1..12 {
            let reference = json!({ "$ref": format!("#/v{}", level - 1) });
            doubling[format!("v{level}")] = json!([reference, reference, reference, reference, reference, reference]);
        }
        assert_eq!(error(doubling), PointerError::Size);
    }
}
