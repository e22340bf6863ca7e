//! The grid and the machine, moment by moment.

use serde_json::json;

use super::*;

const UTC: TimeZone = TimeZone::UTC;

fn grid(task: Value) -> Result<Grid, NoGrid> {
    Grid::of(&Task::new(task).unwrap(), &UTC)
}

fn every(init: f64, interval: f64, end: f64) -> Grid {
    Grid { init, interval, end }
}

fn plan(id: &str, grid: Grid) -> Plan {
    Plan { id: id.to_owned(), grid: Ok(grid), end: Some(grid.end as Millis), may_overlap: false }
}

fn fire(id: &str, at: Millis) -> Output {
    Output::Fire { id: id.to_owned(), at }
}

#[test]
fn dates_and_intervals_are_read_as_javascript_does() {
    let of = |init: Value, interval: Value, end: Value| grid(json!({ "init": init, "interval": interval, "end": end }));
    let good = Ok(every(1000.0, 500.0, 9000.0));
    assert_eq!(of(json!(1000), json!(500), json!(9000)), good);
    assert_eq!(of(json!("1970-01-01T00:00:01Z"), json!("500"), json!("1970-01-01T00:00:09.000Z")), good);
    assert_eq!(of(json!("24/06/2022"), json!(1), json!(9)), Err(NoGrid::Init));
    assert_eq!(of(json!(1), json!(1), json!("x")), Err(NoGrid::End));
    for bad in [json!("x"), json!(null), json!(""), json!("NaN"), json!("inf"), json!([1])] {
        assert_eq!(of(json!(1), bad, json!(9)), Err(NoGrid::Interval));
    }
    for short in [json!(0), json!(-5), json!(0.5), json!("0")] {
        assert_eq!(of(json!(1), short, json!(9)), Err(NoGrid::Short));
    }
    assert_eq!(grid(json!({ "interval": 1, "end": 9 })), Err(NoGrid::Init));
}

#[test]
fn an_occurrence_is_strictly_after_now_and_before_the_end() {
    let grid = every(1000.0, 100.0, 1300.0);
    let after = |now| grid.after(now);
    assert_eq!([after(0), after(999), after(1000), after(1099)], [Some(1000), Some(1000), Some(1100), Some(1100)]);
    assert_eq!([after(1199), after(1200), after(5000)], [Some(1200), None, None]);
    assert!(grid.holds(1000) && grid.holds(1200) && !grid.holds(1300) && !grid.holds(1150) && !grid.holds(900));
    assert_eq!(every(0.0, 1000.0 / 3.0, 1e13).after(999), Some(1000));
    // Decades later it is still on the grid.
    let now = 1_800_000_000_123;
    assert_eq!(every(7.0, 10_000.0, 1e15).after(now), Some(1_800_000_000_007 + 10_000));
}

#[test]
fn nothing_drifts_and_nothing_is_caught_up() {
    let mut schedule = Schedule::default();
    assert!(schedule.step(10_050, Input::Plans(vec![plan("a", every(0.0, 100.0, 1e12))])).is_empty());
    let mut now = 10_050;
    for turn in 1..=50 {
        now = schedule.next_deadline().unwrap() + turn % 7;
        let at = now - turn % 7;
        assert_eq!(at, 10_000 + turn * 100);
        assert_eq!(schedule.step(now, Input::Woken), [fire("a", at)]);
        assert!(schedule.step(now, Input::Finished("a".to_owned())).is_empty());
    }
    // The machine slept for an hour: the latest is still fresh, the others are not run.
    let woken = now + 3_600_000;
    let outputs = schedule.step(woken, Input::Woken);
    assert_eq!(outputs.last(), Some(&fire("a", woken / 100 * 100)));
    assert_eq!(outputs[0], Output::Missed { id: "a".to_owned(), count: 35_999 });
}

#[test]
fn what_is_noticed_too_late_is_not_run() {
    let mut schedule = Schedule::default();
    let _ = schedule.step(0, Input::Plans(vec![plan("a", every(0.0, 60_000.0, 1e12))]));
    assert_eq!(schedule.step(60_000 + LATE, Input::Woken), [fire("a", 60_000)]);
    let _ = schedule.step(60_000 + LATE, Input::Finished("a".to_owned()));
    assert_eq!(schedule.step(120_001 + LATE, Input::Woken), [Output::Missed { id: "a".to_owned(), count: 1 }]);
    assert_eq!(schedule.next_deadline(), Some(180_000));
}

#[test]
fn a_run_that_goes_on_keeps_the_next_one_away_unless_asked() {
    let mut schedule = Schedule::default();
    let lone = plan("a", every(0.0, 100.0, 1e12));
    let many = Plan { may_overlap: true, ..plan("b", every(0.0, 100.0, 1e12)) };
    let _ = schedule.step(0, Input::Plans(vec![lone.clone(), many.clone()]));
    assert_eq!(schedule.step(100, Input::Woken), [fire("a", 100), fire("b", 100)]);
    let overlaps = |at| Output::Overlaps { id: "a".to_owned(), at };
    assert_eq!(schedule.step(200, Input::Woken), [overlaps(200), fire("b", 200)]);
    // Removed and made again while its run goes on: it is still that task's run.
    let _ = schedule.step(210, Input::Plans(vec![many.clone()]));
    let _ = schedule.step(220, Input::Plans(vec![lone, many]));
    assert_eq!(schedule.step(300, Input::Woken), [overlaps(300), fire("b", 300)]);
    let _ = schedule.step(310, Input::Finished("a".to_owned()));
    assert_eq!(schedule.step(400, Input::Woken), [fire("a", 400), fire("b", 400)]);
}

#[test]
fn a_task_that_is_gone_or_changed_leaves_no_moment_behind() {
    let mut schedule = Schedule::default();
    let _ =
        schedule.step(0, Input::Plans(vec![plan("a", every(0.0, 100.0, 1e12)), plan("b", every(0.0, 100.0, 1e12))]));
    let _ = schedule.step(50, Input::Plans(vec![plan("b", every(70.0, 1000.0, 1e12))]));
    assert_eq!((schedule.len(), schedule.next_deadline()), (1, Some(70)));
    assert_eq!(schedule.step(100, Input::Woken), [fire("b", 70)]);
    let _ = schedule.step(100, Input::Plans(Vec::new()));
    assert_eq!((schedule.len(), schedule.next_deadline()), (0, None));
}

#[test]
fn a_look_at_the_folder_just_after_a_moment_does_not_lose_it() {
    let mut schedule = Schedule::default();
    let plans = || vec![plan("a", every(0.0, 100.0, 1e12))];
    let _ = schedule.step(0, Input::Plans(plans()));
    assert_eq!(schedule.step(101, Input::Plans(plans())), [fire("a", 100)]);
}

#[test]
fn a_task_expires_after_its_end_and_not_before() {
    let mut schedule = Schedule::default();
    let _ = schedule.step(0, Input::Plans(vec![plan("a", every(0.0, 100.0, 250.0))]));
    assert_eq!(schedule.step(100, Input::Woken), [fire("a", 100)]);
    let _ = schedule.step(110, Input::Finished("a".to_owned()));
    assert_eq!(schedule.step(200, Input::Woken), [fire("a", 200)]);
    assert_eq!(schedule.next_deadline(), Some(251));
    assert_eq!(schedule.step(251, Input::Woken), [Output::Expire { id: "a".to_owned() }]);
    assert_eq!(schedule.next_deadline(), None);
    // Without a grid it expires as well, and is told of once.
    let bad = Plan { id: "b".to_owned(), grid: Err(NoGrid::Short), end: Some(900), may_overlap: false };
    let never = Output::Never { id: "b".to_owned(), why: NoGrid::Short };
    assert_eq!(schedule.step(300, Input::Plans(vec![bad.clone()])), [never]);
    assert!(schedule.step(310, Input::Plans(vec![bad])).is_empty());
    assert_eq!(schedule.step(901, Input::Woken), [Output::Expire { id: "b".to_owned() }]);
    // Long over when it is first seen.
    let outputs = schedule.step(1000, Input::Plans(vec![plan("c", every(0.0, 1.0, 0.0))]));
    assert_eq!(outputs, [Output::Expire { id: "c".to_owned() }]);
}

#[test]
fn a_clock_that_is_set_back_or_forth_is_followed() {
    let mut schedule = Schedule::default();
    let _ = schedule.step(100_000, Input::Plans(vec![plan("a", every(0.0, 1000.0, 1e12))]));
    assert!(schedule.step(50_500, Input::ClockSet).is_empty());
    assert_eq!(schedule.next_deadline(), Some(51_000));
    let outputs = schedule.step(500_000 + 900, Input::ClockSet);
    assert!(matches!(outputs[..], [Output::Missed { .. }, Output::Fire { at: 500_000, .. }]), "{outputs:?}");
    assert_eq!(schedule.next_deadline(), Some(501_000));
}
