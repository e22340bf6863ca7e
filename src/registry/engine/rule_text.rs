//! Rules that an agreement writes out itself (`customRules`): two texts of RFC 5545, the starts and the ends. Pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rrule::{RRuleError, RRuleSet, ValidationError};

use super::period::PeriodError;
use super::rules::Boundaries;

/// Of one rule; two years of hours. More than that is a mistake in the rule rather than a period of an agreement.
pub const MOST_OCCURRENCES: u16 = 20_000;
/// Rules are two lines; texts beyond this are none.
const LONGEST: usize = 8 * 1024;
const BETWEEN: &str = "---";

/// The boundaries that the two texts give until a moment. A text that does not say when it begins begins at the anchor.
pub(super) fn boundaries(rules: &str, anchor: Option<Timestamp>, until: Timestamp) -> Result<Boundaries, PeriodError> {
    if rules.len() > LONGEST {
        return Err(PeriodError::Rules(format!("they are longer than {LONGEST} bytes")));
    }
    let (first, second) = rules
        .split_once(BETWEEN)
        .ok_or_else(|| PeriodError::Rules("two rules are needed, with --- between them".to_owned()))?;
    let starts = occurrences(first, anchor, until)?;
    let mut all = starts.clone();
    all.extend(occurrences(second, anchor, until)?);
    all.sort_unstable();
    all.dedup();
    Ok(Boundaries::Listed { starts, all })
}

fn occurrences(text: &str, anchor: Option<Timestamp>, until: Timestamp) -> Result<Vec<Timestamp>, PeriodError> {
    let set: RRuleSet = match whole(text, anchor, until)?.parse() {
        Ok(set) => set,
        // It begins after the end, so it has no occurrence.
        Err(RRuleError::ValidationError(ValidationError::UntilBeforeStart { .. })) => return Ok(Vec::new()),
        Err(error) => return Err(PeriodError::Rules(error.to_string())),
    };
    let found = set.all(MOST_OCCURRENCES);
    if found.limited {
        return Err(PeriodError::Rules(format!("one has more than {MOST_OCCURRENCES} occurrences, or nearly none")));
    }
    found.dates.iter().map(|date| Timestamp::from_second(date.timestamp()).map_err(|_| PeriodError::Time)).collect()
}

/// The text with a start of its own and the end appended to its rule.
fn whole(text: &str, anchor: Option<Timestamp>, until: Timestamp) -> Result<String, PeriodError> {
    let (mut start, mut rule) = (None, None);
    // Texts that went through a form hold the two characters `\n`.
    let text = text.replace("\\n", "\n");
    for line in text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()) {
        if line.to_ascii_uppercase().starts_with("DTSTART") {
            start = Some(in_utc(line));
        } else {
            rule = Some(line.split_once(':').map_or(line, |(_, rule)| rule));
        }
    }
    let rule = rule.ok_or_else(|| PeriodError::Rules("one of them is empty".to_owned()))?;
    let start = match start {
        Some(start) => start,
        None => format!("DTSTART:{}", basic(anchor.ok_or(PeriodError::Time)?)),
    };
    let parts = rule.split(';').filter(|part| !part.is_empty() && !part.to_ascii_uppercase().starts_with("UNTIL="));
    let rule = parts.collect::<Vec<_>>().join(";");
    Ok(format!("{start}\nRRULE:{rule};UNTIL={}", basic(until)))
}

/// A start without a zone is in UTC, as all arithmetic of rules.
fn in_utc(line: &str) -> String {
    let floating = line.split_once(':').is_some_and(|(name, time)| {
        name.eq_ignore_ascii_case("DTSTART") && time.contains('T') && !time.ends_with(['Z', 'z'])
    });
    if floating { format!("{line}Z") } else { line.to_owned() }
}

/// `YYYYMMDDTHHMMSSZ`
fn basic(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn listed(rules: &str, until: &str) -> Result<(Vec<String>, Vec<String>), PeriodError> {
        match boundaries(rules, Some(at("2022-01-01T00:00:00Z")), at(until))? {
            Boundaries::Listed { starts, all } => {
                let texts = |dates: Vec<Timestamp>| dates.iter().map(Timestamp::to_string).collect();
                Ok((texts(starts), texts(all)))
            }
            Boundaries::Regular { .. } => panic!("rules are listed"),
        }
    }

    #[test]
    fn two_texts_give_starts_and_ends() {
        let monthly = "DTSTART:20220101T000000Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1---\
                       DTSTART:20220101T235959Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1";
        let starts = ["2022-01-01T00:00:00Z", "2022-02-01T00:00:00Z", "2022-03-01T00:00:00Z"];
        let all = [
            "2022-01-01T00:00:00Z",
            "2022-01-31T23:59:59Z",
            "2022-02-01T00:00:00Z",
            "2022-02-28T23:59:59Z",
            "2022-03-01T00:00:00Z",
        ];
        let same = [
            monthly.to_owned(),
            monthly.replace('\n', "\\n"),
            monthly.replace("000000Z", "000000"),
            monthly.replace("FREQ=MONTHLY", "FREQ=MONTHLY;UNTIL=20200101T000000Z"),
            monthly.replace("DTSTART:20220101T000000Z\n", ""),
            monthly.replace("DTSTART:20220101T000000Z\nRRULE:", ""),
            monthly.replace('\n', "\r\n"),
        ];
        for rules in same {
            let (found_starts, found) = listed(&rules, "2022-03-10T00:00:00Z").unwrap();
            assert_eq!(
                (found_starts.as_slice(), found.as_slice()),
                (&starts.map(String::from)[..], &all.map(String::from)[..]),
                "{rules}"
            );
        }
    }

    #[test]
    fn a_rule_may_count_and_may_have_a_zone() {
        // Clocks in New York changed on 13 March at 7:00 UTC.
        let zoned =
            "DTSTART;TZID=America/New_York:20220312T090000\nRRULE:FREQ=DAILY;COUNT=3---RRULE:FREQ=YEARLY;COUNT=1";
        let (starts, all) = listed(zoned, "2022-06-01T00:00:00Z").unwrap();
        assert_eq!(starts, ["2022-03-12T14:00:00Z", "2022-03-13T13:00:00Z", "2022-03-14T13:00:00Z"]);
        assert_eq!(all.len(), 4);
        assert_eq!(all[0], "2022-01-01T00:00:00Z");
    }

    #[test]
    fn a_rule_that_begins_too_late_has_no_occurrence() {
        let late = "DTSTART:20300101T000000Z\nRRULE:FREQ=DAILY---DTSTART:20300101T235959Z\nRRULE:FREQ=DAILY";
        assert_eq!(listed(late, "2022-03-10T00:00:00Z").unwrap(), (vec![], vec![]));
    }

    #[test]
    fn what_is_no_rule_or_goes_on_too_long_is_an_error() {
        let secondly = "DTSTART:20220101T000000Z\nRRULE:FREQ=SECONDLY---RRULE:FREQ=DAILY";
        let long = format!("RRULE:FREQ=DAILY---{}", " ".repeat(LONGEST));
        let table =
            ["", "RRULE:FREQ=DAILY", "FREQ=DAILY---", "---", "FREQ=OFTEN---FREQ=DAILY", "x---y", secondly, &long];
        for rules in table {
            let error = listed(rules, "2022-03-10T00:00:00Z").unwrap_err();
            assert!(matches!(error, PeriodError::Rules(_)), "{rules}: {error}");
        }
    }

    #[test]
    fn a_rule_that_never_happens_comes_to_an_end() {
        let never = "DTSTART:20220101T000000Z\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30---RRULE:FREQ=YEARLY";
        // How far the search goes is the library's affair; that it ends is ours.
        let found = listed(never, "2099-01-01T00:00:00Z");
        assert!(found.as_ref().is_ok_and(|(starts, _)| starts.is_empty()) || found.is_err(), "{found:?}");
    }
}
