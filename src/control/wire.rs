//! What goes over the control socket, as JSON. Every answer carries `schema_version`. Fields are only ever added, so a
//! reader tolerates names it does not know; a request that is not known is refused by name.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::engine::snapshot::Blocker;
pub use crate::engine::{Desired, Exit, Failure, Outcome, Phase};

/// Changes only when an old reader would misunderstand.
pub const SCHEMA_VERSION: u32 = 1;

/// Any answer: the version beside its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer<T> {
    pub schema_version: u32,
    #[serde(flatten)]
    pub body: T,
}

impl<T> Answer<T> {
    pub fn new(body: T) -> Self {
        Self { schema_version: SCHEMA_VERSION, body }
    }
}

/// `GET /v1/stack`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    pub stack: String,
    pub mode: String,
    pub data_dir: PathBuf,
    /// Of reeve itself.
    pub version: String,
    pub pid: u32,
    pub started_at: Timestamp,
    pub answered_at: Timestamp,
    #[serde(default)]
    pub shutting_down: bool,
    #[serde(default)]
    pub mechanisms: Vec<String>,
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What has changed under reeve itself since its start, in words; only when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<String>,
    /// The service that asked, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    pub services: Vec<Service>,
}

/// Query of `GET /v1/stack`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackQuery {
    /// Also measure memory and processor time, which takes some milliseconds.
    #[serde(default)]
    pub usage: bool,
    /// Also look whether programs and files are still what they were.
    #[serde(default)]
    pub stale: bool,
}

/// `GET /v1/services/{name}`, and one element of a stack. Times are spans before the answer, in milliseconds, so that no
/// wall clock can bend them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    pub phase: Phase,
    pub desired: Desired,
    pub required: bool,
    #[serde(default)]
    pub oneshot: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How long it has been in this phase.
    pub phase_ms: u64,
    /// How long its process has been running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// How long until its next start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_start_ms: Option<u64>,
    #[serde(default)]
    pub restarts: u32,
    #[serde(default)]
    pub crash_loop: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<Exit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_failure: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<Blocker>,
    #[serde(default)]
    pub ports: BTreeMap<String, SocketAddr>,
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    /// Resident memory of all its processes; only when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processor time over the time its process has been running; only when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f32>,
    /// The program that it runs is not the one on the disk any more; only when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Stale>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<String>,
    /// What is to be said of its builds: that one runs, or that the last rebuild has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// What it may ask of this API: `read` or `manage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
}

/// What has become of a service's program under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    pub program: PathBuf,
    /// There is no such file any more: a restart would fail.
    pub gone: bool,
}

impl std::fmt::Display for Stale {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.gone { "is gone" } else { "was replaced" };
        write!(out, "{} {what} since its start", self.program.display())
    }
}

/// What a service waits for at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub service: String,
    /// As in the file: `ready`.
    pub condition: String,
    /// It cannot do without: a stop of the one stops the other.
    pub required: bool,
}

impl Service {
    /// Nothing more has to happen for it: it is ready, or it is over and done with as wished.
    pub fn is_settled(&self) -> bool {
        match self.phase {
            Phase::Ready | Phase::Completed => true,
            Phase::Stopped => self.desired != Desired::Running,
            Phase::Failed | Phase::Skipped => !self.required,
            _ => false,
        }
    }

    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Only a person can bring it on.
    pub fn has_failed(&self) -> bool {
        matches!(self.phase, Phase::Failed | Phase::Skipped | Phase::Stuck)
    }

    /// Why it is not ready, in a few words.
    pub fn reason(&self) -> Option<String> {
        if !self.blocked_by.is_empty() {
            let names = self.blocked_by.iter().map(|blocker| format!("{} {}", blocker.service, blocker.condition));
            return Some(format!("waits for {}", names.collect::<Vec<_>>().join(", ")));
        }
        match self.phase {
            Phase::Ready | Phase::Completed | Phase::Stopped => return None,
            Phase::Preparing if self.build.is_some() => return self.build.clone(),
            Phase::Starting | Phase::Unready => {
                if let Some(text) = self.probe_failure.clone().or_else(|| self.status_text.clone()) {
                    return Some(text);
                }
            }
            _ => {}
        }
        let failure = self.last_failure.as_ref().map(|failure| failure.message.clone());
        failure.or_else(|| self.last_exit.as_ref().map(ToString::to_string))
    }
}

/// `GET /v1/services/{name}/why`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    pub service: Service,
    /// From the service down to the cause, one sentence each.
    pub chain: Vec<String>,
    pub events: Vec<Event>,
    pub log: Vec<LogText>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogText {
    #[serde(rename = "time")]
    pub wall: Timestamp,
    pub stream: String,
    pub text: String,
}

/// One line of `GET /v1/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub sequence: u64,
    #[serde(rename = "time")]
    pub wall: Timestamp,
    /// Empty for the stack itself.
    #[serde(default)]
    pub service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Event {
    /// Whether its service is ready from here on, if the event tells.
    pub fn is_ready(&self) -> Option<bool> {
        self.phase.map(|phase| phase == Phase::Ready)
    }
}

/// A line of the event stream: either an event or the mark that some are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventLine {
    /// Events `from` to `to` are no longer kept: read the state anew.
    Resync {
        resync: Gap,
    },
    Event(Event),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: u64,
    pub to: u64,
}

/// Query of `GET /v1/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsQuery {
    /// First sequence number wanted; without it everything that is kept, or with `follow` what is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    #[serde(default)]
    pub follow: bool,
}

/// Query of `GET /v1/services/{name}/logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsQuery {
    /// The newest ones; 100 unless said, and no more than a few thousand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<usize>,
    /// Only those since then; not with `follow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Then every line that comes, one JSON object a line.
    #[serde(default)]
    pub follow: bool,
}

/// `GET /v1/services/{name}/logs`; with `follow`, a stream of [`LogText`] instead. Secrets of the stack are blotted out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logs {
    /// Oldest first.
    pub lines: Vec<LogText>,
    /// There are older ones.
    #[serde(default)]
    pub more: bool,
}

/// Body of `POST /v1/start`, `/v1/stop`, `/v1/restart`. An empty list is for `start` only: everything that starts by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesRequest {
    #[serde(default)]
    pub services: Vec<String>,
    /// Who asks, in words, when it is somebody else than who sends: kept in the event history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Body of `POST /v1/services/{name}/signal`: a name with or without `SIG`, or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalRequest {
    pub signal: String,
}

/// Body of `POST /v1/shutdown`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutdownRequest {
    /// Kill at once instead of stopping in order.
    #[serde(default)]
    pub now: bool,
}

/// The answer to every change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub outcome: Outcome,
    /// What a person should know of how it went: whose grace was over and who was killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub healthy: bool,
    /// What is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unready: Vec<String>,
}

/// Every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorAnswer {
    pub error: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub kind: ProblemKind,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    BadRequest,
    UnknownRequest,
    UnknownService,
    Forbidden,
    Busy,
    /// The supervisor is on its way out.
    Ending,
    /// A kind that a newer reeve knows.
    #[serde(other)]
    Other,
}

/// `HUP`, `SIGHUP`, `sighup` or `1`.
pub fn parse_signal(text: &str) -> Option<i32> {
    use nix::sys::signal::Signal;
    if let Ok(number) = text.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    name.parse::<Signal>().ok().map(|signal| signal as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        assert_eq!(["HUP", "SIGHUP", "sigterm", "10"].map(parse_signal), [Some(1), Some(1), Some(15), Some(10)]);
        assert_eq!(["", "NOPE", "0", "65"].map(parse_signal), [None; 4]);
    }
}
