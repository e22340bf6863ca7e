//! Crashes, back-off, crash loops, failing starts.

use std::time::Duration;

use super::fixture::{file_probe, service};
use super::scenario::Scenario;
use crate::engine::{Event, Exit, Failure, FailureKind, NotifyMessage, Outcome, Phase, RunId};
use crate::spec::{RestartPolicy, ServiceId};

fn failure(kind: FailureKind) -> Failure {
    Failure { kind, message: String::from("cannot run /x: No such file or directory"), hint: None }
}

fn one(change: impl FnOnce(&mut crate::spec::ServiceSpec)) -> Scenario {
    let mut db = service(0, "db");
    change(&mut db);
    Scenario::new(vec![db])
}

// semantics case 11
#[test]
fn a_killed_service_starts_again_and_the_signal_is_named() {
    let mut world = one(|_| {});
    world.start(&[]);
    world.exits("db", Exit::Signal { signal: 9, core_dumped: false });
    assert_eq!(world.phase("db"), Phase::Backoff);
    assert!(world.has_record("exit", "killed by SIGKILL"));
    world.millis(125);
    assert_eq!((world.phase("db"), world.view("db").restarts), (Phase::Ready, 1));
}

#[test]
fn without_a_delay_a_killed_service_is_replaced_in_the_same_moment() {
    let mut world = one(|db| db.restart.backoff.first = Duration::ZERO);
    world.start(&[]);
    world.crashes("db");
    assert_eq!((world.phase("db"), world.count("spawn db")), (Phase::Ready, 2));
    world.crashes("db");
    assert_eq!(world.phase("db"), Phase::Backoff, "the second one waits: no busy loop");
}

// semantics case 1
#[test]
fn stragglers_are_killed_before_the_replacement() {
    let mut world = one(|db| db.restart.backoff.first = Duration::ZERO);
    world.start(&[]);
    world.hold("kill db").crashes("db");
    assert_eq!((world.count("kill db"), world.count("spawn db")), (1, 1));
    world.tree_empty("db");
    assert_eq!(world.count("spawn db"), 2);
}

// semantics cases 12 and 14
#[test]
fn an_event_of_another_run_changes_nothing() {
    let mut world = one(|_| {});
    world.start(&[]);
    world.event(Event::Exited { service: ServiceId(0), run: RunId(99), exit: Exit::Code(1) });
    assert_eq!((world.phase("db"), world.engine.stale_events()), (Phase::Ready, 1));
}

// semantics case 15
#[test]
fn a_start_that_cannot_work_goes_straight_to_the_longest_delay() {
    let mut world = one(|_| {});
    world.hold("spawn db");
    world.start(&[]);
    let event =
        Event::SpawnFailed { service: ServiceId(0), run: world.run("db"), failure: failure(FailureKind::Lasting) };
    world.event(event);
    assert_eq!(world.phase("db"), Phase::Backoff);
    world.millis(29_999);
    assert_eq!(world.count("spawn db"), 1);
    world.millis(7_501);
    assert_eq!(world.count("spawn db"), 2);
    assert!(world.has_record("phase", "No such file"));
}

// semantics case 16
#[test]
fn a_start_that_may_work_soon_is_tried_again_soon() {
    let mut world = one(|_| {});
    world.hold("spawn db").start(&[]);
    let event =
        Event::SpawnFailed { service: ServiceId(0), run: world.run("db"), failure: failure(FailureKind::Transient) };
    world.let_go("spawn db").event(event).millis(125);
    assert_eq!(world.phase("db"), Phase::Ready);
}

#[test]
fn a_permanent_failure_waits_for_a_person() {
    let mut world = one(|_| {});
    world.hold("prepare db").start(&[]);
    let event = Event::PrepareFailed { service: ServiceId(0), run: RunId(1), failure: failure(FailureKind::Permanent) };
    world.event(event);
    world.pass(Duration::from_secs(3600));
    assert_eq!((world.phase("db"), world.count("prepare db")), (Phase::Failed, 1));
    world.let_go("prepare db");
    world.start(&["db"]);
    assert_eq!(world.phase("db"), Phase::Ready);
}

// semantics case 17
#[test]
fn a_good_end_completes_under_on_failure_and_restarts_under_unless_stopped() {
    let mut world = one(|db| db.restart.policy = RestartPolicy::OnFailure);
    world.start(&[]);
    world.exits("db", Exit::Code(0));
    assert_eq!(world.phase("db"), Phase::Completed);
    let mut world = one(|_| {});
    world.start(&[]);
    world.exits("db", Exit::Code(0)).millis(125);
    assert_eq!((world.phase("db"), world.count("spawn db")), (Phase::Ready, 2));
}

// semantics case 18
#[test]
fn a_listed_exit_code_is_no_failure() {
    let mut world = one(|db| {
        db.restart.policy = RestartPolicy::OnFailure;
        db.restart.success_exit_codes = vec![0, 143];
    });
    world.start(&[]);
    world.exits("db", Exit::Code(143));
    assert_eq!(world.phase("db"), Phase::Completed);
}

/// The delay announced for the next start.
fn pause(world: &Scenario) -> u64 {
    let view = world.view("db");
    u64::try_from(view.next_start.unwrap().since(world.now).as_millis()).unwrap()
}

// semantics cases 19 and 20
#[test]
fn delays_double_up_to_the_cap_and_a_crash_loop_is_named() {
    let mut world = one(|_| {});
    world.start(&[]);
    let mut base = 100;
    for round in 0..12 {
        world.crashes("db");
        let delay = pause(&world);
        assert!((base..=base * 5 / 4 + 1).contains(&delay), "round {round}: {delay} ms for {base}");
        assert_eq!(world.view("db").crash_loop, round >= 4, "round {round}");
        base = (base * 2).min(30_000);
        world.millis(delay + 1);
        assert_eq!(world.phase("db"), Phase::Ready);
    }
    assert!(world.has_record("crash-loop", "5 ends within 60 s"));
    world.crashes("db");
    world.start(&["db"]);
    assert_eq!((world.phase("db"), world.view("db").crash_loop), (Phase::Ready, false));
    world.crashes("db");
    assert!(pause(&world) <= 125, "the counter is cleared");
}

// semantics case 19
#[test]
fn max_restarts_gives_up() {
    let mut world = one(|db| db.restart.max_restarts = Some(3));
    world.start(&[]);
    for _ in 0..4 {
        assert_eq!(world.phase("db"), Phase::Ready);
        world.crashes("db").millis(1_500);
    }
    assert_eq!((world.phase("db"), world.count("spawn db")), (Phase::Failed, 4));
    assert!(world.has_record("phase", "after 3 restarts"));
}

// semantics case 21
#[test]
fn stable_is_counted_from_ready() {
    let mut world = one(|_| {});
    world.start(&[]);
    for _ in 0..3 {
        world.crashes("db").millis(1_000);
    }
    assert_eq!(world.phase("db"), Phase::Ready);
    world.pass(Duration::from_secs(30)).crashes("db");
    assert!(pause(&world) <= 125);
    // Alive for long, but not ready: not stable.
    world.hold("probe db").millis(200);
    assert_eq!(world.phase("db"), Phase::Starting);
    world.pass(Duration::from_secs(40)).crashes("db");
    assert!(pause(&world) >= 200);
}

// semantics case 25
#[test]
fn a_late_probe_does_not_start_a_second_time() {
    let mut world = one(|_| {});
    world.hold("probe db").start(&[]);
    let run = world.run("db");
    world.crashes("db");
    world.probe("db", false);
    assert_eq!(world.phase("db"), Phase::Backoff);
    world.millis(130);
    assert_eq!(world.count("spawn db"), 2);
    assert_ne!(world.run("db"), run);
}

#[test]
fn liveness_restarts() {
    let mut world = one(|db| db.liveness = Some(file_probe()));
    world.start(&[]);
    world.hold("probe db");
    // No answer counts as a failure.
    world.pass(Duration::from_secs(55));
    assert!(world.has_record("liveness-failed", "(3 in a row)"));
    assert_eq!(world.count("spawn db"), 2);
}

#[test]
fn restart_on_unready_restarts_when_it_lasts() {
    let mut world = one(|db| db.readiness.restart_on_unready = Some(2));
    world.start(&[]);
    world.hold("probe db");
    for failures in 1..=4 {
        world.millis(11_500).probe("db", false);
        assert_eq!(world.count("signal db 15"), 0, "after {failures}");
    }
    world.millis(11_500).probe("db", false);
    assert_eq!(world.count("signal db 15"), 1);
}

#[test]
fn a_service_may_ask_for_its_restart() {
    let mut world = one(|_| {});
    world.start(&[]);
    world.notify("db", NotifyMessage::WatchdogTrigger).millis(200);
    assert_eq!(world.count("spawn db"), 2);
}

#[test]
fn a_restart_whose_spawn_fails_is_answered_with_the_reason() {
    let mut world = one(|_| {});
    world.start(&[]);
    world.hold("spawn db");
    let request = world.restart(&["db"]);
    let event =
        Event::SpawnFailed { service: ServiceId(0), run: world.run("db"), failure: failure(FailureKind::Lasting) };
    world.event(event);
    assert!(matches!(world.answer(request), Some(Outcome::Failed(text)) if text.contains("No such file")));
}

#[test]
fn a_failed_bootstrap_is_a_failed_start() {
    let mut world = one(|db| db.bootstrap.push(super::fixture::step()));
    world.hold("bootstrap db").start(&[]);
    let event = Event::BootstrapFailed {
        service: ServiceId(0),
        run: world.run("db"),
        failure: failure(FailureKind::Transient),
    };
    world.event(event);
    assert_eq!((world.phase("db"), world.count("signal db 15")), (Phase::Backoff, 1));
    assert!(world.has_record("phase", "bootstrap failed"));
}
