//! One service: desired × phase × run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::effect::Hook;
use super::event::{Exit, Failure};
use super::policy::Policy;
use super::{Desired, Phase, RunId, Tick};
use crate::spec::ServiceId;

#[derive(Debug)]
pub(super) struct Service {
    pub id: ServiceId,
    pub policy: Arc<Policy>,
    pub desired: Desired,
    pub phase: Phase,
    pub since: Tick,
    pub run: Option<Run>,
    /// Unstable ends in a row: the step of the back-off.
    pub attempts: u32,
    /// When the latest unstable ends were, at most as many as make a crash loop.
    pub failures: VecDeque<Tick>,
    pub crash_loop: bool,
    pub restarts: u32,
    pub last_exit: Option<Exit>,
    pub last_failure: Option<Failure>,
    pub probe_failure: Option<String>,
    pub status_text: Option<String>,
    /// Its last run came to an end by itself.
    pub ended: bool,
    /// It must not run: not wanted, or something it requires is not.
    pub withdrawn: bool,
    /// Counts towards `parallel_starts`.
    pub slot: bool,
    /// Could start, but for `parallel_starts`.
    pub wants_slot: bool,
    /// Its share of the phase spread of probes, in thousandths of the period.
    pub spread: i32,
}

/// What is going on outside for this run; at most one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Prepare,
    Bootstrap,
    Hook(Hook),
}

/// Where a run is; finer than the phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Preparing,
    Spawning,
    /// The leader runs.
    Up,
    /// Before the stop signal: the hook, or the end of a bootstrap.
    PreStop,
    /// The stop signal was sent.
    Signalled,
    /// The leader is gone, its children have a little time left.
    Emptying,
    /// The tree was killed.
    Killing,
    /// The kill left something.
    Stuck,
    /// No process is left: the hook after the stop.
    Empty,
    /// Locks and leases are given back.
    Releasing,
}

/// Why a run is ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopCause {
    Shutdown,
    Command,
    Restart,
    /// A dependency is restarted, and the edge says `on_restart = restart`.
    DependencyRestart(ServiceId),
    /// Something it requires is not wanted any more.
    Dependency(ServiceId),
    /// A dependency has failed, and the edge says `on_failure = stop`.
    DependencyFailed(ServiceId),
    /// It did not get ready or does not live.
    Failure,
}

/// How a run came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    ByUs,
    Exit(Exit),
    Failure(Failure),
}

#[derive(Debug, Default)]
pub(super) struct Prober {
    pub sequence: u64,
    pub in_flight: bool,
    /// The answer under way is worth nothing.
    pub discard: bool,
    pub failures: u32,
    pub successes: u32,
    /// Pause after the next failed probe while starting.
    pub pause: Duration,
}

#[derive(Debug)]
pub(super) struct Run {
    pub id: RunId,
    pub stage: Stage,
    pub pid: Option<u32>,
    pub spawned_at: Option<Tick>,
    pub leader_gone: bool,
    pub work: Option<Work>,
    pub work_cancelled: bool,
    /// Asked to be replaced.
    pub replace: Option<StopCause>,
    /// Set once the stop has begun; there is no way back.
    pub stop: Option<StopCause>,
    pub ending: Option<Ending>,
    pub ready: bool,
    pub log_matched: bool,
    pub hooked: bool,
    pub grace_ends: Tick,
    pub probes: [Prober; 2],
}

impl Run {
    pub(super) fn new(id: RunId) -> Self {
        Self {
            id,
            stage: Stage::Preparing,
            pid: None,
            spawned_at: None,
            leader_gone: false,
            work: None,
            work_cancelled: false,
            replace: None,
            stop: None,
            ending: None,
            ready: false,
            log_matched: false,
            hooked: false,
            grace_ends: Tick(0),
            probes: Default::default(),
        }
    }

    /// Its end has begun: by us or by itself.
    pub(super) fn is_ending(&self) -> bool {
        self.stop.is_some() || self.ending.is_some()
    }
}

impl Service {
    pub(super) fn new(id: ServiceId, policy: Policy, desired: Desired, now: Tick, spread: i32) -> Self {
        Self {
            id,
            policy: Arc::new(policy),
            desired,
            phase: Phase::Stopped,
            since: now,
            run: None,
            attempts: 0,
            failures: VecDeque::new(),
            crash_loop: false,
            restarts: 0,
            last_exit: None,
            last_failure: None,
            probe_failure: None,
            status_text: None,
            ended: false,
            withdrawn: desired != Desired::Running,
            slot: false,
            wants_slot: false,
            spread,
        }
    }

    /// Its run goes on, as far as it is for us to say.
    pub(super) fn stays(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.is_ending() && run.replace.is_none())
    }

    /// A manual action, or another definition: the back-off begins anew.
    pub(super) fn forget_failures(&mut self) {
        self.attempts = 0;
        self.failures.clear();
        self.crash_loop = false;
    }
}
