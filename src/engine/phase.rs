//! Where a service is, and where its operator wants it.

use serde::{Deserialize, Serialize};

/// What is wanted of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Desired {
    /// Not asked for (never started, or `autostart = false`).
    Off,
    Running,
    /// Stopped by hand: stays so across restarts of reeve and reboots.
    StoppedByHand,
}

/// Where a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No process, none wanted.
    Stopped,
    /// Wanted, but its dependencies do not hold yet.
    Waiting,
    /// Volumes, files and ports are being made ready.
    Preparing,
    /// Spawned, not ready yet.
    Starting,
    /// Its probe holds, bootstrap steps run.
    Bootstrapping,
    Ready,
    /// Runs, was ready, its readiness probe fails.
    Unready,
    /// Being stopped, or its tree being cleared after its leader ended.
    Stopping,
    /// Ended, waiting for its next start.
    Backoff,
    /// A one-shot (or `on-failure` service) that ended well.
    Completed,
    /// Ended for good, or could not be started; only a person can change that.
    Failed,
    /// Not started because a dependency failed or completed badly.
    Skipped,
    /// Processes are left that cannot be killed; nothing is started on its data.
    Stuck,
}

impl Phase {
    /// Edges of the picture: may a service go from `self` to `to`?
    pub fn may_become(self, to: Phase) -> bool {
        use Phase::{
            Backoff, Bootstrapping, Completed, Failed, Preparing, Ready, Skipped, Starting, Stopped, Stopping, Stuck,
            Unready, Waiting,
        };
        match self {
            // At rest => (asked for | asked off)
            Stopped | Completed | Failed => matches!(to, Stopped | Waiting | Preparing | Skipped),
            Waiting | Skipped => matches!(to, Stopped | Waiting | Preparing | Skipped),
            Backoff => matches!(to, Stopped | Waiting | Preparing | Skipped),
            // Preparing => (spawned | stopped or failed)
            Preparing => matches!(to, Starting | Stopping),
            // Starting => (its probe holds | ended or being stopped)
            Starting => matches!(to, Bootstrapping | Ready | Stopping),
            Bootstrapping => matches!(to, Ready | Stopping),
            Ready => matches!(to, Unready | Stopping),
            Unready => matches!(to, Ready | Stopping),
            // Stopping => (the run is over | something survived the kill)
            Stopping => {
                matches!(to, Stopped | Waiting | Preparing | Backoff | Completed | Failed | Skipped | Stuck)
            }
            Stuck => matches!(to, Stopping),
        }
    }

    /// A run exists in this phase, and only in these.
    pub fn has_run(self) -> bool {
        use Phase::{Bootstrapping, Preparing, Ready, Starting, Stopping, Stuck, Unready};
        matches!(self, Preparing | Starting | Bootstrapping | Ready | Unready | Stopping | Stuck)
    }

    /// Its process runs and nobody has asked for its end.
    pub fn is_up(self) -> bool {
        matches!(self, Phase::Starting | Phase::Bootstrapping | Phase::Ready | Phase::Unready)
    }

    /// As it is written in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Stopped => "stopped",
            Phase::Waiting => "waiting",
            Phase::Preparing => "preparing",
            Phase::Starting => "starting",
            Phase::Bootstrapping => "bootstrapping",
            Phase::Ready => "ready",
            Phase::Unready => "unready",
            Phase::Stopping => "stopping",
            Phase::Backoff => "backoff",
            Phase::Completed => "completed",
            Phase::Failed => "failed",
            Phase::Skipped => "skipped",
            Phase::Stuck => "stuck",
        }
    }
}
