//! The stack as this API shows it: pure, from what reeve tells to what an administrator reads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::wire::{self, Desired, Phase};

/// The stack and its services.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemStack {
    pub name: String,
    pub mode: String,
    /// Of reeve.
    pub version: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// How the processes of a service are held together: `cgroup v2`, `subreaper`.
    pub mechanisms: Vec<String>,
    /// Promises that cannot be kept on this machine, in words.
    pub warnings: Vec<String>,
    pub shutting_down: bool,
    pub services: Vec<SystemService>,
}

/// One service.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemService {
    pub name: String,
    pub description: Option<String>,
    /// One word: `ready`, `starting`, `backoff`, …
    pub phase: String,
    /// The phase in plain words.
    pub state: String,
    /// Why it is not ready, in a few words.
    pub reason: Option<String>,
    pub ready: bool,
    /// The stack counts as up only when it is ready.
    pub required: bool,
    pub oneshot: bool,
    /// It was stopped by hand, and stays so until it is started.
    pub stopped_by_hand: bool,
    /// It has failed too often within too short a time.
    pub crash_loop: bool,
    /// In this phase since then.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Its process runs since then.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Its next start, while it waits for one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_start_at: Option<Timestamp>,
    /// Automatic ones since the last start by hand.
    pub restarts: u32,
    pub last_exit: Option<String>,
    pub last_failure: Option<String>,
    pub pid: Option<u32>,
    /// Resident memory of all its processes.
    pub memory_bytes: Option<u64>,
    /// Processor time over the time that its process has been running.
    pub cpu_percent: Option<f32>,
    /// Name → address that it listens on.
    pub ports: BTreeMap<String, String>,
    /// Label → what people open or connect to.
    pub addresses: BTreeMap<String, String>,
    pub waits_for: Vec<SystemDependency>,
    /// How its limits are enforced, where it has some.
    pub limits: Option<String>,
    /// The program that runs in its place.
    pub alternative: Option<String>,
    /// Stopping it cuts whoever asks here off, so that needs `force`.
    pub stop_needs_force: bool,
    /// The same of a restart.
    pub restart_needs_force: bool,
}

/// What a service waits for at its start.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemDependency {
    pub service: String,
    /// `ready`, `started`, …
    pub condition: String,
    /// It cannot do without.
    pub required: bool,
    /// It is held back by it now.
    pub missing: bool,
}

/// One service, why it is where it is, and what happened lately.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemServiceDetails {
    pub service: SystemService,
    /// From the service down to the cause, one sentence each.
    pub why: Vec<String>,
    /// Oldest first; of what it waits for as well.
    pub events: Vec<SystemEvent>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemEvent {
    /// Counts from the start of reeve.
    pub sequence: u64,
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Empty for the stack itself.
    pub service: String,
    /// `phase`, `exit`, `asked`, …
    pub kind: String,
    pub phase: Option<String>,
    pub message: String,
    pub cause: Option<String>,
}

/// Lines of a log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemLog {
    /// Oldest first.
    pub lines: Vec<SystemLogLine>,
    /// There are older ones.
    pub more: bool,
}

/// One line; secrets of the stack are blotted out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemLogLine {
    /// When reeve read it.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// `stdout`, `stderr`, or `reeve` for what reeve says itself.
    pub stream: String,
    pub text: String,
}

impl From<wire::Stack> for SystemStack {
    fn from(stack: wire::Stack) -> Self {
        let vital = Vital::of(&stack.services);
        let services = stack.services.into_iter().map(|service| shown(service, stack.answered_at, &vital)).collect();
        Self {
            name: stack.stack,
            mode: stack.mode,
            version: stack.version,
            started_at: stack.started_at,
            mechanisms: stack.mechanisms,
            warnings: stack.warnings,
            shutting_down: stack.shutting_down,
            services,
        }
    }
}

/// The services by which an administrator is connected: those that speak with reeve (this backend, the proxy), and
/// whatever these cannot do without.
#[derive(Debug, Default)]
pub struct Vital {
    carriers: BTreeSet<String>,
    needed: BTreeSet<String>,
}

impl Vital {
    pub fn of(services: &[wire::Service]) -> Self {
        let carriers = services.iter().filter(|service| service.control.is_some()).map(|service| service.name.clone());
        let carriers = carriers.collect::<BTreeSet<_>>();
        let mut needed = carriers.clone();
        let mut open = carriers.iter().cloned().collect::<Vec<_>>();
        while let Some(name) = open.pop() {
            let service = services.iter().find(|service| service.name == name);
            let required = service.into_iter().flat_map(|service| &service.depends_on).filter(|on| on.required);
            for on in required {
                if needed.insert(on.service.clone()) {
                    open.push(on.service.clone());
                }
            }
        }
        Self { carriers, needed }
    }

    /// Whether its stop stops one of them: dependents go before what they depend on.
    pub fn for_stop(&self, service: &str) -> bool {
        self.needed.contains(service)
    }

    pub fn for_restart(&self, service: &str) -> bool {
        self.carriers.contains(service)
    }
}

fn shown(service: wire::Service, now: Timestamp, vital: &Vital) -> SystemService {
    let before = |ms: u64| now.checked_sub(Duration::from_millis(ms)).unwrap_or(now);
    let missing = |name: &str| service.blocked_by.iter().any(|blocker| blocker.service == name);
    let waits_for = service.depends_on.iter().map(|on| SystemDependency {
        missing: missing(&on.service),
        service: on.service.clone(),
        condition: on.condition.clone(),
        required: on.required,
    });
    SystemService {
        phase: service.phase.as_str().to_owned(),
        state: words(&service).to_owned(),
        reason: service.reason(),
        ready: service.is_ready(),
        stopped_by_hand: service.desired == Desired::StoppedByHand,
        since: before(service.phase_ms),
        started_at: service.uptime_ms.map(before),
        next_start_at: service.next_start_ms.and_then(|ms| now.checked_add(Duration::from_millis(ms)).ok()),
        last_exit: service.last_exit.as_ref().map(ToString::to_string),
        last_failure: service.last_failure.as_ref().map(|failure| failure.message.clone()),
        ports: service.ports.iter().map(|(name, address)| (name.clone(), address.to_string())).collect(),
        waits_for: waits_for.collect(),
        stop_needs_force: vital.for_stop(&service.name),
        restart_needs_force: vital.for_restart(&service.name),
        name: service.name,
        description: service.description,
        required: service.required,
        oneshot: service.oneshot,
        crash_loop: service.crash_loop,
        restarts: service.restarts,
        pid: service.pid,
        memory_bytes: service.memory_bytes,
        cpu_percent: service.cpu_percent,
        addresses: service.addresses,
        limits: service.limits,
        alternative: service.alternative,
    }
}

fn words(service: &wire::Service) -> &'static str {
    match service.phase {
        Phase::Stopped if service.desired == Desired::StoppedByHand => "stopped by hand",
        Phase::Stopped => "not running",
        Phase::Waiting => "waits for what it needs",
        Phase::Preparing => "is being prepared",
        Phase::Starting => "has been started, not ready yet",
        Phase::Bootstrapping => "runs, is being set up",
        Phase::Ready => "ready",
        Phase::Unready => "runs, but does not answer as it should",
        Phase::Stopping => "is being stopped",
        Phase::Backoff => "has ended, will be started again",
        Phase::Completed => "has done its work",
        Phase::Failed => "has failed",
        Phase::Skipped => "left out: something that it needs has failed",
        Phase::Stuck => "has processes that cannot be ended",
    }
}

impl SystemServiceDetails {
    pub fn among(why: wire::Why, vital: &Vital, now: Timestamp) -> Self {
        Self {
            service: shown(why.service, now, vital),
            why: why.chain,
            events: why.events.into_iter().map(SystemEvent::from).collect(),
        }
    }
}

impl From<wire::Event> for SystemEvent {
    fn from(event: wire::Event) -> Self {
        Self {
            sequence: event.sequence,
            time: event.wall,
            service: event.service,
            kind: event.kind,
            phase: event.phase.map(|phase| phase.as_str().to_owned()),
            message: event.message,
            cause: event.cause,
        }
    }
}

impl From<wire::LogText> for SystemLogLine {
    fn from(line: wire::LogText) -> Self {
        Self { time: line.wall, stream: line.stream, text: line.text }
    }
}

impl From<wire::Logs> for SystemLog {
    fn from(logs: wire::Logs) -> Self {
        Self { lines: logs.lines.into_iter().map(SystemLogLine::from).collect(), more: logs.more }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(name: &str, phase: &str, more: serde_json::Value) -> wire::Service {
        let mut service =
            json!({ "name": name, "phase": phase, "desired": "running", "required": true, "phase_ms": 2000 });
        service.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(service).unwrap()
    }

    fn needs(names: &[&str], required: bool) -> serde_json::Value {
        names.iter().map(|name| json!({ "service": name, "condition": "ready", "required": required })).collect()
    }

    #[test]
    fn what_carries_the_answer_is_stopped_only_by_force() {
        let services = [
            service("db", "ready", json!({})),
            service("disk", "ready", json!({})),
            service("flows", "ready", json!({ "depends_on": needs(&["disk"], true) })),
            service("backend", "ready", json!({ "control": "manage", "depends_on": needs(&["db"], true) })),
            service("proxy", "ready", json!({ "control": "read", "depends_on": needs(&["backend"], true) })),
            service("other", "ready", json!({ "depends_on": needs(&["backend"], true) })),
        ];
        let vital = Vital::of(&services);
        let asks =
            |names: &[&str]| names.iter().map(|it| (vital.for_stop(it), vital.for_restart(it))).collect::<Vec<_>>();
        assert_eq!(asks(&["backend", "proxy"]), [(true, true); 2]);
        // Without the database the backend is stopped; after its restart it goes on.
        assert_eq!(asks(&["db"]), [(true, false)]);
        assert_eq!(asks(&["disk", "flows", "other", "nothing"]), [(false, false); 4]);
    }

    #[test]
    fn a_wish_that_only_orders_stops_nothing() {
        let services = [
            service("flows", "ready", json!({})),
            service("backend", "ready", json!({ "control": "manage", "depends_on": needs(&["flows"], false) })),
        ];
        assert!(!Vital::of(&services).for_stop("flows"));
    }

    #[test]
    fn times_are_moments_and_causes_words() {
        let now = "2026-01-31T12:00:00Z".parse::<Timestamp>().unwrap();
        let more = json!({
            "next_start_ms": 1500, "restarts": 3, "crash_loop": true, "last_exit": { "code": 7 },
            "depends_on": needs(&["db"], true), "blocked_by": [{ "service": "db", "condition": "ready", "phase": "failed" }],
        });
        let shown = serde_json::to_value(shown(service("x", "backoff", more), now, &Vital::default())).unwrap();
        assert_eq!(shown["since"], "2026-01-31T11:59:58Z");
        assert_eq!(shown["nextStartAt"], "2026-01-31T12:00:01.5Z");
        assert_eq!(shown["state"], "has ended, will be started again");
        assert_eq!(shown["lastExit"], "exit code 7");
        assert_eq!(shown["waitsFor"][0]["missing"], true);
        assert_eq!(shown["startedAt"], serde_json::Value::Null);
    }
}
