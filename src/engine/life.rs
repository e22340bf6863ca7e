//! The life of a run: prepared, spawned, up, asked to stop, killed, emptied, released.

use std::time::Duration;

use super::clock::{Timer, span_text};
use super::effect::Hook;
use super::event::{Exit, Failure, FailureKind};
use super::machine::Engine;
use super::propagate::Gate;
use super::service::{Ending, Stage, StopCause, Work};
use super::{Desired, Effect, Phase, ProbeRole};

/// What the children of a leader that obeyed the stop signal get at most.
const CHILDREN_GRACE: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) fn prepared(&mut self, index: usize) {
        let Some(run) = self.run_mut(index) else { return };
        if run.stage != Stage::Preparing {
            self.stale += 1;
            return;
        }
        run.work = None;
        if run.is_ending() {
            self.release(index);
            return;
        }
        // The gate holds at the spawn, not only when the preparation began.
        if !matches!(self.gate(index), Gate::Open) {
            if let Some(run) = self.run_mut(index) {
                run.ending = Some(Ending::ByUs);
            }
            let message = format!("{} cannot start now: its dependencies do not hold any more", self.name(index));
            self.set_phase(index, Phase::Stopping, message, None);
            self.release(index);
            return;
        }
        if let Some((service, run)) = self.ids(index) {
            self.set_stage(index, Stage::Spawning);
            self.effects.push(Effect::Spawn { service, run });
        }
    }

    pub(super) fn prepare_failed(&mut self, index: usize, failure: Failure) {
        if self.run(index).is_none_or(|run| run.stage != Stage::Preparing) {
            self.stale += 1;
            return;
        }
        if let Some(run) = self.run_mut(index) {
            run.work = None;
        }
        self.start_failed(index, failure);
    }

    pub(super) fn spawn_failed(&mut self, index: usize, failure: Failure) {
        if self.run(index).is_none_or(|run| run.stage != Stage::Spawning) {
            self.stale += 1;
            return;
        }
        self.start_failed(index, failure);
    }

    /// There is no process; give back what was taken.
    fn start_failed(&mut self, index: usize, failure: Failure) {
        if self.run(index).is_some_and(|run| !run.is_ending()) {
            let message = format!("{} cannot start: {}", self.name(index), failure.message);
            self.requests_failed(index, &message);
            self.fail(index, failure);
            self.set_phase(index, Phase::Stopping, message, None);
        }
        self.release(index);
    }

    /// Notes why the run has failed.
    fn fail(&mut self, index: usize, failure: Failure) {
        let service = &mut self.services[index];
        service.last_failure = Some(failure.clone());
        if let Some(run) = service.run.as_mut() {
            run.ending = Some(Ending::Failure(failure));
        }
    }

    pub(super) fn spawned(&mut self, index: usize, pid: u32) {
        let now = self.now;
        let Some(run) = self.run_mut(index) else { return };
        if run.stage != Stage::Spawning {
            self.stale += 1;
            return;
        }
        run.pid = Some(pid);
        run.spawned_at = Some(now);
        run.stage = Stage::Up;
        if run.is_ending() {
            run.stage = Stage::PreStop;
            if self.kills() {
                self.kill(index);
            } else {
                self.advance_stop(index);
            }
            return;
        }
        let message = format!("{} is started (pid {pid})", self.name(index));
        self.set_phase(index, Phase::Starting, message, None);
        self.requests_spawned(index);
        if self.services[index].policy.oneshot {
            self.give_slot_back(index);
        } else {
            self.watch_start(index);
        }
    }

    pub(super) fn exited(&mut self, index: usize, exit: Exit) {
        let now = self.now;
        let Some(run) = self.run_mut(index) else { return };
        if run.leader_gone || run.stage == Stage::Preparing {
            self.stale += 1;
            return;
        }
        run.leader_gone = true;
        let early = run.stage == Stage::Spawning;
        if early {
            run.spawned_at = Some(now);
        }
        self.services[index].last_exit = Some(exit);
        let Some(run) = self.run(index) else { return };
        let stage = run.stage;
        let ends_by_itself = !run.is_ending();
        if ends_by_itself {
            self.stop_watching(index);
            self.cancel_work(index);
            self.give_slot_back(index);
            let was_ready = self.run(index).is_some_and(|run| run.ready);
            let name = self.name(index);
            let message = if was_ready || self.services[index].policy.oneshot {
                format!("{name} ended ({exit})")
            } else {
                format!("{name} ended before it was ready ({exit})")
            };
            if let Some(run) = self.run_mut(index) {
                run.ending = Some(Ending::Exit(exit));
            }
            if early {
                self.requests_spawned(index);
            }
            self.change_phase(index, Phase::Stopping, "exit", message, None);
            self.kill_tree(index);
            return;
        }
        match stage {
            Stage::Up | Stage::PreStop | Stage::Signalled | Stage::Spawning => {
                self.cancel_work(index);
                let ends = match stage {
                    Stage::Signalled => self.run(index).map_or(now, |run| run.grace_ends),
                    _ => now.after(self.services[index].policy.stop.grace),
                };
                self.set_stage(index, Stage::Emptying);
                self.set_timer(index, Timer::Grace, ends.min(now.after(CHILDREN_GRACE)));
                if let Some((service, run)) = self.ids(index) {
                    self.effects.push(Effect::WatchTree { service, run });
                }
            }
            _ => {}
        }
    }

    pub(super) fn tree_empty(&mut self, index: usize) {
        let Some(run) = self.run_mut(index) else { return };
        match run.stage {
            Stage::Emptying | Stage::Killing | Stage::Stuck => {}
            _ => {
                self.stale += 1;
                return;
            }
        }
        run.leader_gone = true;
        run.hooked = false;
        let stuck = run.stage == Stage::Stuck;
        run.stage = Stage::Empty;
        self.clear_timer(index, Timer::Grace);
        if stuck {
            let message = format!("{}: the processes that could not be killed are gone", self.name(index));
            self.set_phase(index, Phase::Stopping, message, None);
        }
        self.finish_empty(index);
    }

    pub(super) fn tree_stuck(&mut self, index: usize, pids: &[u32], detail: &str) {
        if self.run(index).is_none_or(|run| run.stage != Stage::Killing) {
            self.stale += 1;
            return;
        }
        self.set_stage(index, Stage::Stuck);
        let list: Vec<String> = pids.iter().map(u32::to_string).collect();
        let message = format!("{}: pid {} cannot be killed ({detail})", self.name(index), list.join(", "));
        self.services[index].last_failure = Some(Failure {
            kind: FailureKind::Lasting,
            message: message.clone(),
            hint: Some(String::from("nothing is started on its data until these processes are gone")),
        });
        self.requests_failed(index, &message);
        self.set_phase(index, Phase::Stuck, message, None);
    }

    /// No process is left: the last hook, then give everything back.
    fn finish_empty(&mut self, index: usize) {
        let kills = self.kills();
        let Some(run) = self.run_mut(index) else { return };
        if run.stage != Stage::Empty || run.work.is_some() {
            return;
        }
        let hook = !std::mem::replace(&mut run.hooked, true) && run.spawned_at.is_some() && !kills;
        if hook && self.services[index].policy.post_stop {
            self.run_hook(index, Hook::PostStop);
        } else {
            self.release(index);
        }
    }

    fn run_hook(&mut self, index: usize, hook: Hook) {
        if let Some(run) = self.run_mut(index) {
            run.work = Some(Work::Hook(hook));
            run.work_cancelled = false;
        }
        if let Some((service, run)) = self.ids(index) {
            self.effects.push(Effect::Hook { service, run, hook });
        }
    }

    pub(super) fn hook_done(&mut self, index: usize, failure: Option<Failure>) {
        let Some(run) = self.run_mut(index) else { return };
        let Some(Work::Hook(hook)) = run.work else {
            self.stale += 1;
            return;
        };
        run.work = None;
        if let Some(failure) = failure {
            let which = match hook {
                Hook::PreStop => "pre_stop",
                Hook::PostStop => "post_stop",
            };
            let message = format!("{} of {} failed: {}", which, self.name(index), failure.message);
            self.record(index, "hook-failed", None, message, None);
        }
        self.work_over(index);
    }

    /// The work that a stop has waited for is over.
    pub(super) fn work_over(&mut self, index: usize) {
        match self.run(index).map(|run| run.stage) {
            Some(Stage::PreStop) => self.advance_stop(index),
            Some(Stage::Empty) => self.finish_empty(index),
            _ => {}
        }
    }

    fn release(&mut self, index: usize) {
        self.give_slot_back(index);
        self.set_stage(index, Stage::Releasing);
        if let Some((service, run)) = self.ids(index) {
            self.effects.push(Effect::Release { service, run });
        }
    }

    pub(super) fn released(&mut self, index: usize) {
        if self.run(index).is_none_or(|run| run.stage != Stage::Releasing) {
            self.stale += 1;
            return;
        }
        let Some(run) = self.services[index].run.take() else { return };
        self.live_runs -= 1;
        for timer in [Timer::Ready, Timer::Readiness, Timer::Liveness, Timer::Stable, Timer::Grace] {
            self.clear_timer(index, timer);
        }
        self.mark_around(index);
        self.after_run(index, run.ending.unwrap_or(Ending::ByUs), run.replace);
    }

    /// The stop begins; there is no way back from here.
    pub(super) fn begin_stop(&mut self, index: usize, cause: StopCause) {
        self.stop_watching(index);
        self.give_slot_back(index);
        let Some(run) = self.run_mut(index) else { return };
        run.stop = Some(cause);
        if run.ending.is_none() {
            run.ending = Some(Ending::ByUs);
        }
        if matches!(cause, StopCause::Restart | StopCause::DependencyRestart(_)) {
            run.replace = Some(cause);
        } else if cause != StopCause::Failure {
            run.replace = None;
        }
        let stage = run.stage;
        let (message, because) = self.stop_text(index, cause);
        self.set_phase(index, Phase::Stopping, message, because);
        self.cancel_work(index);
        if stage == Stage::Up {
            self.set_stage(index, Stage::PreStop);
            if self.kills() {
                self.kill(index);
            } else {
                self.advance_stop(index);
            }
        }
    }

    fn stop_text(&self, index: usize, cause: StopCause) -> (String, Option<String>) {
        let name = self.name(index);
        match cause {
            StopCause::Shutdown => (format!("{name} is being stopped with the stack"), None),
            StopCause::Command => (format!("{name} is being stopped"), None),
            StopCause::Restart => (format!("{name} is being restarted"), None),
            StopCause::Failure => {
                let ending = self.run(index).and_then(|run| run.ending.as_ref());
                let reason = match ending {
                    Some(Ending::Failure(failure)) => failure.message.as_str(),
                    _ => "it has failed",
                };
                (format!("{name} is being stopped: {reason}"), None)
            }
            StopCause::DependencyRestart(on) => {
                let other = self.name(on.index());
                (format!("{name} is being restarted because {other} restarts"), Some(other.to_owned()))
            }
            StopCause::Dependency(on) => {
                let other = self.name(on.index());
                (format!("{name} is being stopped because it requires {other}"), Some(other.to_owned()))
            }
            StopCause::DependencyFailed(on) => {
                let other = self.name(on.index());
                (format!("{name} is being stopped because {other} has failed"), Some(other.to_owned()))
            }
        }
    }

    /// Ends a run that is up because it does not do what it should.
    pub(super) fn stop_failed(&mut self, index: usize, failure: Failure) {
        if self.run(index).is_none_or(super::service::Run::is_ending) {
            return;
        }
        self.fail(index, failure);
        self.begin_stop(index, StopCause::Failure);
    }

    /// `pre_stop`, then the signal.
    pub(super) fn advance_stop(&mut self, index: usize) {
        let Some(run) = self.run_mut(index) else { return };
        if run.stage != Stage::PreStop || run.work.is_some() {
            return;
        }
        let hooked = std::mem::replace(&mut run.hooked, true);
        if !hooked && self.services[index].policy.pre_stop {
            self.run_hook(index, Hook::PreStop);
            return;
        }
        // What began as a restart may have become a stop, which concerns more dependents.
        let for_good = self.services[index].desired != Desired::Running || self.shutdown.is_some();
        if for_good && self.dependent_in_the_way(index).is_some() {
            return;
        }
        let stop = self.services[index].policy.stop.clone();
        let ends = self.now.after(stop.grace);
        if let Some(run) = self.run_mut(index) {
            run.stage = Stage::Signalled;
            run.grace_ends = ends;
        }
        self.set_timer(index, Timer::Grace, ends);
        if let Some((service, run)) = self.ids(index) {
            self.effects.push(Effect::Signal { service, run, signal: stop.signal, scope: stop.scope });
        }
    }

    /// A stopping service asks for more time.
    pub(super) fn extend_grace(&mut self, index: usize, by: Duration) {
        let ends = self.now.after(by);
        let Some(run) = self.run_mut(index) else { return };
        if run.stage == Stage::Signalled && ends > run.grace_ends {
            run.grace_ends = ends;
            self.set_timer(index, Timer::Grace, ends);
        }
    }

    pub(super) fn grace_over(&mut self, index: usize) {
        let Some(run) = self.run(index) else { return };
        if !matches!(run.stage, Stage::Signalled | Stage::Emptying) {
            return;
        }
        let grace = span_text(self.services[index].policy.stop.grace);
        let message = if run.leader_gone {
            format!("{} left processes behind, they are killed", self.name(index))
        } else {
            format!("{} did not stop within {grace}, it is killed", self.name(index))
        };
        self.record(index, "killed", None, message, None);
        self.kill_tree(index);
    }

    fn kill_tree(&mut self, index: usize) {
        self.clear_timer(index, Timer::Grace);
        self.set_stage(index, Stage::Killing);
        if let Some((service, run)) = self.ids(index) {
            self.effects.push(Effect::KillTree { service, run });
        }
    }

    /// Skips whatever is left of the stop.
    pub(super) fn kill(&mut self, index: usize) {
        let Some(run) = self.run(index) else { return };
        match run.stage {
            Stage::Up | Stage::PreStop | Stage::Signalled | Stage::Emptying => {
                self.cancel_work(index);
                self.kill_tree(index);
            }
            Stage::Preparing | Stage::Empty => self.cancel_work(index),
            Stage::Spawning | Stage::Killing | Stage::Stuck | Stage::Releasing => {}
        }
    }

    /// Abandons preparation, bootstrap or hook; their answer still comes.
    fn cancel_work(&mut self, index: usize) {
        let Some(run) = self.run_mut(index) else { return };
        if run.work.is_some() && !run.work_cancelled {
            run.work_cancelled = true;
            if let Some((service, run)) = self.ids(index) {
                self.effects.push(Effect::CancelWork { service, run });
            }
        }
    }

    pub(super) fn set_stage(&mut self, index: usize, stage: Stage) {
        if let Some(run) = self.run_mut(index) {
            run.stage = stage;
        }
    }

    /// No more probes, no more deadlines of the start.
    fn stop_watching(&mut self, index: usize) {
        for timer in [Timer::Ready, Timer::Readiness, Timer::Liveness, Timer::Stable] {
            self.clear_timer(index, timer);
        }
        for role in [ProbeRole::Readiness, ProbeRole::Liveness] {
            self.cancel_probe(index, role);
        }
    }
}
