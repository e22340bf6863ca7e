//! Dates as JavaScript reads and writes them, because agreements and tasks hold whatever its parser takes.
//!
//! Pure, but for [`local`]. A text goes through `scanner` (tokens) and `reader` (grammar) and is placed on the time line
//! here. Years beyond ±9999 are not dates; JavaScript goes further, and nobody plans so far ahead.

mod reader;
mod scanner;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// What `new Date(text)` would be, `None` for an invalid date. Without a zone, a time of day is in `local`; a date alone
/// is midnight UTC if it is in ISO form and midnight in `local` otherwise.
///
/// A number alone is a year, as in JavaScript: `2022` is its first moment. Who does not want that asks [`of_value`].
pub fn parse(text: &str, local: &TimeZone) -> Option<Timestamp> {
    let reading = reader::read(text)?;
    let first = civil::Date::new(i16::try_from(reading.year).ok()?, i8::try_from(reading.month).ok()?, 1).ok()?;
    let days = SignedDuration::from_hours(24 * (reading.day - 1));
    let moment = civil::DateTime::from_parts(first, civil::Time::midnight())
        .checked_add(days)
        .and_then(|moment| moment.checked_add(SignedDuration::from_millis(reading.millisecond)))
        .ok()?;
    match reading.offset {
        // An offset may be larger than any zone's: it is only arithmetic.
        Some(offset) => {
            let utc = Offset::UTC.to_timestamp(moment).ok()?;
            utc.checked_sub(SignedDuration::from_secs(offset)).ok()
        }
        // A time that does not exist is read with the offset before the change, one that exists twice is the earlier.
        None => local.to_ambiguous_timestamp(moment).compatible().ok(),
    }
}

/// What a member of a task or of an agreement says: numbers are milliseconds since 1970, null is 1970 itself, a text is
/// parsed, anything else is no date. A text that is only a number is none either.
pub fn of_value(value: &Value, local: &TimeZone) -> Option<Timestamp> {
    match value {
        Value::Null => Some(Timestamp::UNIX_EPOCH),
        Value::Number(number) => of_number(number.as_f64()?),
        Value::String(text) if text.trim().parse::<f64>().is_err() => parse(text, local),
        _ => None,
    }
}

/// Fractions of a millisecond are cut off.
fn of_number(number: f64) -> Option<Timestamp> {
    // As far as JavaScript counts.
    const FARTHEST: f64 = 8.64e15;
    (number.abs() <= FARTHEST).then(|| Timestamp::from_millisecond(number as i64).ok()).flatten()
}

/// As `toISOString` writes it: UTC, three decimals, `Z`.
pub fn iso(moment: Timestamp) -> String {
    // Cut off, never rounded up.
    let milliseconds = moment.as_millisecond();
    Timestamp::from_millisecond(milliseconds).map_or_else(|_| format!("{moment:.3}"), |moment| format!("{moment:.3}"))
}

/// The zone of this server: `TZ`, otherwise the machine's.
pub fn local() -> TimeZone {
    TimeZone::system()
}

#[cfg(test)]
mod tests;
