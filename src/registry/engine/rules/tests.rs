//! Boundaries against the contract's vectors, against a naive listing, and by their properties.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    let text = if text.contains('T') { format!("{text}Z") } else { format!("{text}T00:00:00Z") };
    text.parse().unwrap()
}

const UNITS: [Unit; 5] = [Unit::Hourly, Unit::Daily, Unit::Weekly, Unit::Monthly, Unit::Yearly];

/// The contract's own words, one start after the other.
fn naive(unit: Unit, anchor: Timestamp, limit: Timestamp) -> Vec<Timestamp> {
    let mut found = Vec::new();
    for number in 0.. {
        let Some(start) = unit.start(anchor, number) else { if number > 200_000 { break } else { continue } };
        found.extend([Some(start), end_before(start)].into_iter().flatten());
        if start > limit {
            break;
        }
    }
    found.retain(|date| anchor <= *date && *date <= limit);
    found.sort_unstable();
    found.dedup();
    found
}

/// The sequence as [`Boundaries`] tells it, by walking from one to the next.
fn walked(unit: Unit, anchor: Timestamp, limit: Timestamp) -> Vec<Timestamp> {
    let dates = Boundaries::Regular { unit, anchor, limit };
    let mut found = Vec::new();
    let mut next = dates.after(anchor - 1.millisecond());
    while let Some(date) = next {
        found.push(date);
        next = dates.after(date);
    }
    found
}

#[test]
fn the_contracts_sequences() {
    let table: &[(Unit, &str, &str, &[&str])] = &[
        (
            Unit::Monthly,
            "2022-01-01",
            "2022-04-10",
            &[
                "2022-01-01",
                "2022-01-31T23:59:59",
                "2022-02-01",
                "2022-02-28T23:59:59",
                "2022-03-01",
                "2022-03-31T23:59:59",
                "2022-04-01",
            ],
        ),
        (
            Unit::Daily,
            "2022-01-01",
            "2022-01-03T05:00",
            &["2022-01-01", "2022-01-01T23:59:59", "2022-01-02", "2022-01-02T23:59:59", "2022-01-03"],
        ),
        (
            Unit::Weekly,
            "2022-01-01",
            "2022-01-25T05:00",
            &[
                "2022-01-01",
                "2022-01-07T23:59:59",
                "2022-01-08",
                "2022-01-14T23:59:59",
                "2022-01-15",
                "2022-01-21T23:59:59",
                "2022-01-22",
            ],
        ),
        (
            Unit::Hourly,
            "2022-01-01",
            "2022-01-01T02:30",
            &["2022-01-01", "2022-01-01T00:59:59", "2022-01-01T01:00:00", "2022-01-01T01:59:59", "2022-01-01T02:00:00"],
        ),
        (
            Unit::Monthly,
            "2022-01-31",
            "2022-07-10",
            &["2022-01-31", "2022-03-30T23:59:59", "2022-03-31", "2022-05-30T23:59:59", "2022-05-31"],
        ),
        (Unit::Yearly, "2020-02-29", "2026-01-01", &["2020-02-29", "2024-02-28T23:59:59", "2024-02-29"]),
        // Beyond the contract: an end whose start lies beyond the limit; years; an anchor within a minute; nothing.
        (
            Unit::Yearly,
            "2022-01-01",
            "2023-12-31T23:59:59",
            &["2022-01-01", "2022-12-31T23:59:59", "2023-01-01", "2023-12-31T23:59:59"],
        ),
        (
            Unit::Hourly,
            "2022-01-01T00:00:30.250",
            "2022-01-01T02:00:29",
            &[
                "2022-01-01T00:00:30.250",
                "2022-01-01T00:59:59.250",
                "2022-01-01T01:00:30.250",
                "2022-01-01T01:59:59.250",
            ],
        ),
        (Unit::Daily, "2022-01-02", "2022-01-01", &[]),
        (Unit::Daily, "2022-01-01", "2022-01-01", &["2022-01-01"]),
        (Unit::Yearly, "1896-02-29", "1905-01-01", &["1896-02-29", "1904-02-28T23:59:59", "1904-02-29"]),
    ];
    for (unit, anchor, limit, wanted) in table {
        let wanted: Vec<_> = wanted.iter().map(|date| at(date)).collect();
        assert_eq!(walked(*unit, at(anchor), at(limit)), wanted, "{unit:?} from {anchor} to {limit}");
        assert_eq!(naive(*unit, at(anchor), at(limit)), wanted, "{unit:?} from {anchor} to {limit}");
    }
}

#[test]
fn neighbours_are_strict() {
    let dates = Boundaries::Regular { unit: Unit::Monthly, anchor: at("2022-01-01"), limit: at("2022-06-15") };
    let before = |date| dates.before(at(date)).map(|date| date.to_string());
    let after = |date| dates.after(at(date)).map(|date| date.to_string());
    assert_eq!(before("2022-02-01").as_deref(), Some("2022-01-31T23:59:59Z"));
    assert_eq!(before("2022-02-01T00:00:00.001").as_deref(), Some("2022-02-01T00:00:00Z"));
    assert_eq!(before("2022-01-01"), None);
    assert_eq!(before("2021-01-01"), None);
    assert_eq!(before("2030-01-01").as_deref(), Some("2022-06-01T00:00:00Z"));
    assert_eq!(after("2022-02-28T23:59:59").as_deref(), Some("2022-03-01T00:00:00Z"));
    assert_eq!(after("1999-01-01").as_deref(), Some("2022-01-01T00:00:00Z"));
    assert_eq!(after("2022-06-01"), None);
    assert_eq!(after("2030-01-01"), None);
}

#[test]
fn the_last_start_is_not_after_the_limit() {
    let table = [
        (Unit::Hourly, "2022-01-01", "2022-04-10T12:34:56", "2022-04-10T12:00:00"),
        (Unit::Daily, "2022-01-01T06:00:00", "2022-04-10T05:59:59", "2022-04-09T06:00:00"),
        (Unit::Weekly, "2022-01-01", "2022-04-10T12:34:56", "2022-04-09"),
        (Unit::Monthly, "2022-01-31", "2022-03-30", "2022-01-31"),
        (Unit::Monthly, "2022-01-30", "2022-03-29T23:59:59", "2022-01-30"),
        (Unit::Monthly, "2022-01-01", "2022-04-01", "2022-04-01"),
        (Unit::Yearly, "2020-02-29", "2024-02-28", "2020-02-29"),
        (Unit::Yearly, "2096-02-29", "2104-02-28", "2096-02-29"),
        (Unit::Yearly, "1969-07-20T20:17:40", "2022-01-01", "2021-07-20T20:17:40"),
    ];
    for (unit, anchor, limit, wanted) in table {
        let dates = Boundaries::Regular { unit, anchor: at(anchor), limit: at(limit) };
        assert_eq!(dates.last_start(), Some(at(wanted)), "{unit:?} from {anchor} to {limit}");
    }
    for unit in UNITS {
        let dates = Boundaries::Regular { unit, anchor: at("2022-01-02"), limit: at("2022-01-01") };
        assert_eq!(dates.last_start(), None);
    }
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for unit in UNITS {
        let dates = Boundaries::Regular { unit, anchor: Timestamp::MIN, limit: Timestamp::MAX };
        for moment in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            assert!(dates.before(moment).is_none_or(|date| date < moment));
            assert!(dates.after(moment).is_none_or(|date| date > moment));
        }
    }
}

#[test]
fn units_have_their_names() {
    for name in ["quarterly", "secondly", "minutely", "Monthly", "", "month", "customRules"] {
        assert_eq!(Unit::named(name), None, "{name}");
    }
    let names = ["hourly", "daily", "weekly", "monthly", "yearly"].map(|name| Unit::named(name).unwrap());
    assert_eq!(names, UNITS);
    assert_eq!(Unit::named("annually"), Some(Unit::Yearly));
}

fn unit() -> impl Strategy<Value = Unit> {
    proptest::sample::select(&UNITS[..])
}

/// Milliseconds between 1960 and 2060.
fn moment() -> impl Strategy<Value = Timestamp> {
    (-315_619_200_000_i64..2_840_140_800_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

/// Few enough steps for a listing.
fn range() -> impl Strategy<Value = (Unit, Timestamp, Timestamp)> {
    (unit(), moment(), 0..400_i64, 0..HOUR).prop_map(|(unit, anchor, steps, more)| {
        let hours = match unit {
            Unit::Hourly => 1,
            Unit::Daily => 24,
            Unit::Weekly => 7 * 24,
            Unit::Monthly => 30 * 24,
            Unit::Yearly => 365 * 24,
        };
        let span = if unit == Unit::Yearly { steps / 10 } else { steps } * hours * HOUR + more;
        (unit, anchor, Timestamp::from_millisecond(anchor.as_millisecond() + span).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn computing_equals_listing((unit, anchor, limit) in range(), share in -0.2..1.2_f64) {
        let listed = naive(unit, anchor, limit);
        let span = (limit.as_millisecond() - anchor.as_millisecond()) as f64;
        let moment = Timestamp::from_millisecond(anchor.as_millisecond() + (span * share) as i64).unwrap();
        let dates = Boundaries::Regular { unit, anchor, limit };
        // At the moment, and on the boundaries around it.
        for moment in [Some(moment), dates.before(moment), dates.after(moment)].into_iter().flatten() {
            prop_assert_eq!(dates.before(moment), listed.iter().copied().rfind(|date| *date < moment));
            prop_assert_eq!(dates.after(moment), listed.iter().copied().find(|date| *date > moment));
        }
        let start = (0..500).filter_map(|number| unit.start(anchor, number)).filter(|start| *start <= limit).max();
        prop_assert_eq!(dates.last_start(), start);
    }

    /// Between one start and the next lies exactly one end, less than a minute and a second before the next.
    #[test]
    fn periods_tile_without_gap_or_overlap((unit, anchor, limit) in range()) {
        let starts: Vec<_> = (0..500).filter_map(|number| unit.start(anchor, number)).filter(|it| *it <= limit).collect();
        let dates = Boundaries::Regular { unit, anchor, limit };
        for pair in starts.windows(2) {
            prop_assert!(pair[0] < pair[1]);
            let end = dates.after(pair[0]).unwrap();
            prop_assert!(pair[0] < end && end < pair[1]);
            prop_assert_eq!(dates.after(end), Some(pair[1]));
            prop_assert!(pair[1].as_millisecond() - end.as_millisecond() <= 60_000);
        }
    }
}
