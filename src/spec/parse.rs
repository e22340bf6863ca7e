//! Bytes of one TOML file into a [`Node`] tree.

use toml_edit::{Item, Key, Table, TableLike, Value};

use super::error::Report;
use super::node::{Node, NodeValue, Place, SourceKind};

/// Text of a file: UTF-8 without a byte order mark and without NUL, or a problem with its place.
pub fn text(report: &mut Report, kind: SourceKind, name: &str, bytes: &[u8]) -> Option<u32> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() >= u32::MAX as usize {
        let source = report.sources.add(kind, name, String::new());
        report.error(Place::new(source, 0..0), "the file is larger than 4 GiB");
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let source = report.sources.add(kind, name, text.to_owned());
            if let Some(at) = text.find('\0') {
                report
                    .error(Place::new(source, at..at + 1), "the file contains a NUL byte")
                    .hint("it is no text file, or it was cut or saved as UTF-16");
                return None;
            }
            Some(source)
        }
        Err(error) => {
            let at = error.valid_up_to();
            let source = report.sources.add(kind, name, String::from_utf8_lossy(bytes).into_owned());
            let byte = bytes.get(at).copied().unwrap_or_default();
            report
                .error(Place::new(source, at..at + 1), format!("byte 0x{byte:02x} is not valid UTF-8"))
                .hint("save the file as UTF-8");
            None
        }
    }
}

/// The tree of one file; `None` when it is no TOML, which is then reported.
pub fn parse(report: &mut Report, kind: SourceKind, name: &str, bytes: &[u8]) -> Option<Node> {
    let source = text(report, kind, name, bytes)?;
    let place = Place::new(source, 0..0);
    let text = report.sources.get(place).map(|source| source.text.clone())?;
    match toml_edit::Document::parse(text.as_str()) {
        Ok(document) => {
            let reader = Reader { source };
            Some(Node { key: place, place, value: reader.entries(document.as_table(), place) })
        }
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            let duplicate = message.contains("duplicate key");
            let finding = report.error(Place::new(source, span), format!("invalid TOML: {message}"));
            if duplicate {
                finding.hint("a key or table is written once; merge the two");
            }
            None
        }
    }
}

struct Reader {
    source: u32,
}

impl Reader {
    fn place(&self, span: Option<std::ops::Range<usize>>, or: Place) -> Place {
        span.map_or(or, |span| Place::new(self.source, span))
    }

    fn entries(&self, table: &dyn TableLike, parent: Place) -> NodeValue {
        let entries = table.iter().filter_map(|(name, item)| {
            let key = table.key(name).and_then(Key::span);
            let key = self.place(key, parent);
            self.item(item, key).map(|node| (name.to_owned(), node))
        });
        NodeValue::Table(entries.collect())
    }

    fn item(&self, item: &Item, key: Place) -> Option<Node> {
        match item {
            Item::None => None,
            Item::Value(value) => Some(self.value(value, key)),
            Item::Table(table) => Some(self.table(table, key)),
            Item::ArrayOfTables(tables) => {
                let items = tables.iter().map(|table| {
                    let place = self.place(table.span(), key);
                    Node { key: place, ..self.table(table, place) }
                });
                Some(Node { key, place: key, value: NodeValue::List(items.collect()) })
            }
        }
    }

    /// A table's own place is its key in the header: its span would cover the header only in part, or many lines.
    fn table(&self, table: &Table, key: Place) -> Node {
        Node { key, place: key, value: self.entries(table, key) }
    }

    fn value(&self, value: &Value, key: Place) -> Node {
        let place = self.place(value.span(), key);
        let value = match value {
            Value::String(text) => NodeValue::Text(text.value().clone()),
            Value::Integer(number) => NodeValue::Integer(*number.value()),
            Value::Float(number) => NodeValue::Float(*number.value()),
            Value::Boolean(value) => NodeValue::Bool(*value.value()),
            Value::Datetime(date) => NodeValue::Date(date.value().to_string()),
            Value::Array(items) => {
                let items = items.iter().map(|item| {
                    let node = self.value(item, place);
                    Node { key: node.place, ..node }
                });
                NodeValue::List(items.collect())
            }
            Value::InlineTable(table) => self.entries(table, place),
        };
        Node { key, place, value }
    }
}
