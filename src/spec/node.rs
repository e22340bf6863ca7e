//! A parsed value that knows where it stands: what every file becomes before anything is merged or checked.
//!
//! Owns the tree, its places and the list of source texts. Never judges a value.

use std::path::PathBuf;

/// A stretch of bytes in one source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}

impl Place {
    /// The place of a value that no file holds.
    pub const DEFAULT: Place = Place { source: u32::MAX, start: 0, end: 0 };

    pub fn new(source: u32, range: std::ops::Range<usize>) -> Self {
        let bound = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { source, start: bound(range.start), end: bound(range.end) }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Date(String),
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Table(Vec<(String, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where its key stands; the value's place for an element of a list.
    pub key: Place,
    pub place: Place,
    pub value: NodeValue,
}

impl Node {
    pub fn table(place: Place) -> Self {
        Self { key: place, place, value: NodeValue::Table(Vec::new()) }
    }

    /// A value that no file holds.
    pub fn default_of(value: NodeValue) -> Self {
        Self { key: Place::DEFAULT, place: Place::DEFAULT, value }
    }

    pub fn entries(&self) -> &[(String, Node)] {
        match &self.value {
            NodeValue::Table(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            NodeValue::List(items) => items,
            _ => &[],
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            NodeValue::Table(entries) => entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Replaces or appends an entry of a table.
    pub fn set(&mut self, key: &str, node: Node) {
        if let NodeValue::Table(entries) = &mut self.value {
            match entries.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = node,
                None => entries.push((key.to_owned(), node)),
            }
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Node> {
        match &mut self.value {
            NodeValue::Table(entries) => {
                let index = entries.iter().position(|(name, _)| name == key)?;
                Some(entries.remove(index).1)
            }
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for a message: `text`, `a whole number`, …
    pub fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Bool(_) => "true or false",
            NodeValue::Integer(_) => "a whole number",
            NodeValue::Float(_) => "a number",
            NodeValue::Text(_) => "text",
            NodeValue::Date(_) => "a date",
            NodeValue::List(_) => "a list",
            NodeValue::Table(_) => "a table",
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.value {
            NodeValue::Bool(value) => Value::from(*value),
            NodeValue::Integer(value) => Value::from(*value),
            NodeValue::Float(value) => Value::from(*value),
            NodeValue::Text(text) | NodeValue::Date(text) => Value::from(text.as_str()),
            NodeValue::List(items) => items.iter().map(Node::to_json).collect(),
            NodeValue::Table(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.clone(), node.to_json())).collect())
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// `services.toml`.
    Stack,
    Preset,
    Part,
    /// May hold secrets: its text is never shown.
    EnvFile,
}

#[derive(Debug, Clone)]
pub struct Source {
    pub kind: SourceKind,
    /// How people know it: a path, or the name of a preset or part.
    pub name: String,
    pub text: String,
    /// Offsets at which lines begin.
    lines: Vec<u32>,
}

/// Every text that was read, in the order of reading.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    pub fn add(&mut self, kind: SourceKind, name: impl Into<String>, text: String) -> u32 {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect();
        self.list.push(Source { kind, name: name.into(), text, lines });
        u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn get(&self, place: Place) -> Option<&Source> {
        self.list.get(place.source as usize)
    }

    /// The text at a place.
    pub fn slice(&self, place: Place) -> &str {
        self.get(place).and_then(|source| source.text.get(place.start as usize..place.end as usize)).unwrap_or("")
    }

    /// Where a value came from, in words: `services.toml:12`, `preset postgresql`, `default`.
    pub fn origin(&self, place: Place) -> String {
        match self.get(place) {
            None => "default".to_owned(),
            Some(source) => {
                let (line, _) = source.line_column(place.start as usize);
                match source.kind {
                    SourceKind::Stack | SourceKind::EnvFile => format!("{}:{line}", source.name),
                    SourceKind::Preset | SourceKind::Part => source.name.clone(),
                }
            }
        }
    }

    /// The place of `needle` (a piece of a text value) inside the value's own place, if the text stands there unescaped.
    pub fn inside(&self, place: Place, value: &str, range: std::ops::Range<usize>) -> Place {
        let raw = self.slice(place);
        match raw.find(value) {
            Some(at) if !value.is_empty() => {
                let start = place.start as usize + at + range.start;
                Place::new(place.source, start..place.start as usize + at + range.end)
            }
            _ => place,
        }
    }
}

impl Source {
    /// One-based line and column (in characters).
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start as usize <= offset).max(1);
        let start = self.lines[line - 1] as usize;
        let column = self.text.get(start..offset.min(self.text.len())).map_or(1, |text| text.chars().count() + 1);
        (line, column)
    }

    /// The text of one line without its end, and the offset where it begins.
    pub fn line(&self, line: usize) -> (usize, &str) {
        let start = self.lines.get(line - 1).map_or(self.text.len(), |at| *at as usize);
        let end = self.lines.get(line).map_or(self.text.len(), |at| *at as usize);
        (start, self.text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r']))
    }
}

/// Where `services.toml` lies, for paths beside it.
pub fn beside(path: &std::path::Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
