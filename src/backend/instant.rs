//! Points in time as callers write them.

use jiff::Timestamp;
use serde_json::Value;

use super::extract::Invalid;

/// An ISO date, with or without a time of day and an offset; UTC is meant where none is given.
pub fn from_json(name: &str, value: &Value) -> Result<Timestamp, Invalid> {
    let refuse = || Invalid::new(name, "must be an ISO date");
    let text = value.as_str().ok_or_else(refuse)?;
    let utc = || text.parse::<jiff::civil::DateTime>().and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC));
    text.parse().or_else(|_| utc().map(|zoned| zoned.timestamp())).map_err(|_| refuse())
}

/// As the API writes it: in UTC, with milliseconds.
pub fn written(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The day of a date in an address, in UTC.
pub fn day(name: &str, text: &str) -> Result<String, Invalid> {
    let time = from_json(name, &Value::from(text))?;
    Ok(time.strftime("%Y-%m-%d").to_string())
}
