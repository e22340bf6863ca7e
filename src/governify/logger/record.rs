//! One event of the log, apart from how it was told and where it goes.

use std::fmt::{self, Write};

use jiff::Timestamp;
use tracing::Event;
use tracing::field::{Field, Visit};

use super::configuration::Level;
use crate::telemetry::wall_clock;

/// Longer messages and addresses are cut: a document per event is no place for whole answers.
pub const LONGEST: usize = 8 << 10;

#[derive(Debug, Clone)]
pub struct Record {
    pub at: Timestamp,
    pub level: Level,
    /// The message and its fields, as on stderr.
    pub message: String,
    /// Where in the program it was told, from the whole to the part.
    pub tags: Vec<&'static str>,
    /// Of the request that was being answered.
    pub request: Option<String>,
    /// Of an outgoing call: the fields `status_code` and `url`.
    pub status_code: Option<i32>,
    pub url: Option<String>,
}

impl Record {
    pub fn of(event: &Event<'_>, request: Option<String>) -> Self {
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let target = metadata.target();
        let target = target.strip_prefix("reeve::").unwrap_or(target);
        Self {
            at: wall_clock(),
            level: level(*metadata.level()),
            message: text.joined(),
            tags: target.split("::").collect(),
            request,
            status_code: text.status_code,
            url: text.url.map(cut),
        }
    }
}

pub fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// The words of an event.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
    status_code: Option<i32>,
    url: Option<String>,
}

impl Text {
    fn joined(&self) -> String {
        cut(format!("{}{}", self.message, self.fields).trim_start().to_owned())
    }

    fn push(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing into a text does not fail.
        let _ = match field.name() {
            "message" => self.message.write_fmt(value),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "url" {
            self.url = Some(value.to_owned());
        }
        self.push(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "status_code" {
            self.status_code = i32::try_from(value).ok();
        }
        self.push(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status_code" {
            self.status_code = i32::try_from(value).ok();
        }
        self.push(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "url" {
            // `%url` comes here and prints itself without quotes.
            self.url = Some(format!("{value:?}"));
        }
        self.push(field, format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let long = format!("x{}", "é".repeat(LONGEST));
        let short = cut(long);
        assert!(short.len() <= LONGEST + '…'.len_utf8() && short.ends_with("é…"));
        assert_eq!(cut("short".to_owned()), "short");
    }
}
