//! Steps of the calendar, in UTC, that divide a window into periods.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid period type: {0}")]
pub struct UnknownStep(pub String);

impl std::str::FromStr for Step {
    type Err = UnknownStep;

    /// A window's period name, in any case; a year has two names.
    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        match text.to_ascii_lowercase().as_str() {
            "hourly" => Ok(Self::Hourly),
            "daily" => Ok(Self::Daily),
            "weekly" => Ok(Self::Weekly),
            "monthly" => Ok(Self::Monthly),
            "yearly" | "annually" => Ok(Self::Yearly),
            _ => Err(UnknownStep(text.to_owned())),
        }
    }
}

impl Step {
    /// The last start of a period in `from..to`, where periods start at `from` and at every step after it; nothing when
    /// the window is empty. Months and years are counted from `from`, so a start on the 31st does not drift.
    pub fn last_start(self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        if from >= to {
            return None;
        }
        match self {
            Self::Hourly => even(from, to, SignedDuration::from_hours(1)),
            Self::Daily => even(from, to, SignedDuration::from_hours(24)),
            Self::Weekly => even(from, to, SignedDuration::from_hours(24 * 7)),
            Self::Monthly => by_months(from, to, 1),
            Self::Yearly => by_months(from, to, 12),
        }
    }
}

fn even(from: Timestamp, to: Timestamp, length: SignedDuration) -> Option<Timestamp> {
    let before_end = to.duration_since(from).as_nanos() - 1;
    let past = before_end - before_end % length.as_nanos();
    from.checked_add(SignedDuration::from_nanos_i128(past)).ok()
}

fn by_months(from: Timestamp, to: Timestamp, months: i32) -> Option<Timestamp> {
    let (start, end) = (from.to_zoned(TimeZone::UTC), to.to_zoned(TimeZone::UTC));
    let apart = i32::from(end.year() - start.year()) * 12 + i32::from(end.month()) - i32::from(start.month());
    let nth = |count: i32| Some(start.checked_add(Span::new().try_months(count * months).ok()?).ok()?.timestamp());
    // The estimate is at most one step too far: into the month of the end, but after it.
    (0..=apart / months).rev().filter_map(nth).find(|start| *start < to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn names() {
        let table = [
            ("hourly", Step::Hourly),
            ("DAILY", Step::Daily),
            ("weekly", Step::Weekly),
            ("monthly", Step::Monthly),
            ("yearly", Step::Yearly),
            ("annually", Step::Yearly),
            ("ANNUALLY", Step::Yearly),
            ("YEARLY", Step::Yearly),
        ];
        for (name, step) in table {
            assert_eq!(name.parse(), Ok(step), "{name}");
        }
        let refused = "fortnightly".parse::<Step>().unwrap_err();
        assert_eq!(refused.to_string(), "Invalid period type: fortnightly");
    }

    #[test]
    fn the_end_is_outside() {
        let table = [
            (Step::Hourly, "2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z", "2024-01-01T02:00:00Z"),
            (Step::Hourly, "2024-01-01T00:00:00Z", "2024-01-01T03:00:00.001Z", "2024-01-01T03:00:00Z"),
            (Step::Daily, "2024-02-27T12:00:00Z", "2024-03-01T12:00:00Z", "2024-02-29T12:00:00Z"),
            (Step::Weekly, "2024-01-01T00:00:00Z", "2024-01-31T23:59:59Z", "2024-01-29T00:00:00Z"),
            (Step::Monthly, "2024-01-01T00:00:00Z", "2024-07-01T00:00:00Z", "2024-06-01T00:00:00Z"),
            (Step::Monthly, "2024-01-31T00:00:00Z", "2024-03-30T00:00:00Z", "2024-02-29T00:00:00Z"),
            (Step::Monthly, "2024-01-31T00:00:00Z", "2024-04-01T00:00:00Z", "2024-03-31T00:00:00Z"),
            (Step::Yearly, "2020-02-29T00:00:00Z", "2023-02-28T00:00:00Z", "2022-02-28T00:00:00Z"),
            (Step::Yearly, "2020-02-29T00:00:00Z", "2024-03-01T00:00:00Z", "2024-02-29T00:00:00Z"),
            (Step::Monthly, "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z", "2024-01-01T00:00:00Z"),
        ];
        for (step, from, to, last) in table {
            assert_eq!(step.last_start(at(from), at(to)), Some(at(last)), "{step:?} {from} {to}");
        }
        assert_eq!(Step::Daily.last_start(at("2024-01-02T00:00:00Z"), at("2024-01-02T00:00:00Z")), None);
        assert_eq!(Step::Daily.last_start(at("2024-01-02T00:00:00Z"), at("2024-01-01T00:00:00Z")), None);
    }

    proptest! {
        /// Against walking: the definition.
        #[test]
        fn it_is_where_walking_ends(from in 0_i64..2_000_000_000, seconds in 1_i64..200_000_000, which in 0_usize..5) {
            let (step, span) = [
                (Step::Hourly, Span::new().hours(1)), (Step::Daily, Span::new().hours(24)),
                (Step::Weekly, Span::new().hours(168)), (Step::Monthly, Span::new().months(1)),
                (Step::Yearly, Span::new().years(1)),
            ][which];
            let seconds = if which == 0 { seconds / 100 + 1 } else { seconds };
            let (from, to) = (Timestamp::from_second(from).unwrap(), Timestamp::from_second(from + seconds).unwrap());
            let start = from.to_zoned(TimeZone::UTC);
            let nth = |count: i64| (&start + span * count).timestamp();
            let last = (0..).map(nth).take_while(|start| *start < to).last();
            prop_assert_eq!(step.last_start(from, to), last);
        }
    }
}
