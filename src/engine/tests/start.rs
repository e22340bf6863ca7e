//! Starts: order, conditions, readiness.

use std::time::Duration;

use super::fixture::{file_probe, needs, port, probe, service, stack, step};
use super::scenario::Scenario;
use crate::engine::{Desired, Event, Exit, NotifyMessage, Outcome, Phase};
use crate::spec::{Condition, OnDependencyFailure, ProbeAction, RestartPolicy, ServiceId, ServiceKind};

fn pair(condition: Condition) -> Vec<crate::spec::ServiceSpec> {
    let db = service(0, "db");
    let mut api = service(1, "api");
    api.depends_on.push(needs(0, condition));
    vec![db, api]
}

#[test]
fn a_dependent_waits_until_its_dependency_is_ready() {
    let mut world = Scenario::new(pair(Condition::Ready));
    world.hold("probe db").start(&[]);
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Starting, Phase::Waiting));
    assert_eq!(world.view("api").blocked_by[0].service, "db");
    assert_eq!(world.why("api")[0], "api waits for db to be ready");
    world.probe("db", true);
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Ready, Phase::Ready));
}

#[test]
fn started_needs_the_process_only() {
    let mut world = Scenario::new(pair(Condition::Started));
    world.hold("probe db").start(&[]);
    assert_eq!(world.phase("api"), Phase::Ready);
}

#[test]
fn bootstrap_comes_before_ready() {
    let mut services = pair(Condition::Ready);
    services[0].bootstrap.push(step());
    let mut world = Scenario::new(services);
    world.hold("bootstrap db").start(&[]);
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Bootstrapping, Phase::Waiting));
    let event = Event::BootstrapDone { service: ServiceId(0), run: world.run("db") };
    world.event(event);
    assert_eq!(world.phase("api"), Phase::Ready);
}

// semantics case 31
#[test]
fn a_chain_of_five_hundred_starts_and_stops_in_order() {
    let count = 500;
    let mut services = vec![service(0, "s0")];
    for index in 1..count {
        let mut next = service(index, &format!("s{index}"));
        next.depends_on.push(needs(index - 1, Condition::Ready));
        services.push(next);
    }
    let mut world = Scenario::new(services);
    world.start(&[]);
    assert_eq!(world.phase("s499"), Phase::Ready);
    assert!(world.at("spawn s10") < world.at("spawn s11"));
    world.command(crate::engine::Command::Shutdown { now: false });
    assert!(world.at("release s11") < world.at("signal s10 15"));
    assert_eq!(world.finished, [Vec::new()]);
}

// semantics cases 32 and 40
#[test]
fn a_start_by_name_pulls_dependencies_once_and_no_siblings() {
    let mut services =
        vec![service(0, "db"), service(1, "left"), service(2, "right"), service(3, "top"), service(4, "x")];
    services[1].depends_on.push(needs(0, Condition::Ready));
    services[2].depends_on.push(needs(0, Condition::Ready));
    services[3].depends_on.extend([needs(1, Condition::Ready), needs(2, Condition::Ready)]);
    services[4].depends_on.push(needs(0, Condition::Ready));
    let mut world = Scenario::new(services);
    world.start(&["top"]);
    assert_eq!(world.phase("top"), Phase::Ready);
    assert_eq!(world.count("spawn db"), 1);
    assert_eq!((world.phase("x"), world.view("x").desired), (Phase::Stopped, Desired::Off));
}

// semantics case 35
#[test]
fn an_optional_dependency_that_fails_does_not_hold_back() {
    let mut services = pair(Condition::Ready);
    services[0].restart.policy = RestartPolicy::No;
    services[1].depends_on[0].required = false;
    let mut world = Scenario::new(services);
    world.hold("probe db").start(&[]);
    assert_eq!(world.phase("api"), Phase::Waiting);
    world.crashes("db");
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Failed, Phase::Ready));
}

// semantics case 36
#[test]
fn a_dependent_of_a_failed_oneshot_is_skipped_until_it_ends_well() {
    let mut services = pair(Condition::CompletedSuccessfully);
    services[0].kind = ServiceKind::Oneshot;
    services[0].restart.policy = RestartPolicy::No;
    let mut world = Scenario::new(services);
    world.start(&[]);
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Starting, Phase::Waiting));
    world.crashes("db");
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Failed, Phase::Skipped));
    assert!(world.why("api").iter().any(|line| line.contains("exit code 1")), "{:?}", world.why("api"));
    world.start(&["db"]);
    world.exits("db", Exit::Code(0));
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Completed, Phase::Ready));
}

// semantics case 27
#[test]
fn what_dies_before_it_is_ready_keeps_its_dependents_back() {
    let mut services = pair(Condition::Ready);
    services[0].restart.policy = RestartPolicy::No;
    services[1].depends_on[0].on_failure = OnDependencyFailure::Skip;
    let mut world = Scenario::new(services);
    world.hold("probe db").start(&[]);
    world.crashes("db");
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Failed, Phase::Skipped));
    assert!(world.has_record("exit", "before it was ready (exit code 1)"));
    assert_eq!(world.count("spawn api"), 0);
}

// semantics cases 28 and 48
#[test]
fn failures_while_starting_are_shown_and_the_start_timeout_ends_it() {
    let mut world = Scenario::new(pair(Condition::Ready));
    world.hold("probe db").start(&[]);
    for _ in 0..20 {
        world.probe("db", false).millis(600);
    }
    assert_eq!(world.phase("db"), Phase::Starting);
    assert_eq!(world.view("db").probe_failure.as_deref(), Some("refused"));
    world.pass(Duration::from_secs(60));
    assert!(world.has_record("phase", "not ready within 60 s (last: the probe gave no answer"));
    assert!(world.count("spawn db") > 1, "tried again");
    assert_eq!(world.phase("api"), Phase::Waiting);
}

// semantics case 43
#[test]
fn ready_after_as_many_successes_in_a_row_as_asked() {
    let mut db = service(0, "db");
    db.readiness.successes = 3;
    let mut world = Scenario::new(vec![db]);
    world.hold("probe db").start(&[]);
    for ok in [true, true, false, true, true] {
        world.probe("db", ok).millis(500);
        assert_eq!(world.phase("db"), Phase::Starting);
    }
    world.probe("db", true);
    assert_eq!(world.phase("db"), Phase::Ready);
}

// semantics case 42
#[test]
fn only_failures_in_a_row_make_it_unready() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("probe db");
    for ok in [false, false, true, false, false] {
        world.millis(11_500).probe("db", ok);
        assert_eq!(world.phase("db"), Phase::Ready);
    }
    world.millis(11_500).probe("db", false);
    assert_eq!(world.phase("db"), Phase::Unready);
    world.millis(11_500).probe("db", true);
    assert_eq!(world.phase("db"), Phase::Unready, "two successes are needed to recover");
    world.millis(11_500).probe("db", true);
    assert_eq!(world.phase("db"), Phase::Ready);
    assert_eq!(world.count("spawn db"), 1, "readiness does not restart");
}

// semantics case 41
#[test]
fn a_probe_without_an_answer_counts_once_and_never_overlaps() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("probe db").millis(11_500);
    let asked = world.count("probe db");
    world.millis(4_000);
    assert_eq!(world.count("probe db"), asked, "one at a time");
    world.millis(1_200);
    assert!(world.has_record("probe-failed", "no answer within 3 s"));
    assert_eq!(world.count("cancel-probe db"), 1);
}

// semantics case 30
#[test]
fn a_sleeping_machine_makes_no_probe_fail() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("probe db").millis(11_500);
    let asked = world.count("probe db");
    world.now = world.now.after(Duration::from_secs(600));
    world.event(Event::Resumed { gap: Duration::from_secs(600) });
    world.probe("db", false);
    assert_eq!(world.count("probe db"), asked + 1, "asked again at once");
    assert!(!world.has_record("probe-failed", ""));
    assert_eq!(world.phase("db"), Phase::Ready);
}

#[test]
fn the_first_probe_comes_at_once_and_the_next_ones_quickly() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.hold("probe db").start(&[]);
    assert_eq!(world.count("probe db"), 1);
    world.probe("db", false).millis(20);
    assert_eq!(world.count("probe db"), 2);
    world.probe("db", false).millis(21);
    assert_eq!(world.count("probe db"), 2, "the pauses grow");
    world.millis(1);
    assert_eq!(world.count("probe db"), 3);
}

#[test]
fn delay_waits_and_asks_once_for_declared_ports() {
    let mut plain = service(0, "plain");
    plain.readiness = probe(ProbeAction::Delay { after: Duration::from_secs(1) });
    let mut listens = service(1, "listens");
    listens.readiness = plain.readiness.clone();
    listens.ports.push(port());
    let mut world = Scenario::new(vec![plain, listens]);
    world.start(&[]);
    world.millis(999);
    assert_eq!((world.phase("plain"), world.phase("listens")), (Phase::Starting, Phase::Starting));
    world.millis(1);
    assert_eq!((world.phase("plain"), world.phase("listens")), (Phase::Ready, Phase::Ready));
    world.pass(Duration::from_secs(60));
    assert_eq!((world.count("probe plain"), world.count("probe listens")), (0, 1));
}

#[test]
fn log_and_notify_are_never_probed() {
    let mut log = service(0, "log");
    log.readiness = probe(ProbeAction::Log { pattern: String::from("up") });
    let mut notify = service(1, "notify");
    notify.readiness = probe(ProbeAction::Notify);
    let mut world = Scenario::new(vec![log, notify]);
    world.start(&[]);
    world.notify("log", NotifyMessage::Ready);
    assert_eq!(world.phase("log"), Phase::Starting);
    let event = Event::LogMatched { service: ServiceId(0), run: world.run("log") };
    world.event(event);
    world.notify("notify", NotifyMessage::ExtendTimeout(Duration::from_secs(90)));
    world.pass(Duration::from_secs(80));
    assert_eq!(world.phase("notify"), Phase::Starting, "it asked for more time");
    world.notify("notify", NotifyMessage::Ready);
    assert_eq!((world.phase("log"), world.phase("notify")), (Phase::Ready, Phase::Ready));
    assert_eq!((world.count("probe log"), world.count("probe notify")), (0, 0));
}

#[test]
fn no_more_starts_at_once_than_parallel_starts() {
    let mut spec = stack((0..5).map(|index| service(index, &format!("s{index}"))).collect());
    spec.parallel_starts = Some(2);
    let mut world = Scenario::of(&spec, &[]);
    for index in 0..5 {
        world.hold(&format!("probe s{index}"));
    }
    world.start(&[]);
    assert_eq!((world.phase("s1"), world.phase("s2")), (Phase::Starting, Phase::Waiting));
    assert!(world.why("s2")[0].contains("parallel_starts"));
    world.probe("s0", true);
    assert_eq!((world.phase("s2"), world.phase("s3")), (Phase::Starting, Phase::Waiting));
}

// semantics cases 37, 38 and 65
#[test]
fn a_hand_stopped_dependency_keeps_its_dependents_waiting_and_says_so() {
    let mut world = Scenario::of(&stack(pair(Condition::Ready)), &[ServiceId(0)]);
    let request = world.start(&[]);
    assert_eq!(world.answer(request), Some(&Outcome::Done));
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Stopped, Phase::Waiting));
    assert_eq!(world.why("api"), ["api waits for db to be ready (db was stopped by hand)", "db was stopped by hand"]);
    world.start(&["api"]);
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Ready, Phase::Ready), "an explicit start pulls it in");
}

#[test]
fn a_gate_that_closes_during_the_preparation_stops_the_start() {
    let mut world = Scenario::new(pair(Condition::Ready));
    world.hold("prepare api").start(&[]);
    assert_eq!(world.phase("api"), Phase::Preparing);
    world.crashes("db");
    let run = crate::engine::RunId(2);
    world.event(Event::Prepared { service: ServiceId(1), run });
    assert_eq!(world.phase("api"), Phase::Waiting);
    assert_eq!(world.count("spawn api"), 0);
    world.let_go("prepare api").millis(200);
    assert_eq!(world.phase("api"), Phase::Ready);
}

#[test]
fn an_alternative_takes_the_place_of_what_does_not_run() {
    let mut db = service(0, "db");
    db.readiness = file_probe();
    let mut other = db.clone();
    other.kind = ServiceKind::Oneshot;
    let mut world = Scenario::new(vec![db]);
    world.engine.replace(&other).unwrap();
    world.start(&[]);
    assert_eq!(world.phase("db"), Phase::Starting);
    assert_eq!(world.engine.replace(&other), Err(Phase::Starting));
    world.exits("db", Exit::Code(0));
    assert_eq!(world.phase("db"), Phase::Completed);
}

#[test]
fn an_end_of_any_kind_is_enough_for_completed_whatever_on_failure_says() {
    let mut services = pair(Condition::Completed);
    services[0].kind = ServiceKind::Oneshot;
    services[0].restart.policy = RestartPolicy::No;
    services[1].depends_on[0].on_failure = OnDependencyFailure::Stop;
    let mut world = Scenario::new(services);
    world.start(&[]);
    world.crashes("db");
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Failed, Phase::Ready));
    assert_eq!(world.count("spawn api"), 1);
}
