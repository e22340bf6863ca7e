//! Stops, restarts by hand, shutdown.

use std::time::Duration;

use super::fixture::{needs, service, stack};
use super::scenario::Scenario;
use crate::engine::{Command, Desired, Event, Exit, Outcome, Phase, Refusal};
use crate::spec::service::HookSpec;
use crate::spec::{Condition, OnDependencyRestart, ServiceId};

fn pair() -> Vec<crate::spec::ServiceSpec> {
    let mut api = service(1, "api");
    api.depends_on.push(needs(0, Condition::Ready));
    vec![service(0, "db"), api]
}

fn hook() -> Option<HookSpec> {
    Some(HookSpec { command: Vec::new(), timeout: Duration::from_secs(1) })
}

// semantics cases 37 and 39
#[test]
fn dependents_are_stopped_before_what_they_require() {
    let mut world = Scenario::new(pair());
    world.start(&[]);
    world.hold("exit api");
    let request = world.stop(&["db"]);
    assert_eq!((world.phase("api"), world.phase("db")), (Phase::Stopping, Phase::Ready));
    assert_eq!(world.answer(request), None);
    world.exits("api", Exit::Code(0));
    assert_eq!((world.phase("api"), world.phase("db")), (Phase::Waiting, Phase::Stopped));
    assert_eq!(world.answer(request), Some(&Outcome::Done));
    assert_eq!(world.view("api").desired, Desired::Running);
    world.start(&["db"]);
    assert_eq!((world.phase("api"), world.phase("db")), (Phase::Ready, Phase::Ready));
}

// semantics case 39
#[test]
fn independent_branches_stop_in_parallel() {
    let mut services = vec![service(0, "db"), service(1, "left"), service(2, "right"), service(3, "other")];
    services[1].depends_on.push(needs(0, Condition::Ready));
    services[2].depends_on.push(needs(0, Condition::Ready));
    let mut world = Scenario::new(services);
    world.start(&[]);
    world.hold("exit left").hold("exit right").hold("exit other").hold("exit db");
    world.command(Command::Shutdown { now: false });
    for name in ["left", "right", "other"] {
        assert_eq!(world.phase(name), Phase::Stopping);
    }
    world.exits("left", Exit::Code(0));
    assert_eq!(world.phase("db"), Phase::Ready);
    world.exits("right", Exit::Code(0));
    assert_eq!(world.phase("db"), Phase::Stopping);
}

// semantics case 2
#[test]
fn what_does_not_obey_is_killed_at_the_deadline() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("exit db");
    let request = world.stop(&["db"]);
    world.millis(9_999);
    assert_eq!((world.count("kill db"), world.phase("db")), (0, Phase::Stopping));
    world.millis(1);
    assert_eq!((world.count("kill db"), world.phase("db")), (1, Phase::Stopped));
    assert!(world.has_record("killed", "did not stop within 10 s"));
    assert_eq!(world.answer(request), Some(&Outcome::Done));
}

// semantics cases 3 and 4
#[test]
fn children_of_a_leader_that_obeyed_get_two_seconds() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("watch db");
    let request = world.stop(&["db"]);
    world.millis(1_999);
    assert_eq!((world.count("kill db"), world.answer(request)), (0, None));
    world.millis(1);
    assert_eq!(world.count("kill db"), 1);
    assert_eq!(world.answer(request), Some(&Outcome::Done));
}

#[test]
fn hooks_run_before_the_signal_and_after_the_last_process() {
    let mut db = service(0, "db");
    (db.pre_stop, db.post_stop) = (hook(), hook());
    let mut world = Scenario::new(vec![db]);
    world.start(&[]);
    world.stop(&["db"]);
    let order = ["pre-stop db", "signal db 15", "watch db", "post-stop db", "release db"].map(|what| world.at(what));
    assert!(order.is_sorted(), "{:?}", world.done);
}

#[test]
fn a_stop_is_acknowledged_only_once_it_is_durable() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("save");
    let request = world.stop(&["db"]);
    assert!(world.at("save") < world.at("signal db 15"), "the save is issued first");
    assert_eq!((world.phase("db"), world.answer(request)), (Phase::Stopped, None));
    world.saved(None);
    assert_eq!(world.answer(request), Some(&Outcome::Done));
}

#[test]
fn a_stop_that_cannot_be_saved_stops_and_says_so() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("save");
    let request = world.stop(&["db"]);
    world.saved(Some("disk full"));
    assert_eq!(world.phase("db"), Phase::Stopped);
    let Some(Outcome::Failed(text)) = world.answer(request) else { panic!("{:?}", world.answer(request)) };
    assert!(text.contains("disk full") && text.contains("survive"), "{text}");
    let again = world.stop(&["db"]);
    world.saved(None);
    assert_eq!(world.answer(again), Some(&Outcome::Done), "the next one tries to save again");
    assert_eq!(world.count("save"), 2);
}

#[test]
fn a_stop_of_what_is_stopped_is_already_so() {
    let mut world = Scenario::of(&stack(vec![service(0, "db")]), &[ServiceId(0)]);
    let request = world.stop(&["db"]);
    assert_eq!(world.answer(request), Some(&Outcome::AlreadySo));
    let start = world.start(&["db"]);
    let again = world.start(&["db"]);
    assert_eq!((world.answer(start), world.answer(again)), (Some(&Outcome::Done), Some(&Outcome::AlreadySo)));
}

// semantics case 22
#[test]
fn a_stop_during_the_back_off_is_the_end_of_it() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.crashes("db");
    assert_eq!(world.phase("db"), Phase::Backoff);
    let request = world.stop(&["db"]);
    assert_eq!((world.phase("db"), world.answer(request)), (Phase::Stopped, Some(&Outcome::Done)));
    world.pass(Duration::from_secs(300));
    assert_eq!(world.count("spawn db"), 1);
}

// semantics case 26
#[test]
fn a_stop_while_a_restart_stops_cancels_it() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("exit db");
    let restart = world.restart(&["db"]);
    let stop = world.stop(&["db"]);
    assert_eq!(world.answer(restart), Some(&Outcome::Refused(Refusal::Superseded)));
    world.exits("db", Exit::Code(0));
    assert_eq!((world.phase("db"), world.answer(stop)), (Phase::Stopped, Some(&Outcome::Done)));
    assert_eq!(world.count("spawn db"), 1);
}

// semantics case 23
#[test]
fn a_restart_of_what_waits_is_one_start() {
    let mut world = Scenario::new(pair());
    world.hold("probe db").start(&[]);
    let request = world.restart(&["api"]);
    assert_eq!((world.phase("api"), world.answer(request)), (Phase::Waiting, None));
    world.probe("db", true);
    assert_eq!((world.count("spawn api"), world.answer(request)), (1, Some(&Outcome::Done)));
    assert_eq!(world.phase("api"), Phase::Ready);
}

// semantics case 24
#[test]
fn two_restarts_at_once_make_one_replacement_and_both_are_answered() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("exit db");
    let (one, two) = (world.restart(&["db"]), world.restart(&["db"]));
    world.exits("db", Exit::Code(0));
    assert_eq!((world.answer(one), world.answer(two)), (Some(&Outcome::Done), Some(&Outcome::Done)));
    assert_eq!((world.count("spawn db"), world.count("signal db 15")), (2, 1));
    assert_eq!(world.view("db").restarts, 0, "not an automatic one");
}

#[test]
fn a_restart_takes_along_the_dependents_that_say_so() {
    let mut services = pair();
    services[1].depends_on[0].on_restart = OnDependencyRestart::Restart;
    let mut also = service(2, "also");
    also.depends_on.push(needs(0, Condition::Ready));
    services.push(also);
    let mut world = Scenario::new(services);
    world.start(&[]);
    world.restart(&["db"]);
    assert_eq!((world.count("spawn db"), world.count("spawn api"), world.count("spawn also")), (2, 2, 1));
    assert!(world.at("release api") < world.at("signal db 15"), "{:?}", world.done);
    assert!(world.at("spawn db") < world.at("spawn api"));
}

#[test]
fn a_crash_takes_along_the_dependents_that_say_so() {
    let mut services = pair();
    services[1].depends_on[0].on_restart = OnDependencyRestart::Restart;
    let mut world = Scenario::new(services);
    world.start(&[]);
    world.crashes("db").millis(200);
    assert_eq!((world.count("spawn db"), world.count("spawn api")), (2, 2));
    assert_eq!(world.phase("api"), Phase::Ready);
}

#[test]
fn on_restart_stop_leaves_the_dependent_stopped() {
    let mut services = pair();
    services[1].depends_on[0].on_restart = OnDependencyRestart::Stop;
    let mut world = Scenario::new(services);
    world.start(&[]);
    world.restart(&["db"]);
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Ready, Phase::Stopped));
    assert_eq!(world.view("api").desired, Desired::Off);
}

#[test]
fn a_start_during_the_stop_starts_anew_and_supersedes_it() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("exit db");
    let stop = world.stop(&["db"]);
    let start = world.start(&["db"]);
    assert_eq!(world.answer(stop), Some(&Outcome::Refused(Refusal::Superseded)));
    assert_eq!(world.answer(start), Some(&Outcome::Done));
    world.exits("db", Exit::Code(0));
    assert_eq!((world.phase("db"), world.count("spawn db")), (Phase::Ready, 2));
}

#[test]
fn a_stop_while_spawning_waits_for_the_process_and_stops_it() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.hold("spawn db").start(&[]);
    let stop = world.stop(&["db"]);
    assert_eq!((world.phase("db"), world.answer(stop)), (Phase::Stopping, None));
    let event = Event::Spawned { service: ServiceId(0), run: world.run("db"), pid: 3 };
    world.event(event);
    assert_eq!((world.count("signal db 15"), world.answer(stop)), (1, Some(&Outcome::Done)));
}

#[test]
fn a_second_shutdown_kills_at_once() {
    let mut db = service(0, "db");
    db.pre_stop = hook();
    let mut world = Scenario::new(vec![db]);
    world.start(&[]);
    world.hold("pre-stop db").hold("cancel db");
    let first = world.command(Command::Shutdown { now: false });
    assert_eq!(world.count("kill db"), 0);
    let second = world.command(Command::Shutdown { now: false });
    assert_eq!((world.count("cancel db"), world.count("kill db")), (1, 1));
    let event = Event::HookDone { service: ServiceId(0), run: world.run("db"), failure: None };
    world.event(event);
    assert_eq!(world.finished, [Vec::new()]);
    assert_eq!((world.answer(first), world.answer(second)), (Some(&Outcome::Done), Some(&Outcome::Done)));
    let late = world.start(&["db"]);
    assert_eq!(world.answer(late), Some(&Outcome::Refused(Refusal::ShuttingDown)));
}

#[test]
fn a_shutdown_has_a_deadline_and_names_what_is_left() {
    let mut db = service(0, "db");
    db.stop.grace = Duration::from_secs(3600);
    let mut world = Scenario::new(vec![db]);
    world.start(&[]);
    world.hold("exit db").hold("kill db");
    let request = world.command(Command::Shutdown { now: false });
    world.pass(Duration::from_secs(179));
    assert_eq!(world.count("kill db"), 0);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.count("kill db"), 1);
    assert!(world.finished.is_empty());
    world.pass(Duration::from_secs(10));
    assert_eq!(world.finished, [vec![ServiceId(0)]]);
    assert!(matches!(world.answer(request), Some(Outcome::Failed(text)) if text.contains("db")));
}

#[test]
fn a_shutdown_leaves_the_wishes_alone() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.command(Command::Shutdown { now: false });
    assert_eq!((world.view("db").desired, world.count("save")), (Desired::Running, 0));
}

#[test]
fn nothing_is_started_on_what_is_stuck() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    world.start(&[]);
    world.hold("exit db").hold("kill db");
    let restart = world.restart(&["db"]);
    world.pass(Duration::from_secs(10));
    let run = world.run("db");
    let detail = String::from("waits for the disk");
    world.event(Event::TreeStuck { service: ServiceId(0), run, pids: vec![42], detail });
    assert_eq!(world.phase("db"), Phase::Stuck);
    assert!(matches!(world.answer(restart), Some(Outcome::Failed(text)) if text.contains("42")));
    world.pass(Duration::from_secs(600));
    assert_eq!(world.count("spawn db"), 1);
    world.tree_empty("db");
    assert_eq!((world.phase("db"), world.count("spawn db")), (Phase::Ready, 2));
}

#[test]
fn a_signal_goes_to_what_runs_only() {
    let mut world = Scenario::new(vec![service(0, "db")]);
    let refused = world.command(Command::Signal { service: ServiceId(0), signal: 10 });
    assert!(matches!(world.answer(refused), Some(Outcome::Refused(Refusal::NotRunning { .. }))));
    world.start(&[]);
    let sent = world.command(Command::Signal { service: ServiceId(0), signal: 10 });
    assert_eq!((world.answer(sent), world.count("signal db 10")), (Some(&Outcome::Done), 1));
}

#[test]
fn a_stop_while_preparing_spawns_nothing_though_dependents_still_stop() {
    let mut world = Scenario::new(pair());
    world.start(&[]);
    world.hold("prepare db").hold("exit api");
    world.crashes("db").millis(200);
    assert_eq!((world.phase("db"), world.phase("api")), (Phase::Preparing, Phase::Ready));
    world.stop(&["db"]);
    world.event(Event::Prepared { service: ServiceId(0), run: crate::engine::RunId(3) });
    assert_eq!((world.phase("db"), world.count("spawn db")), (Phase::Stopped, 1));
}
