//! Whether and when a service that ended by itself starts again.

use std::time::Duration;

use crate::spec::{BackoffSpec, RestartPolicy};

use super::Phase;
use super::chance::Chance;
use super::clock::{Timer, span_text};
use super::event::{Exit, Failure, FailureKind};
use super::machine::Engine;

/// With `first = 0` the first restart comes at once; those after it grow from here, or a crash loop would be a busy loop.
const LEAST_STEP: Duration = Duration::from_millis(100);

#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Again,
    Completed,
    Failed,
}

impl Engine {
    pub(super) fn decide_restart(&mut self, index: usize, exit: Option<Exit>, failure: Option<Failure>) {
        let policy = self.services[index].policy.clone();
        let well = failure.is_none() && exit.is_some_and(|exit| is_success(exit, &policy.restart.success_exit_codes));
        let permanent = failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Permanent);
        let lasting = failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Lasting);
        // Why was told when it ended; here only what follows is.
        self.services[index].ended = failure.is_none() && exit.is_some();
        let decision = match policy.restart.policy {
            _ if permanent => Decision::Failed,
            _ if well && policy.oneshot => Decision::Completed,
            RestartPolicy::No | RestartPolicy::OnFailure if well => Decision::Completed,
            RestartPolicy::No => Decision::Failed,
            RestartPolicy::OnFailure | RestartPolicy::UnlessStopped => Decision::Again,
        };
        let name = policy.name.clone();
        match decision {
            Decision::Completed => {
                self.services[index].forget_failures();
                self.set_phase(index, Phase::Completed, format!("{name} has ended well"), None);
            }
            Decision::Failed => {
                let message = format!("{name} has failed and is not started again");
                self.set_phase(index, Phase::Failed, message, None);
            }
            Decision::Again => {
                let (crash_loop, spent) = self.count_failure(index);
                if spent {
                    let restarts = self.services[index].attempts.saturating_sub(1);
                    let message = format!("{name} has failed after {restarts} restarts and is given up");
                    self.set_phase(index, Phase::Failed, message, None);
                    return;
                }
                if crash_loop {
                    let message = format!(
                        "{name} is in a crash loop: {} ends within {} without being stable",
                        policy.restart.crash_loop_failures,
                        span_text(policy.restart.crash_loop_window)
                    );
                    self.record(index, "crash-loop", None, message, None);
                }
                let attempts = self.services[index].attempts;
                let pause = delay(&policy.restart.backoff, attempts, lasting, &mut self.chance);
                self.services[index].restarts = self.services[index].restarts.saturating_add(1);
                self.propagate_restart(index);
                if pause.is_zero() {
                    self.try_start(index);
                } else {
                    self.set_timer(index, Timer::Start, self.now.after(pause));
                    let message = format!("{name} starts again in {}", span_text(pause));
                    self.set_phase(index, Phase::Backoff, message, None);
                }
            }
        }
    }

    /// Counts one unstable end. Returns whether a crash loop has begun, and whether the restarts are used up.
    fn count_failure(&mut self, index: usize) -> (bool, bool) {
        let now = self.now;
        let service = &mut self.services[index];
        let restart = &service.policy.restart;
        service.attempts = service.attempts.saturating_add(1);
        service.failures.push_back(now);
        while service.failures.front().is_some_and(|at| now.since(*at) > restart.crash_loop_window)
            || service.failures.len() > restart.crash_loop_failures.max(1) as usize
        {
            service.failures.pop_front();
        }
        let looping = service.failures.len() >= restart.crash_loop_failures.max(1) as usize;
        let begins = looping && !service.crash_loop;
        service.crash_loop |= looping;
        let spent = restart.max_restarts.is_some_and(|most| service.attempts > most);
        service.crash_loop |= spent;
        (begins, spent)
    }

    /// Ready for `stable_after`: what was before does not count any more.
    pub(super) fn stable(&mut self, index: usize) {
        if self.services[index].attempts == 0 {
            return;
        }
        self.services[index].forget_failures();
        let message = format!(
            "{} has been ready for {}, its back-off begins anew",
            self.name(index),
            span_text(self.services[index].policy.restart.stable_after)
        );
        self.record(index, "stable", None, message, None);
        self.mark_around(index);
    }

    pub(super) fn backoff_over(&mut self, index: usize) {
        if self.services[index].phase == Phase::Backoff {
            self.try_start(index);
        }
    }
}

pub(super) fn is_success(exit: Exit, codes: &[i32]) -> bool {
    match exit {
        Exit::Code(code) => code == 0 || codes.contains(&code),
        Exit::Signal { .. } => false,
    }
}

/// The pause before restart number `attempt` (from 1). The jitter comes on top of the cap.
fn delay(spec: &BackoffSpec, attempt: u32, lasting: bool, chance: &mut Chance) -> Duration {
    let base = if lasting { spec.cap } else { grown(spec, attempt) };
    let millionths = chance.below(u64::from(spec.jitter_percent) * 10_000 + 1);
    let extra = base.as_nanos() * u128::from(millionths) / 1_000_000;
    base.saturating_add(Duration::from_nanos(u64::try_from(extra).unwrap_or(u64::MAX)))
}

fn grown(spec: &BackoffSpec, attempt: u32) -> Duration {
    let (mut base, steps) = if spec.first.is_zero() {
        if attempt <= 1 {
            return Duration::ZERO;
        }
        (LEAST_STEP, attempt - 2)
    } else {
        (spec.first, attempt.saturating_sub(1))
    };
    for _ in 0..steps {
        if base >= spec.cap {
            break;
        }
        let next = base.as_nanos() * u128::from(spec.factor_percent.max(100)) / 100;
        let next = Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX));
        if next == base {
            break;
        }
        base = next;
    }
    base.min(if spec.cap.is_zero() { LEAST_STEP } else { spec.cap })
}
