//! Structure of a tree against the JSON Schema of its mirror type: unknown keys, wrong types, wrong words.
//!
//! What is wrong is reported and cut out of the tree, so that the rest can still be read and checked.

use std::sync::OnceLock;

use serde_json::Value;

use super::error::{Report, suggest};
use super::file::{PartFile, ServiceFile, StackFile};
use super::node::{Node, NodeValue, Place};

/// A finding without its report: branches of a union are tried before one is chosen.
struct Fault {
    place: Place,
    message: String,
    hint: Option<String>,
}

/// The schema of `services.toml`, for editors.
pub fn schema() -> Value {
    stack_schema().clone()
}

pub fn stack_schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(generate::<StackFile>)
}

pub fn service_schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(generate::<ServiceFile>)
}

pub fn part_schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(generate::<PartFile>)
}

fn generate<T: schemars::JsonSchema>() -> Value {
    let mut schema = Value::from(schemars::schema_for!(T));
    drop_null(&mut schema);
    schema
}

/// TOML has no null: an optional value is one that is not written.
fn drop_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| !(key == "default" && value.is_null()));
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
                branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
                if let [Value::Object(only)] = branches.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            map.values_mut().for_each(drop_null);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}

/// Reports what does not fit and cuts it out.
pub fn check(report: &mut Report, schema: &Value, node: &mut Node) {
    let mut faults = Vec::new();
    Checker { root: schema }.check(schema, node, &mut faults);
    for fault in faults {
        report.error(fault.place, fault.message).maybe(fault.hint);
    }
}

#[derive(Clone, Copy)]
struct Checker<'s> {
    root: &'s Value,
}

impl<'s> Checker<'s> {
    fn resolve(&self, mut schema: &'s Value) -> &'s Value {
        while let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            match name.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    /// The schema itself, or every branch of its union.
    fn branches(&self, schema: &'s Value) -> Vec<&'s Value> {
        let schema = self.resolve(schema);
        match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
            Some(branches) => branches.iter().flat_map(|branch| self.branches(branch)).collect(),
            None => vec![schema],
        }
    }

    /// `false`: the node must be cut out.
    fn check(&self, schema: &'s Value, node: &mut Node, faults: &mut Vec<Fault>) -> bool {
        let branches = self.branches(schema);
        let fitting = branches.iter().copied().filter(|branch| accepts(branch, node)).collect::<Vec<_>>();
        match fitting.as_slice() {
            [] => {
                let expected = self.expected(schema, &branches);
                faults.push(Fault {
                    place: node.place,
                    message: format!("expected {expected}, found {}", found(node)),
                    hint: None,
                });
                false
            }
            [only] => self.check_one(only, node, faults),
            several => {
                let words = several.iter().filter_map(|branch| words(branch)).flatten().collect::<Vec<_>>();
                if words.len() >= several.len() && several.iter().all(|branch| words_only(branch)) {
                    return check_word(&words, node, faults);
                }
                // The branch with the fewest faults is the one that was meant.
                let mut best: Option<(Node, Vec<Fault>, bool)> = None;
                for branch in several {
                    let (mut copy, mut tried) = (node.clone(), Vec::new());
                    let keep = self.check_one(branch, &mut copy, &mut tried);
                    if best.as_ref().is_none_or(|(_, fewest, _)| tried.len() < fewest.len()) {
                        best = Some((copy, tried, keep));
                    }
                }
                match best {
                    Some((copy, tried, keep)) => {
                        *node = copy;
                        faults.extend(tried);
                        keep
                    }
                    None => true,
                }
            }
        }
    }

    fn check_one(&self, schema: &'s Value, node: &mut Node, faults: &mut Vec<Fault>) -> bool {
        if let Some(words) = words(schema) {
            return check_word(&words, node, faults);
        }
        let number = match &node.value {
            #[expect(clippy::cast_precision_loss, reason = "compared with bounds that are far smaller")]
            NodeValue::Integer(number) => Some(*number as f64),
            NodeValue::Float(number) => Some(*number),
            _ => None,
        };
        if let Some(number) = number {
            return check_bounds(schema, number, node.place, faults);
        }
        match &mut node.value {
            NodeValue::List(items) => {
                if let Some(schema) = schema.get("items") {
                    items.retain_mut(|item| self.check(schema, item, faults));
                }
                true
            }
            NodeValue::Table(entries) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let other = schema.get("additionalProperties");
                entries.retain_mut(|(name, entry)| {
                    if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                        return self.check(schema, entry, faults);
                    }
                    match other {
                        Some(Value::Bool(false)) => {
                            let known = properties.into_iter().flat_map(|known| known.keys().map(String::as_str));
                            faults.push(Fault {
                                place: entry.key,
                                message: format!("unknown key \"{name}\""),
                                hint: suggest(name, known.collect::<Vec<_>>()),
                            });
                            false
                        }
                        Some(schema @ Value::Object(_)) => self.check(schema, entry, faults),
                        _ => true,
                    }
                });
                true
            }
            _ => true,
        }
    }

    fn expected(&self, schema: &'s Value, branches: &[&'s Value]) -> String {
        let resolved = self.resolve(schema);
        if let Some(text) = schema.get("x-expected").or_else(|| resolved.get("x-expected")).and_then(Value::as_str) {
            return text.to_owned();
        }
        let mut names = Vec::new();
        for branch in branches {
            let name = match (words(branch), branch.get("x-expected").and_then(Value::as_str)) {
                (_, Some(text)) => text.to_owned(),
                (Some(words), None) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", "),
                (None, None) => match branch.get("type").and_then(Value::as_str) {
                    Some("string") => "text".to_owned(),
                    Some("integer") => "a whole number".to_owned(),
                    Some("number") => "a number".to_owned(),
                    Some("boolean") => "true or false".to_owned(),
                    Some("array") => match branch.get("items").map(|items| self.resolve(items)) {
                        Some(items) if items.get("type").is_some_and(|kind| kind == "string") => {
                            "a list of texts".to_owned()
                        }
                        _ => "a list".to_owned(),
                    },
                    _ => "a table".to_owned(),
                },
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" or ")
    }
}

fn accepts(schema: &Value, node: &Node) -> bool {
    let Some(kind) = schema.get("type").and_then(Value::as_str) else { return true };
    match &node.value {
        NodeValue::Bool(_) => kind == "boolean",
        NodeValue::Integer(_) => kind == "integer" || kind == "number",
        NodeValue::Float(_) => kind == "number",
        NodeValue::Text(_) => kind == "string",
        NodeValue::Date(_) => false,
        NodeValue::List(_) => kind == "array",
        NodeValue::Table(_) => kind == "object",
    }
}

/// The words of an enumeration.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![word]);
    }
    schema.get("enum").and_then(Value::as_array).map(|words| words.iter().filter_map(Value::as_str).collect())
}

fn words_only(schema: &Value) -> bool {
    words(schema).is_some()
}

fn check_word(words: &[&str], node: &Node, faults: &mut Vec<Fault>) -> bool {
    let Some(text) = node.text() else { return true };
    if words.contains(&text) {
        return true;
    }
    let list = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let near = super::error::nearest(text, words.iter().copied()).map(|near| format!("did you mean \"{near}\"?"));
    let one_of = if words.len() == 1 { "" } else { "one of " };
    faults.push(Fault { place: node.place, message: format!("expected {one_of}{list}, found \"{text}\""), hint: near });
    false
}

fn check_bounds(schema: &Value, number: f64, place: Place, faults: &mut Vec<Fault>) -> bool {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let widest = match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => Some(f64::from(u32::MAX)),
        Some("int32") => Some(f64::from(i32::MAX)),
        _ => None,
    };
    let (least, most) = (bound("minimum"), bound("maximum").or(widest));
    if !number.is_nan() && least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
        return true;
    }
    let message = match (least, most) {
        (Some(least), Some(most)) => format!("expected a number from {least} to {most}, found {number}"),
        (Some(least), None) => format!("expected a number not below {least}, found {number}"),
        (None, Some(most)) => format!("expected a number not above {most}, found {number}"),
        (None, None) => format!("expected a number, found {number}"),
    };
    faults.push(Fault { place, message, hint: None });
    false
}

fn found(node: &Node) -> String {
    match &node.value {
        NodeValue::Text(text) if text.chars().count() <= 40 => format!("\"{text}\""),
        NodeValue::Integer(number) => number.to_string(),
        NodeValue::Float(number) => number.to_string(),
        NodeValue::Bool(value) => value.to_string(),
        _ => node.kind().to_owned(),
    }
}
