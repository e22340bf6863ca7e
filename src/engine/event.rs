//! Every input of the engine, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RunId;
use crate::spec::ServiceId;

/// A request that wants an answer; chosen by the caller, answered by exactly one [`super::Effect::Reply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Wanted from now on, with everything it requires; empty: every `autostart` service that was not stopped by hand.
    /// Naming services clears their hand-stopped mark. Answered once the wish is durable, not when they are ready.
    Start { services: Vec<ServiceId> },
    /// Not wanted any more (durable), and dependents that require it are stopped before it. Answered when it is stopped.
    Stop { services: Vec<ServiceId> },
    /// Stopped and started again, dependents as their `on_restart` says. Answered when the new run has been spawned.
    Restart { services: Vec<ServiceId> },
    /// The signal goes to the leader. Answered when sent.
    Signal { service: ServiceId, signal: i32 },
    /// Everything is stopped in order, the wishes stay as they are. A second one, or `now`, kills every tree at once.
    Shutdown { now: bool },
}

/// Anything that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Command {
        request: RequestId,
        command: Command,
    },
    /// Volumes, files, ports and parts are there: it can be spawned.
    Prepared {
        service: ServiceId,
        run: RunId,
    },
    PrepareFailed {
        service: ServiceId,
        run: RunId,
        failure: Failure,
    },
    Spawned {
        service: ServiceId,
        run: RunId,
        pid: u32,
    },
    SpawnFailed {
        service: ServiceId,
        run: RunId,
        failure: Failure,
    },
    /// The leader has ended. Its tree may still hold others.
    Exited {
        service: ServiceId,
        run: RunId,
        exit: Exit,
    },
    /// No process of the run is left.
    TreeEmpty {
        service: ServiceId,
        run: RunId,
    },
    /// Processes survived the kill for longer than the supervisor's bound (uninterruptible sleep).
    TreeStuck {
        service: ServiceId,
        run: RunId,
        pids: Vec<u32>,
        detail: String,
    },
    /// Lock, lease, cgroup, pipes and ports of the run are given back.
    Released {
        service: ServiceId,
        run: RunId,
    },
    ProbeDone {
        service: ServiceId,
        run: RunId,
        role: ProbeRole,
        sequence: u64,
        outcome: ProbeOutcome,
    },
    /// A line of output matched the log probe.
    LogMatched {
        service: ServiceId,
        run: RunId,
    },
    Notified {
        service: ServiceId,
        run: RunId,
        message: NotifyMessage,
    },
    BootstrapDone {
        service: ServiceId,
        run: RunId,
    },
    BootstrapFailed {
        service: ServiceId,
        run: RunId,
        failure: Failure,
    },
    /// `pre_stop` or `post_stop` has ended, well or not (bounded by its own timeout).
    HookDone {
        service: ServiceId,
        run: RunId,
        failure: Option<Failure>,
    },
    /// The wishes of this token are on disk.
    DesiredSaved {
        token: u64,
    },
    DesiredSaveFailed {
        token: u64,
        reason: String,
    },
    /// The machine slept, or we were not scheduled, for this long: probe results now in flight are worth nothing.
    Resumed {
        gap: Duration,
    },
    /// Nothing but that `next_deadline` has passed.
    Tick,
}

/// How a leader ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    Code(i32),
    Signal { signal: i32, core_dumped: bool },
}

impl std::fmt::Display for Exit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(out, "exit code {code}"),
            Exit::Signal { signal, core_dumped } => {
                match nix::sys::signal::Signal::try_from(*signal) {
                    Ok(name) => write!(out, "killed by {name}")?,
                    Err(_) => write!(out, "killed by signal {signal}")?,
                }
                if *core_dumped { out.write_str(" (core dumped)") } else { Ok(()) }
            }
        }
    }
}

/// Why something could not be done, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// What happened and where: `cannot run /x/y: No such file or directory`.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Trying again soon may help (EAGAIN, EMFILE, a port in use).
    Transient,
    /// Trying again quickly cannot help (no such file, no such user): straight to the longest delay.
    Lasting,
    /// Must not be tried again without a person (data of another version, volume locked by another stack).
    Permanent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeRole {
    Readiness,
    Liveness,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOutcome {
    Success,
    /// The reason, at most 4 KiB.
    Failure(String),
}

/// What a service says on its notify socket, one field of a datagram each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotifyMessage {
    Ready,
    Status(String),
    Reloading,
    Stopping,
    /// `WATCHDOG=1`.
    Watchdog,
    /// `WATCHDOG=trigger`.
    WatchdogTrigger,
    /// `EXTEND_TIMEOUT_USEC`.
    ExtendTimeout(Duration),
}
