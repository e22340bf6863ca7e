//! The engine's state as others may see it. Serialised in the control API: only add fields, never rename or remove.

use serde::{Deserialize, Serialize};

use super::event::{Exit, Failure};
use super::{Desired, Phase, RunId, Tick};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub services: Vec<ServiceSnapshot>,
    /// A shutdown is under way.
    pub shutting_down: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSnapshot {
    pub name: String,
    pub phase: Phase,
    pub desired: Desired,
    pub run: Option<RunId>,
    pub pid: Option<u32>,
    /// Since when it is in this phase.
    pub since: Tick,
    /// Since when its process runs.
    pub spawned_at: Option<Tick>,
    /// When the next start is due (in back-off).
    pub next_start: Option<Tick>,
    /// Automatic restarts since its last manual start.
    pub restarts: u32,
    pub crash_loop: bool,
    pub last_exit: Option<Exit>,
    pub last_failure: Option<Failure>,
    /// Last readiness failure while not ready.
    pub probe_failure: Option<String>,
    /// `STATUS=` of the service itself.
    pub status_text: Option<String>,
    /// Why it waits, was skipped or keeps being stopped: `waits for postgres to be ready`.
    pub blocked_by: Vec<Blocker>,
    pub required: bool,
    pub oneshot: bool,
}

/// A dependency that holds a service back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    pub service: String,
    /// The condition that does not hold, as in the file: `ready`.
    pub condition: String,
    pub phase: Phase,
}

/// Something worth telling: a line of the event history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Empty for the stack itself.
    pub service: String,
    pub run: Option<RunId>,
    /// Machine-readable, stable: `phase`, `exit`, `probe-failed`, `backoff`, `crash-loop`, `killed`, `notify`, `request`, `save-failed`, …
    pub kind: String,
    pub phase: Option<Phase>,
    /// Reads well alone: `postgres ended (killed by SIGKILL)`.
    pub message: String,
    /// The service or request that made it happen.
    pub cause: Option<String>,
}

/// One link of the chain of reasons why a service is where it is: the service itself first, then what holds it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// 0 for the service that was asked about, 1 for what it waits for, and so on.
    pub depth: u32,
    pub service: String,
    pub phase: Phase,
    pub desired: Desired,
    /// Reads well alone: `nats ended (exit code 1), starts again in 2.1 s; in a crash loop`.
    pub message: String,
    /// The condition that its dependent waits for; none for the service that was asked about.
    pub condition: Option<String>,
    pub last_exit: Option<Exit>,
    pub last_failure: Option<Failure>,
    pub probe_failure: Option<String>,
}
