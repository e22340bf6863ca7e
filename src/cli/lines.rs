//! Log lines as people see them: name, bar, text; the same for `logs` and a foreground `up`.

use std::collections::BTreeMap;

use crate::cli::output::{paint, service_style};
use crate::supervisor::output::{LogLine, Stream};

/// Turns log lines into text. Knows the names beforehand, so that everything is aligned from the first line.
#[derive(Debug, Clone)]
pub struct Painter {
    places: BTreeMap<String, usize>,
    width: usize,
    prefix: bool,
}

impl Painter {
    pub fn new<'n>(services: impl IntoIterator<Item = &'n str>, prefix: bool) -> Self {
        let places = services.into_iter().enumerate().map(|(place, name)| (name.to_owned(), place)).collect();
        let mut painter = Self { places, width: 0, prefix };
        painter.width = painter.places.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        painter
    }

    /// The line with its newline. What a service wrote may colour its own line, nothing else.
    pub fn text(&self, line: &LogLine) -> String {
        let mut shown = harmless(&String::from_utf8_lossy(&line.bytes));
        if line.stream == Stream::Reeve {
            shown = paint(anstyle::Style::new().italic(), &format!("reeve: {shown}"));
        }
        if !self.prefix {
            return format!("{shown}\n");
        }
        let place = self.places.get(&*line.service).copied().unwrap_or(0);
        let name = paint(service_style(place), &format!("{:width$} |", line.service, width = self.width));
        format!("{name} {shown}\n")
    }

    /// One JSON object per line; bytes that are no UTF-8 are replaced, as in any JSON.
    pub fn json(line: &LogLine) -> String {
        let value = serde_json::json!({
            "schema_version": crate::control::wire::SCHEMA_VERSION,
            "time": line.wall,
            "service": &*line.service,
            "stream": line.stream.name(),
            "partial": line.partial,
            "text": String::from_utf8_lossy(&line.bytes),
        });
        format!("{value}\n")
    }
}

/// Colours (`ESC [ … m`) are kept and ended; every other control character becomes visible or a blank.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut colored = false;
    while let Some(at) = rest.find(|character: char| character.is_control() && character != '\t') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let code = rest.strip_prefix("\x1b[").and_then(|code| {
            let end = code.find(|character: char| !(character.is_ascii_digit() || character == ';'))?;
            code[end..].starts_with('m').then_some(2 + end + 1)
        });
        if let Some(length) = code {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            colored = true;
            continue;
        }
        let mut characters = rest.chars();
        match characters.next() {
            Some('\r') => {}
            Some('\x1b') => out.push('␛'),
            _ => out.push('\u{fffd}'),
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    if colored {
        out.push_str("\x1b[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn line(service: &str, bytes: &[u8]) -> LogLine {
        LogLine {
            service: Arc::from(service),
            wall: jiff::Timestamp::UNIX_EPOCH,
            stream: Stream::Stdout,
            partial: false,
            bytes: bytes::Bytes::copy_from_slice(bytes),
            sequence: 1,
        }
    }

    #[test]
    fn names_are_aligned() {
        let painter = Painter::new(["db", "backend"], true);
        let text = painter.text(&line("db", b"hello\tworld"));
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), "db      | hello\tworld\n");
        assert_eq!(Painter::new(["db"], false).text(&line("db", b"x")), "x\n");
    }

    #[test]
    fn a_service_cannot_move_the_cursor_but_may_use_colour() {
        assert_eq!(harmless("\x1b[31mred\x1b[2J\r"), "\x1b[31mred␛[2J\x1b[0m");
        assert_eq!(harmless("a\0b"), "a\u{fffd}b");
    }

    // semantics case 50
    #[test]
    fn json_holds_any_bytes() {
        let text = Painter::json(&line("db", b"\xff\0\n"));
        let value = serde_json::from_str::<serde_json::Value>(&text).unwrap();
        assert_eq!(value["text"], "\u{fffd}\0\n");
        assert_eq!(text.lines().count(), 1);
    }
}
