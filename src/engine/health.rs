//! Whether a run is ready and alive. Starting: asked quickly, failures are shown but not counted. Running: asked at
//! the period of the file, and only failures in a row count.

use std::time::Duration;

use super::clock::{Timer, span_text};
use super::event::{Failure, FailureKind, NotifyMessage, ProbeOutcome, ProbeRole};
use super::machine::Engine;
use super::policy::{Asked, Health};
use super::service::{Prober, Stage, Work};
use super::{Effect, Phase};

/// Pauses between probes while starting: short at first, and then in proportion to the time the start has taken, so that
/// a service is found ready at most some 6 % too late.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How much longer than its timeout a probe may go without an answer before it is given up.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);

fn slot(role: ProbeRole) -> usize {
    match role {
        ProbeRole::Readiness => 0,
        ProbeRole::Liveness => 1,
    }
}

fn timer(role: ProbeRole) -> Timer {
    match role {
        ProbeRole::Readiness => Timer::Readiness,
        ProbeRole::Liveness => Timer::Liveness,
    }
}

impl Engine {
    /// The process is there: look for its readiness.
    pub(super) fn watch_start(&mut self, index: usize) {
        let policy = self.services[index].policy.clone();
        self.set_timer(index, Timer::Ready, self.now.after(policy.readiness.start_timeout));
        match policy.readiness.asked {
            Asked::Probe => self.ask(index, ProbeRole::Readiness),
            Asked::Delay { after, .. } => self.set_timer(index, Timer::Readiness, self.now.after(after)),
            Asked::Log | Asked::Notify => {}
        }
    }

    fn health(&self, index: usize, role: ProbeRole) -> Option<&Health> {
        let policy = &self.services[index].policy;
        match role {
            ProbeRole::Readiness => Some(&policy.readiness),
            ProbeRole::Liveness => policy.liveness.as_ref(),
        }
    }

    fn prober(&mut self, index: usize, role: ProbeRole) -> Option<&mut Prober> {
        self.run_mut(index).map(|run| &mut run.probes[slot(role)])
    }

    fn ask(&mut self, index: usize, role: ProbeRole) {
        let Some(timeout) = self.health(index, role).map(|health| health.timeout) else { return };
        let Some((service, run)) = self.ids(index) else { return };
        let Some(prober) = self.prober(index, role) else { return };
        if prober.in_flight {
            return;
        }
        prober.sequence += 1;
        prober.in_flight = true;
        prober.discard = false;
        let sequence = prober.sequence;
        self.set_timer(index, timer(role), self.now.after(timeout.saturating_add(ANSWER_MARGIN)));
        self.effects.push(Effect::Probe { service, run, role, sequence });
    }

    pub(super) fn cancel_probe(&mut self, index: usize, role: ProbeRole) {
        self.clear_timer(index, timer(role));
        let Some((service, run)) = self.ids(index) else { return };
        if let Some(prober) = self.prober(index, role)
            && std::mem::take(&mut prober.in_flight)
        {
            self.effects.push(Effect::CancelProbe { service, run, role });
        }
    }

    /// The pause is over, or the answer has not come.
    pub(super) fn probe_timer(&mut self, index: usize, role: ProbeRole) {
        let Some(run) = self.run(index) else { return };
        if run.is_ending() {
            return;
        }
        if run.probes[slot(role)].in_flight {
            self.cancel_probe(index, role);
            let waited = self.health(index, role).map_or(Duration::ZERO, |health| health.timeout);
            let reason = format!("the probe gave no answer within {}", span_text(waited));
            self.count_probe(index, role, ProbeOutcome::Failure(reason));
            return;
        }
        let asked = self.health(index, role).map(|health| health.asked);
        match (asked, self.services[index].phase) {
            (Some(Asked::Delay { probe: false, .. }), Phase::Starting) => self.readiness_holds(index),
            (None, _) => {}
            _ => self.ask(index, role),
        }
    }

    pub(super) fn probe_done(&mut self, index: usize, role: ProbeRole, sequence: u64, outcome: ProbeOutcome) {
        let Some(run) = self.run_mut(index) else { return };
        let ending = run.is_ending();
        let prober = &mut run.probes[slot(role)];
        if ending || !prober.in_flight || prober.sequence != sequence {
            self.stale += 1;
            return;
        }
        prober.in_flight = false;
        let discard = std::mem::take(&mut prober.discard);
        self.clear_timer(index, timer(role));
        if discard {
            self.ask(index, role);
        } else {
            self.count_probe(index, role, outcome);
        }
    }

    fn count_probe(&mut self, index: usize, role: ProbeRole, outcome: ProbeOutcome) {
        let Some(prober) = self.prober(index, role) else { return };
        match &outcome {
            ProbeOutcome::Success => {
                prober.successes = prober.successes.saturating_add(1);
                prober.failures = 0;
            }
            ProbeOutcome::Failure(_) => {
                prober.failures = prober.failures.saturating_add(1);
                prober.successes = 0;
            }
        }
        match role {
            ProbeRole::Readiness => self.count_readiness(index, outcome),
            ProbeRole::Liveness => self.count_liveness(index, outcome),
        }
        self.ask_later(index, role);
    }

    /// Sets the next probe, if there is to be one.
    fn ask_later(&mut self, index: usize, role: ProbeRole) {
        if self.run(index).is_none_or(super::service::Run::is_ending) {
            return;
        }
        let spread = self.services[index].spread;
        let phase = self.services[index].phase;
        let Some(health) = self.health(index, role) else { return };
        let pause = match (role, phase) {
            (ProbeRole::Readiness, Phase::Starting) => self.grow_pause(index),
            (ProbeRole::Readiness, _) if health.asked != Asked::Probe => return,
            _ => spread_period(health.every, spread),
        };
        self.set_timer(index, timer(role), self.now.after(pause));
    }

    fn grow_pause(&mut self, index: usize) -> Duration {
        let Some(prober) = self.prober(index, ProbeRole::Readiness) else { return FIRST_PAUSE };
        let pause = prober.pause.max(FIRST_PAUSE);
        prober.pause = (pause * 17 / 16).min(LONGEST_PAUSE);
        pause
    }

    fn count_readiness(&mut self, index: usize, outcome: ProbeOutcome) {
        let (successes, failures) = match self.prober(index, ProbeRole::Readiness) {
            Some(prober) => (prober.successes, prober.failures),
            None => return,
        };
        let policy = self.services[index].policy.clone();
        let health = &policy.readiness;
        match (self.services[index].phase, outcome) {
            // Starting => (Bootstrapping | Ready); failures are shown, not counted
            (Phase::Starting, ProbeOutcome::Success) if successes >= health.successes => self.readiness_holds(index),
            (Phase::Starting | Phase::Unready, ProbeOutcome::Failure(reason)) => {
                self.services[index].probe_failure = Some(reason);
                self.unready_for_long(index, failures);
            }
            // Ready => Unready
            (Phase::Ready, ProbeOutcome::Failure(reason)) => {
                let message = format!("{}: probe failed ({failures} in a row): {reason}", policy.name);
                self.record(index, "probe-failed", None, message, None);
                if failures >= health.failures {
                    let message = format!("{} is not ready any more: {reason}", policy.name);
                    self.services[index].probe_failure = Some(reason);
                    self.clear_timer(index, Timer::Stable);
                    self.set_phase(index, Phase::Unready, message, None);
                    self.unready_for_long(index, failures);
                }
            }
            // Unready => Ready
            (Phase::Unready, ProbeOutcome::Success) if successes >= health.recover_successes => {
                self.now_ready(index, format!("{} is ready again", policy.name));
            }
            _ => {}
        }
    }

    /// `restart_on_unready`.
    fn unready_for_long(&mut self, index: usize, failures: u32) {
        let health = &self.services[index].policy.readiness;
        let Some(beyond) = health.restart_on_unready else { return };
        if self.services[index].phase == Phase::Unready && failures >= health.failures.saturating_add(beyond) {
            let reason = self.services[index].probe_failure.clone().unwrap_or_default();
            self.stop_failed(
                index,
                transient(format!("its readiness probe failed {failures} times in a row: {reason}")),
            );
        }
    }

    fn count_liveness(&mut self, index: usize, outcome: ProbeOutcome) {
        let ProbeOutcome::Failure(reason) = outcome else { return };
        let failures = self.prober(index, ProbeRole::Liveness).map_or(0, |prober| prober.failures);
        let message = format!("{}: liveness probe failed ({failures} in a row): {reason}", self.name(index));
        self.record(index, "liveness-failed", None, message, None);
        if self.health(index, ProbeRole::Liveness).is_some_and(|health| failures >= health.failures) {
            self.stop_failed(
                index,
                transient(format!("its liveness probe failed {failures} times in a row: {reason}")),
            );
        }
    }

    /// The first readiness: bootstrap, if there is any.
    fn readiness_holds(&mut self, index: usize) {
        if self.services[index].phase != Phase::Starting {
            return;
        }
        self.clear_timer(index, Timer::Ready);
        self.cancel_probe(index, ProbeRole::Readiness);
        self.services[index].probe_failure = None;
        if !self.services[index].policy.bootstrap {
            self.first_ready(index);
            return;
        }
        if let Some(run) = self.run_mut(index) {
            run.work = Some(Work::Bootstrap);
            run.work_cancelled = false;
        }
        let message = format!("{} answers, its bootstrap steps run", self.name(index));
        self.set_phase(index, Phase::Bootstrapping, message, None);
        if let Some((service, run)) = self.ids(index) {
            self.effects.push(Effect::Bootstrap { service, run });
        }
    }

    pub(super) fn bootstrapped(&mut self, index: usize, failure: Option<Failure>) {
        let Some(run) = self.run_mut(index) else { return };
        if run.work != Some(Work::Bootstrap) {
            self.stale += 1;
            return;
        }
        run.work = None;
        if run.is_ending() {
            self.work_over(index);
            return;
        }
        match failure {
            None => self.first_ready(index),
            Some(failure) => {
                let message = format!("its bootstrap failed: {}", failure.message);
                self.stop_failed(index, Failure { message, ..failure });
            }
        }
    }

    fn first_ready(&mut self, index: usize) {
        self.give_slot_back(index);
        let took = self.run(index).and_then(|run| run.spawned_at).map_or(Duration::ZERO, |at| self.now.since(at));
        self.now_ready(index, format!("{} is ready after {}", self.name(index), span_text(took)));
        let policy = self.services[index].policy.clone();
        if policy.readiness.asked == Asked::Probe {
            self.ask_later(index, ProbeRole::Readiness);
        }
        if policy.liveness.as_ref().is_some_and(|health| health.asked == Asked::Probe) {
            self.ask_later(index, ProbeRole::Liveness);
        }
    }

    fn now_ready(&mut self, index: usize, message: String) {
        if let Some(run) = self.run_mut(index) {
            run.ready = true;
        }
        self.services[index].probe_failure = None;
        // Without failures there is nothing to forget, and a stack at rest need not wake up for it.
        if self.services[index].attempts > 0 {
            self.set_timer(index, Timer::Stable, self.now.after(self.services[index].policy.restart.stable_after));
        }
        self.set_phase(index, Phase::Ready, message, None);
    }

    pub(super) fn start_timed_out(&mut self, index: usize) {
        if self.services[index].phase != Phase::Starting {
            return;
        }
        let limit = span_text(self.services[index].policy.readiness.start_timeout);
        let reason = match &self.services[index].probe_failure {
            Some(last) => format!("not ready within {limit} (last: {last})"),
            None => format!("not ready within {limit}"),
        };
        self.stop_failed(index, transient(reason));
    }

    pub(super) fn log_matched(&mut self, index: usize) {
        let asked = self.services[index].policy.readiness.asked;
        let Some(run) = self.run_mut(index) else { return };
        run.log_matched = true;
        let up = run.stage == Stage::Up && !run.is_ending();
        if up {
            self.mark_around(index);
            if asked == Asked::Log {
                self.readiness_holds(index);
            }
        }
    }

    pub(super) fn notified(&mut self, index: usize, message: NotifyMessage) {
        let ending = self.run(index).is_none_or(super::service::Run::is_ending);
        match message {
            NotifyMessage::Ready => {
                if !ending && self.services[index].policy.readiness.asked == Asked::Notify {
                    self.readiness_holds(index);
                }
            }
            NotifyMessage::Status(text) => self.services[index].status_text = Some(text),
            NotifyMessage::ExtendTimeout(by) => {
                if ending {
                    self.extend_grace(index, by);
                } else if let Some(at) = self.timers.get(super::machine::owner(index), Timer::Ready) {
                    self.set_timer(index, Timer::Ready, at.max(self.now.after(by)));
                }
            }
            NotifyMessage::WatchdogTrigger => {
                self.stop_failed(index, transient(String::from("it asked to be restarted (WATCHDOG=trigger)")));
            }
            NotifyMessage::Reloading => {
                let message = format!("{} reloads its configuration", self.name(index));
                self.record(index, "notify", None, message, None);
            }
            NotifyMessage::Stopping => {
                let message = format!("{} says that it is stopping", self.name(index));
                self.record(index, "notify", None, message, None);
            }
            NotifyMessage::Watchdog => {}
        }
    }

    /// We did not run for a while: what probes found out meanwhile says nothing.
    pub(super) fn resumed(&mut self, gap: Duration) {
        for index in 0..self.services.len() {
            for role in [ProbeRole::Readiness, ProbeRole::Liveness] {
                let Some(timeout) = self.health(index, role).map(|health| health.timeout) else { continue };
                let Some(prober) = self.prober(index, role) else { continue };
                if prober.in_flight {
                    prober.discard = true;
                    self.set_timer(index, timer(role), self.now.after(timeout.saturating_add(ANSWER_MARGIN)));
                }
            }
        }
        self.record_stack("resumed", format!("went on after a gap of {}", span_text(gap)));
    }
}

fn transient(message: String) -> Failure {
    Failure { kind: FailureKind::Transient, message, hint: None }
}

/// The period, moved by the service's share of ± 10 %.
fn spread_period(every: Duration, thousandths: i32) -> Duration {
    let nanos = every.as_nanos();
    let parts = u128::try_from(1000 + thousandths).unwrap_or(1000);
    Duration::from_nanos(u64::try_from(nanos * parts / 1000).unwrap_or(u64::MAX))
}
