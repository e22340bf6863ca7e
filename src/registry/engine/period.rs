//! The period that a guarantee is asked for: the asked range widened to boundaries, or the last period. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use super::agreement::{Agreement, truthy};
use super::rules::{Boundaries, Unit};
use super::{Clock, Map, rule_text};
use crate::governify::dates;

/// Why there is no period. The texts are shown to clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error("Invalid time value")]
    Time,
    #[error("Invalid time zone specified: {0}")]
    Zone(String),
    #[error("Unknown window period {0}; it must be hourly, daily, weekly, monthly, yearly, annually or customRules")]
    Unit(String),
    #[error("The rules of a window cannot be used: {0}")]
    Rules(String),
}

/// From one moment to another, in the texts that travel to collectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    pub from: String,
    pub to: String,
}

impl Period {
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self { from: dates::iso(from), to: dates::iso(to) }
    }

    /// Whatever there is.
    pub fn any() -> Self {
        Self { from: "*".to_owned(), to: "*".to_owned() }
    }

    pub fn to_json(&self) -> Value {
        json!({ "from": self.from, "to": self.to })
    }
}

/// A date in a request; anything that JavaScript reads.
pub fn moment(text: &str, clock: &Clock) -> Result<Timestamp, PeriodError> {
    dates::parse(text, &clock.local).ok_or(PeriodError::Time)
}

/// A date in an agreement, when there is one.
fn member(window: &Map, name: &str, clock: &Clock) -> Result<Option<Timestamp>, PeriodError> {
    let value = window.get(name).and_then(truthy);
    value.map(|value| dates::of_value(value, &clock.local).ok_or(PeriodError::Time)).transpose()
}

fn anchor(window: &Map, agreement: Agreement<'_>, clock: &Clock) -> Result<Option<Timestamp>, PeriodError> {
    if let Some(initial) = member(window, "initial", clock)? {
        return Ok(Some(initial));
    }
    agreement.initial().map(|initial| dates::of_value(initial, &clock.local).ok_or(PeriodError::Time)).transpose()
}

fn boundaries(
    window: &Map,
    anchor: Option<Timestamp>,
    end: Timestamp,
    clock: &Clock,
) -> Result<Boundaries, PeriodError> {
    let unit = match window.get("period").and_then(truthy) {
        None => Unit::Monthly,
        Some(Value::String(name)) if name == "customRules" => {
            let rules = window.get("rules").and_then(Value::as_str);
            let rules = rules.ok_or_else(|| PeriodError::Rules("there are none".to_owned()))?;
            return rule_text::boundaries(rules, anchor, end);
        }
        Some(Value::String(name)) => Unit::named(name).ok_or_else(|| PeriodError::Unit(name.clone()))?,
        Some(other) => return Err(PeriodError::Unit(other.to_string())),
    };
    Ok(Boundaries::Regular { unit, anchor: anchor.ok_or(PeriodError::Time)?, limit: clock.now })
}

/// The range of a window, widened to the boundaries of its rule on either side.
pub fn widened(window: &Map, agreement: Agreement<'_>, clock: &Clock) -> Result<Period, PeriodError> {
    let anchor = anchor(window, agreement, clock)?;
    let from = match member(window, "from", clock)? {
        Some(from) => from,
        None => anchor.ok_or(PeriodError::Time)?,
    };
    let to = member(window, "end", clock)?.unwrap_or(clock.now);
    let dates = boundaries(window, anchor, to, clock)?;
    Ok(Period::between(dates.before(from).unwrap_or(from), dates.after(to).unwrap_or(to)))
}

/// The period under way, or nothing when the first one has not begun.
pub fn last(window: &Map, agreement: Agreement<'_>, clock: &Clock) -> Result<Option<Period>, PeriodError> {
    let anchor = anchor(window, agreement, clock)?;
    let to = member(window, "end", clock)?.unwrap_or(clock.now);
    // Rules that are written out end with the window; what begins later than now has not begun.
    let dates = boundaries(window, anchor, to.min(clock.now), clock)?;
    let zone = match agreement.time_zone() {
        Some(name) => TimeZone::get(name).map_err(|_| PeriodError::Zone(name.to_owned()))?,
        None => clock.local.clone(),
    };
    let Some(start) = dates.last_start() else { return Ok(None) };
    let from = read_as_local(start, &zone)?;
    let to = if to < from { next_day(from, to)? } else { to };
    Ok(Some(Period::between(from, to)))
}

/// The moment at which clocks of the zone show what UTC shows at the start, with the offset that the zone has at the start.
fn read_as_local(start: Timestamp, zone: &TimeZone) -> Result<Timestamp, PeriodError> {
    let offset = SignedDuration::from_secs(i64::from(zone.to_offset(start).seconds()));
    start.checked_sub(offset).map_err(|_| PeriodError::Time)
}

/// The time of day of a moment, on the day after another.
fn next_day(from: Timestamp, time: Timestamp) -> Result<Timestamp, PeriodError> {
    let day = TimeZone::UTC.to_datetime(from).date().checked_add(1.day()).map_err(|_| PeriodError::Time)?;
    let moment = day.to_datetime(TimeZone::UTC.to_datetime(time).time());
    TimeZone::UTC.to_timestamp(moment).map_err(|_| PeriodError::Time)
}

#[cfg(test)]
mod tests;
