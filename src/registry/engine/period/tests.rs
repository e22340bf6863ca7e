//! Periods against the contract's vectors, at the borders of ranges and zones, and by their properties.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn clock(now: &str) -> Clock {
    Clock { now: at(now), local: TimeZone::UTC }
}

fn map(value: Value) -> Map {
    value.as_object().cloned().unwrap()
}

fn agreement(zone: &str) -> Value {
    json!({ "context": { "validity": { "initial": "2022-01-01", "timeZone": zone } } })
}

fn widen(window: Value, now: &str) -> Result<(String, String), PeriodError> {
    let stored = agreement("America/Los_Angeles");
    widened(&map(window), Agreement::new(&stored), &clock(now)).map(|period| (period.from, period.to))
}

fn latest(window: Value, zone: &str, now: &str) -> Result<Option<(String, String)>, PeriodError> {
    let stored = agreement(zone);
    let found = last(&map(window), Agreement::new(&stored), &clock(now))?;
    Ok(found.map(|period| (period.from, period.to)))
}

#[test]
fn ranges_are_widened_to_boundaries() {
    let now = "2022-06-15T00:00:00Z";
    let table = [
        (
            json!({ "period": "monthly", "from": "2022-02-10", "end": "2022-02-20" }),
            "2022-02-01T00:00:00.000Z",
            "2022-02-28T23:59:59.000Z",
        ),
        (
            json!({ "period": "monthly", "from": "2022-02-01T00:00:00.000Z", "end": "2022-02-28T23:59:59.999Z" }),
            "2022-01-31T23:59:59.000Z",
            "2022-03-01T00:00:00.000Z",
        ),
        (
            json!({ "period": "monthly", "from": "2022-02-10", "end": "2022-12-20" }),
            "2022-02-01T00:00:00.000Z",
            "2022-12-20T00:00:00.000Z",
        ),
        (
            json!({ "period": "daily", "from": "2021-02-10", "end": "2022-01-05T12:00" }),
            "2021-02-10T00:00:00.000Z",
            "2022-01-05T23:59:59.000Z",
        ),
        (
            json!({ "from": "2022-02-10", "end": "2022-02-28T23:59:59.000Z" }),
            "2022-02-01T00:00:00.000Z",
            "2022-03-01T00:00:00.000Z",
        ),
        // Beyond the contract's table: every unit, no range, an anchor of the window's own, falsy members.
        (
            json!({ "period": "hourly", "from": "2022-02-10T10:20:00Z", "end": "2022-02-10T12:00:00Z" }),
            "2022-02-10T10:00:00.000Z",
            "2022-02-10T12:59:59.000Z",
        ),
        (
            json!({ "period": "weekly", "from": "2022-01-10", "end": "2022-01-12" }),
            "2022-01-08T00:00:00.000Z",
            "2022-01-14T23:59:59.000Z",
        ),
        (
            json!({ "period": "yearly", "initial": "2020-01-01", "from": "2021-05-01", "end": "2021-06-01" }),
            "2021-01-01T00:00:00.000Z",
            "2021-12-31T23:59:59.000Z",
        ),
        (
            json!({ "period": "annually", "initial": "2020-01-01", "from": "2021-05-01", "end": "2021-06-01" }),
            "2021-01-01T00:00:00.000Z",
            "2021-12-31T23:59:59.000Z",
        ),
        (
            json!({ "period": "", "initial": null, "from": "", "end": "" }),
            "2022-01-01T00:00:00.000Z",
            "2022-06-15T00:00:00.000Z",
        ),
        (json!({}), "2022-01-01T00:00:00.000Z", "2022-06-15T00:00:00.000Z"),
        // The anchor itself: nothing lies before it.
        (
            json!({ "period": "monthly", "from": "2022-01-01", "end": "2022-01-31T23:59:58Z" }),
            "2022-01-01T00:00:00.000Z",
            "2022-01-31T23:59:59.000Z",
        ),
        // An agreement that begins after now has no boundaries.
        (
            json!({ "initial": "2030-01-01", "from": "2022-02-10", "end": "2022-02-20" }),
            "2022-02-10T00:00:00.000Z",
            "2022-02-20T00:00:00.000Z",
        ),
        (
            json!({ "period": "customRules", "from": "2022-02-10", "end": "2022-04-20",
                 "rules": "DTSTART:20220103T000000Z\nRRULE:FREQ=MONTHLY---DTSTART:20220202T235959Z\nRRULE:FREQ=MONTHLY" }),
            "2022-02-03T00:00:00.000Z",
            "2022-04-20T00:00:00.000Z",
        ),
    ];
    for (window, from, to) in table {
        assert_eq!(widen(window.clone(), now), Ok((from.to_owned(), to.to_owned())), "{window}");
    }
}

#[test]
fn what_cannot_be_a_range_is_an_error() {
    let unit = |name: &str| PeriodError::Unit(name.to_owned());
    let table = [
        (json!({ "period": "quarterly" }), unit("quarterly")),
        (json!({ "period": "Monthly" }), unit("Monthly")),
        (json!({ "period": 7 }), unit("7")),
        (json!({ "from": "yesterday" }), PeriodError::Time),
        (json!({ "end": "never" }), PeriodError::Time),
        (json!({ "initial": "x" }), PeriodError::Time),
    ];
    for (window, wanted) in table {
        assert_eq!(widen(window.clone(), "2022-06-15T00:00:00Z"), Err(wanted), "{window}");
    }
    let none = json!({});
    let error = widened(&Map::new(), Agreement::new(&none), &clock("2022-06-15T00:00:00Z")).unwrap_err();
    assert_eq!(error.to_string(), "Invalid time value");
}

#[test]
fn last_periods_begin_with_the_agreements_zone() {
    let table = [
        ("2022-04-10T12:00:00Z", "monthly", "UTC", "2022-04-01T00:00:00.000Z", "2022-04-10T12:00:00.000Z"),
        (
            "2022-04-10T12:00:00Z",
            "monthly",
            "America/Los_Angeles",
            "2022-04-01T07:00:00.000Z",
            "2022-04-10T12:00:00.000Z",
        ),
        ("2022-04-10T12:00:00Z", "monthly", "Europe/Madrid", "2022-03-31T22:00:00.000Z", "2022-04-10T12:00:00.000Z"),
        (
            "2022-01-15T03:00:00Z",
            "monthly",
            "America/Los_Angeles",
            "2022-01-01T08:00:00.000Z",
            "2022-01-15T03:00:00.000Z",
        ),
        (
            "2022-04-01T03:00:00Z",
            "monthly",
            "America/Los_Angeles",
            "2022-04-01T07:00:00.000Z",
            "2022-04-02T03:00:00.000Z",
        ),
        ("2022-04-10T12:34:56Z", "weekly", "UTC", "2022-04-09T00:00:00.000Z", "2022-04-10T12:34:56.000Z"),
        // Beyond the contract's table: offsets of half and quarter hours, exact.
        ("2022-04-10T12:00:00Z", "monthly", "Asia/Kolkata", "2022-03-31T18:30:00.000Z", "2022-04-10T12:00:00.000Z"),
        ("2022-04-10T12:00:00Z", "monthly", "Asia/Kathmandu", "2022-03-31T18:15:00.000Z", "2022-04-10T12:00:00.000Z"),
        ("2022-04-10T12:00:00Z", "monthly", "America/St_Johns", "2022-04-01T02:30:00.000Z", "2022-04-10T12:00:00.000Z"),
        // The offset is that of the instant of the start: clocks change at 10:00 UTC in Los Angeles, at 1:00 in Madrid.
        (
            "2022-03-13T12:00:00Z",
            "daily",
            "America/Los_Angeles",
            "2022-03-13T08:00:00.000Z",
            "2022-03-13T12:00:00.000Z",
        ),
        (
            "2022-03-14T12:00:00Z",
            "daily",
            "America/Los_Angeles",
            "2022-03-14T07:00:00.000Z",
            "2022-03-14T12:00:00.000Z",
        ),
        (
            "2022-11-06T12:00:00Z",
            "daily",
            "America/Los_Angeles",
            "2022-11-06T07:00:00.000Z",
            "2022-11-06T12:00:00.000Z",
        ),
        (
            "2022-11-07T12:00:00Z",
            "daily",
            "America/Los_Angeles",
            "2022-11-07T08:00:00.000Z",
            "2022-11-07T12:00:00.000Z",
        ),
        ("2022-03-27T12:00:00Z", "daily", "Europe/Madrid", "2022-03-26T23:00:00.000Z", "2022-03-27T12:00:00.000Z"),
        ("2022-03-28T12:00:00Z", "daily", "Europe/Madrid", "2022-03-27T22:00:00.000Z", "2022-03-28T12:00:00.000Z"),
        ("2022-10-30T12:00:00Z", "daily", "Europe/Madrid", "2022-10-29T22:00:00.000Z", "2022-10-30T12:00:00.000Z"),
        // Hours west of Greenwich have always just not begun; at the end of a month and of a year too.
        (
            "2022-04-10T12:34:56.789Z",
            "hourly",
            "America/Los_Angeles",
            "2022-04-10T19:00:00.000Z",
            "2022-04-11T12:34:56.789Z",
        ),
        (
            "2022-01-31T03:00:00Z",
            "daily",
            "America/Los_Angeles",
            "2022-01-31T08:00:00.000Z",
            "2022-02-01T03:00:00.000Z",
        ),
        (
            "2022-12-31T20:10:00Z",
            "hourly",
            "America/Los_Angeles",
            "2023-01-01T04:00:00.000Z",
            "2023-01-02T20:10:00.000Z",
        ),
        ("2024-02-29T01:00:00Z", "daily", "America/New_York", "2024-02-29T05:00:00.000Z", "2024-03-01T01:00:00.000Z"),
        ("2024-03-01T12:00:00Z", "annually", "UTC", "2024-01-01T00:00:00.000Z", "2024-03-01T12:00:00.000Z"),
    ];
    for (now, unit, zone, from, to) in table {
        let found = latest(json!({ "period": unit }), zone, now);
        assert_eq!(found, Ok(Some((from.to_owned(), to.to_owned()))), "{unit} in {zone} at {now}");
    }
}

#[test]
fn last_periods_have_their_edges() {
    let now = "2022-06-15T00:00:00Z";
    assert_eq!(latest(json!({ "initial": "2023-01-01" }), "UTC", now), Ok(None));
    let zone = latest(json!({}), "Mars/Olympus", now).unwrap_err();
    assert_eq!(zone.to_string(), "Invalid time zone specified: Mars/Olympus");
    assert_eq!(latest(json!({ "period": "minutely" }), "UTC", now), Err(PeriodError::Unit("minutely".into())));
    // Without a zone the server's; without a window the anchor of the agreement and months; an end of the window's own.
    let found = latest(json!({ "end": "2022-06-10" }), "", now).unwrap().unwrap();
    assert_eq!(found, ("2022-06-01T00:00:00.000Z".into(), "2022-06-10T00:00:00.000Z".into()));
    let stored = agreement("");
    let madrid = Clock { now: at(now), local: TimeZone::get("Europe/Madrid").unwrap() };
    let found = last(&Map::new(), Agreement::new(&stored), &madrid).unwrap().unwrap();
    assert_eq!(found.from, "2022-05-31T22:00:00.000Z");
    let rules = json!({ "period": "customRules",
                        "rules": "DTSTART:20220103T000000Z\nRRULE:FREQ=MONTHLY---DTSTART:20220202T235959Z\nRRULE:FREQ=MONTHLY" });
    assert_eq!(latest(rules, "UTC", now).unwrap().unwrap().0, "2022-06-03T00:00:00.000Z");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_widened_range_holds_the_asked_one(
        unit in proptest::sample::select(&["hourly", "daily", "weekly", "monthly", "yearly"][..]),
        anchor in 0..1_900_000_000_i64, from in 0..1_900_000_000_i64, length in 0..100_000_000_i64, now in 0..1_900_000_000_i64,
    ) {
        let text = |seconds| dates::iso(Timestamp::from_second(seconds).unwrap());
        let window = map(json!({ "period": unit, "initial": text(anchor), "from": text(from), "end": text(from + length) }));
        let nothing = json!({});
        let clock = Clock { now: Timestamp::from_second(now).unwrap(), local: TimeZone::UTC };
        let found = widened(&window, Agreement::new(&nothing), &clock).unwrap();
        prop_assert!(at(&found.from).as_second() <= from && from + length <= at(&found.to).as_second());
        // Texts of this form sort as the moments do, and a second widening goes no further than one boundary.
        prop_assert!(found.from <= text(from) && text(from + length) <= found.to);
    }
}
