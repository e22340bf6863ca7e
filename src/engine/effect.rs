//! Every output of the engine, as plain data. The supervisor does what they say and decides nothing.

use serde::{Deserialize, Serialize};

use super::snapshot::Record;
use super::{ProbeRole, RequestId, RunId};
use crate::spec::{ServiceId, StopScope};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Make, lock and (first time) initialise volumes; write files; check ports. Answer: `Prepared` or `PrepareFailed`.
    Prepare {
        service: ServiceId,
        run: RunId,
    },
    /// Answer: `Spawned` or `SpawnFailed`; then, whenever it happens, `Exited`.
    Spawn {
        service: ServiceId,
        run: RunId,
    },
    /// Run the probe once, bounded by its timeout. Answer: `ProbeDone` with the same sequence number.
    Probe {
        service: ServiceId,
        run: RunId,
        role: ProbeRole,
        sequence: u64,
    },
    /// Abandon the probe under way, if any; an answer may still come and is ignored.
    CancelProbe {
        service: ServiceId,
        run: RunId,
        role: ProbeRole,
    },
    /// Run the bootstrap steps that are not recorded as done. Answer: `BootstrapDone` or `BootstrapFailed`.
    Bootstrap {
        service: ServiceId,
        run: RunId,
    },
    /// Abandon the preparation, bootstrap or hook under way. Its answer still comes (done or failed).
    CancelWork {
        service: ServiceId,
        run: RunId,
    },
    /// Run the hook, bounded by its timeout. Answer: `HookDone`.
    Hook {
        service: ServiceId,
        run: RunId,
        hook: Hook,
    },
    /// No answer; a process that is gone by now is no error.
    Signal {
        service: ServiceId,
        run: RunId,
        signal: i32,
        scope: StopScope,
    },
    /// Report `TreeEmpty` as soon as no process of the run is left. Nothing is killed.
    WatchTree {
        service: ServiceId,
        run: RunId,
    },
    /// Kill every process of the run. Answer: `TreeEmpty` or `TreeStuck` (and `TreeEmpty` later, if it comes to that).
    KillTree {
        service: ServiceId,
        run: RunId,
    },
    /// Drain the pipes, give back lock, lease, cgroup. Answer: `Released`.
    Release {
        service: ServiceId,
        run: RunId,
    },
    /// Write the wishes of all services durably. Answer: `DesiredSaved` or `DesiredSaveFailed` with this token.
    SaveDesired {
        token: u64,
        stopped_by_hand: Vec<ServiceId>,
    },
    Reply {
        request: RequestId,
        outcome: Outcome,
    },
    /// For the event history and the log.
    Record(Record),
    /// After a shutdown: nothing is left (or the deadline has passed, with these still there).
    Finished {
        left: Vec<ServiceId>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    PreStop,
    PostStop,
}

/// The answer to a request.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done,
    /// It was so already.
    AlreadySo,
    Refused(Refusal),
    /// Taken, but did not come to its end, and why.
    Failed(String),
}

/// Why a request is not even tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("the stack is shutting down")]
    ShuttingDown,
    #[error("{service} does not run")]
    NotRunning { service: String },
    #[error("{service} cannot start: {reason}")]
    CannotStart { service: String, reason: String },
    #[error("a newer request replaced this one")]
    Superseded,
}
