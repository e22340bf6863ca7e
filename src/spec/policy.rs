//! Restart, back-off and stop policies.

use std::time::Duration;

use serde::Serialize;

/// When a service that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never; the end of the process is the end of the service.
    No,
    /// Only after a failure (a non-zero exit that is not in `success_exit_codes`, or a signal).
    OnFailure,
    /// After every end, until an operator stops it; the stop is remembered across reboots.
    UnlessStopped,
}

/// Growth of the delay before a restart. The jitter is drawn by the engine from its seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackoffSpec {
    /// Delay before the first restart; 100 ms unless set.
    pub first: Duration,
    /// Factor in percent by which every further delay grows; 200 unless set.
    pub factor_percent: u32,
    /// Longest delay; 30 s unless set.
    pub cap: Duration,
    /// Up to this many percent are added at random; 25 unless set.
    pub jitter_percent: u32,
}

impl Default for BackoffSpec {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            factor_percent: 200,
            cap: Duration::from_secs(30),
            jitter_percent: 25,
        }
    }
}

/// Restart policy of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestartSpec {
    pub policy: RestartPolicy,
    pub backoff: BackoffSpec,
    /// Ready for this long without a failure: the delay is back at its first step. 30 s unless set.
    pub stable_after: Duration,
    /// This many failures within `crash_loop_window`, none of them stable: crash loop. 5 unless set.
    pub crash_loop_failures: u32,
    /// 60 s unless set.
    pub crash_loop_window: Duration,
    /// Give up (phase `failed`) after this many restarts in a crash loop; `None` keeps trying at the cap.
    pub max_restarts: Option<u32>,
    /// Exit codes that count as success, 0 always among them.
    pub success_exit_codes: Vec<i32>,
}

impl Default for RestartSpec {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::UnlessStopped,
            backoff: BackoffSpec::default(),
            stable_after: Duration::from_secs(30),
            crash_loop_failures: 5,
            crash_loop_window: Duration::from_secs(60),
            max_restarts: None,
            success_exit_codes: vec![0],
        }
    }
}

/// Who gets the stop signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopScope {
    /// The process that reeve started.
    Leader,
    /// Every process of the leader's process group.
    Group,
}

/// How a service is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StopSpec {
    /// Signal number; SIGTERM (15) unless set.
    pub signal: i32,
    pub scope: StopScope,
    /// From the signal to the kill of the whole tree; 10 s unless set.
    pub grace: Duration,
}

impl Default for StopSpec {
    fn default() -> Self {
        Self { signal: 15, scope: StopScope::Leader, grace: Duration::from_secs(10) }
    }
}
