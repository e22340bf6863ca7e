//! The merged file with the origin of every value, for `reeve config`.
//!
//! Text stands as it was written: references are not filled in, so that neither a generated secret nor one of the
//! environment is printed.

use std::collections::BTreeMap;

use super::layers::Layers;
use super::node::{Node, NodeValue, Sources};
use super::stack::StackSpec;

/// All that a stack was read from. Whoever only runs it has no need of the printed form, which costs as much as all the
/// rest of the reading.
pub struct Merged {
    layers: Layers,
    sources: Sources,
}

impl Merged {
    pub(super) fn new(layers: Layers, sources: Sources) -> Self {
        Self { layers, sources }
    }

    /// `stack` is what was made of it.
    pub fn expanded(&self, stack: &StackSpec) -> Expanded {
        Expanded::new(stack, &self.layers, &self.sources)
    }
}

impl std::fmt::Debug for Merged {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Merged").field("services", &self.layers.services.len()).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Expanded {
    root: Value,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Table(Vec<(String, Value)>),
    Leaf { value: serde_json::Value, origin: String },
}

impl Expanded {
    fn new(stack: &StackSpec, layers: &Layers, sources: &Sources) -> Self {
        let mut root = layers.root.clone();
        super::defaults::stack(&mut root, stack);
        // By index: a stack may have tens of thousands of services.
        let specs = stack.services.iter().map(|spec| (spec.name.as_str(), spec)).collect::<BTreeMap<_, _>>();
        let services = layers.services.iter().map(|layered| {
            let mut node = layered.node.clone();
            if let Some(spec) = specs.get(layered.name.as_str()) {
                super::defaults::service(&mut node, spec);
            }
            (layered.name.clone(), node)
        });
        let services = Node::default_of(NodeValue::Table(services.collect()));
        root.set("services", services);
        Self { root: value(&root, sources) }
    }

    /// `{ "value": …, "origin": … }` at every leaf.
    pub fn to_json(&self) -> serde_json::Value {
        json(&self.root)
    }

    /// TOML with the origin of each value as a comment.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        if let Value::Table(entries) = &self.root {
            toml(&mut text, "", entries);
        }
        text.trim_start().to_owned()
    }

    /// The origin of the value at a path, such as `["services", "postgres", "stop", "grace"]`.
    pub fn origin(&self, path: &[&str]) -> Option<&str> {
        let mut at = &self.root;
        for key in path {
            match at {
                Value::Table(entries) => at = &entries.iter().find(|(name, _)| name == key)?.1,
                Value::Leaf { .. } => return None,
            }
        }
        match at {
            Value::Leaf { origin, .. } => Some(origin),
            Value::Table(_) => None,
        }
    }
}

fn value(node: &Node, sources: &Sources) -> Value {
    match &node.value {
        NodeValue::Table(entries) => {
            Value::Table(entries.iter().map(|(key, node)| (key.clone(), value(node, sources))).collect())
        }
        _ => Value::Leaf { value: node.to_json(), origin: sources.origin(node.place) },
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Table(entries) => {
            serde_json::Value::Object(entries.iter().map(|(key, value)| (key.clone(), json(value))).collect())
        }
        Value::Leaf { value, origin } => serde_json::json!({ "value": value, "origin": origin }),
    }
}

fn toml(text: &mut String, path: &str, entries: &[(String, Value)]) {
    let leaves = entries.iter().filter_map(|(key, value)| match value {
        Value::Leaf { value, origin } => Some((key, value, origin)),
        Value::Table(_) => None,
    });
    let lines = leaves
        .map(|(key, value, origin)| (format!("{} = {}", toml_key(key), inline(value)), origin))
        .collect::<Vec<_>>();
    let tables = entries.iter().filter_map(|(key, value)| match value {
        Value::Table(entries) => Some((key, entries)),
        Value::Leaf { .. } => None,
    });
    if !path.is_empty() && (!lines.is_empty() || entries.is_empty()) {
        text.push_str(&format!("\n[{path}]\n"));
    }
    // Comments are aligned as long as lines are short.
    const COLUMN: usize = 60;
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= COLUMN).max().unwrap_or(0);
    for (line, origin) in lines {
        text.push_str(&format!("{line:width$}  # {origin}\n"));
    }
    for (key, entries) in tables {
        let path = if path.is_empty() { toml_key(key) } else { format!("{path}.{}", toml_key(key)) };
        toml(text, &path, entries);
    }
}

fn toml_key(key: &str) -> String {
    toml_edit::Key::new(key).display_repr().into_owned()
}

/// A value on one line.
fn inline(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => quoted(text),
        serde_json::Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{} = {}", toml_key(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::Bool(value) => value.to_string(),
        serde_json::Value::Null => quoted(""),
    }
}

/// A basic string: its escapes are those of JSON, and DEL, which JSON leaves as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
