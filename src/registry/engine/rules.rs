//! The rule of a window: when its periods begin and end. Pure.
//!
//! A rule is a sequence of boundaries: the starts, and before each start an end. The neighbours of a moment are computed
//! from the number of steps between the anchor and it, so that four years of hours cost no more than one. All steps are
//! steps of the calendar in UTC; a month or year that lacks the day is skipped.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

pub use super::rule_text::MOST_OCCURRENCES;

const HOUR: i64 = 3_600_000;
/// Between an anchor on 29 February and the next start lie up to eight years, as from 1896 to 1904.
const FARTHEST: i64 = 9;

/// What a period lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Hourly,
    Daily,
    /// Seven days from the anchor, not a week of the calendar.
    Weekly,
    Monthly,
    Yearly,
}

impl Unit {
    /// By its name in `window.period`. STATUS writes `annually` for years.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "hourly" => Self::Hourly,
            "daily" => Self::Daily,
            "weekly" => Self::Weekly,
            "monthly" => Self::Monthly,
            "yearly" | "annually" => Self::Yearly,
            _ => return None,
        })
    }

    /// The start of this number from the anchor, if the calendar has it.
    fn start(self, anchor: Timestamp, number: i64) -> Option<Timestamp> {
        let steps = |length: i64| {
            let ms = anchor.as_millisecond().checked_add(number.checked_mul(length)?)?;
            Timestamp::from_millisecond(ms).ok()
        };
        match self {
            Self::Hourly => steps(HOUR),
            Self::Daily => steps(24 * HOUR),
            Self::Weekly => steps(7 * 24 * HOUR),
            Self::Monthly => months_later(anchor, number),
            Self::Yearly => months_later(anchor, number.checked_mul(12)?),
        }
    }

    /// The number of the start near a moment, one too many or too few at most where none is skipped.
    fn number_near(self, anchor: Timestamp, at: Timestamp) -> i64 {
        let passed = at.as_millisecond() - anchor.as_millisecond();
        let months = || month_number(utc(at)) - month_number(utc(anchor));
        match self {
            Self::Hourly => passed.div_euclid(HOUR),
            Self::Daily => passed.div_euclid(24 * HOUR),
            Self::Weekly => passed.div_euclid(7 * 24 * HOUR),
            Self::Monthly => months(),
            Self::Yearly => months().div_euclid(12),
        }
    }
}

fn utc(at: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(at)
}

fn month_number(at: DateTime) -> i64 {
    i64::from(at.year()) * 12 + i64::from(at.month()) - 1
}

/// The same day of the month and time of day.
fn months_later(anchor: Timestamp, number: i64) -> Option<Timestamp> {
    let at = utc(anchor);
    let month = month_number(at).checked_add(number)?;
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let date = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, at.day()).ok()?;
    TimeZone::UTC.to_timestamp(date.to_datetime(at.time())).ok()
}

/// What comes before a start: one second before its minute begins, its milliseconds kept.
pub(super) fn end_before(start: Timestamp) -> Option<Timestamp> {
    let second = start.as_millisecond().rem_euclid(60_000) / 1000;
    start.checked_sub((second + 1).seconds()).ok()
}

/// The boundaries of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boundaries {
    /// From the anchor to the limit, both included.
    Regular { unit: Unit, anchor: Timestamp, limit: Timestamp },
    /// Of two rule texts: the starts, and starts and ends together; each sorted.
    Listed { starts: Vec<Timestamp>, all: Vec<Timestamp> },
}

impl Boundaries {
    /// The latest one strictly before a moment.
    pub fn before(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Regular { limit, .. } => self.near(at.min(*limit)).filter(|date| *date < at).max(),
            Self::Listed { all, .. } => all.iter().copied().rev().find(|date| *date < at),
        }
    }

    /// The earliest one strictly after a moment.
    pub fn after(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Regular { anchor, .. } => self.near(at.max(*anchor)).filter(|date| *date > at).min(),
            Self::Listed { all, .. } => all.iter().copied().find(|date| *date > at),
        }
    }

    /// The latest start that is not after the limit.
    pub fn last_start(&self) -> Option<Timestamp> {
        match self {
            Self::Regular { unit, anchor, limit } => numbers_near(*unit, *anchor, *limit)
                .filter_map(|number| unit.start(*anchor, number))
                .filter(|start| start <= limit)
                .max(),
            Self::Listed { starts, .. } => starts.last().copied(),
        }
    }

    /// All that lie within a few steps of a moment.
    fn near(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        let (unit, anchor, limit) = match self {
            Self::Regular { unit, anchor, limit } => (*unit, *anchor, *limit),
            Self::Listed { .. } => (Unit::Yearly, Timestamp::MAX, Timestamp::MIN),
        };
        numbers_near(unit, anchor, at)
            .filter_map(move |number| unit.start(anchor, number))
            .flat_map(|start| [Some(start), end_before(start)])
            .flatten()
            .filter(move |date| anchor <= *date && *date <= limit)
    }
}

fn numbers_near(unit: Unit, anchor: Timestamp, at: Timestamp) -> impl Iterator<Item = i64> {
    let middle = unit.number_near(anchor, at);
    (middle - FARTHEST).max(0)..=(middle + FARTHEST).max(0)
}

#[cfg(test)]
mod tests;
