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
