//! What follows from the neighbours in the graph: who may start, who must stop, who goes first.

use crate::spec::{Condition, DependencySpec, OnDependencyFailure, OnDependencyRestart, ServiceId};

use super::clock::Timer;
use super::graph::is_live;
use super::machine::Engine;
use super::service::{Ending, Run, Stage, StopCause, Work};
use super::{Desired, Effect, Phase, RunId};

/// May a service start, as far as its dependencies go?
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// This dependency does not hold yet.
    Wait(ServiceId),
    /// This dependency has failed, and that is the end of it.
    Skip(ServiceId),
}

/// How one dependency stands.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Holds,
    Waits,
    Failed,
}

impl Engine {
    pub(super) fn gate(&self, index: usize) -> Gate {
        let mut gate = Gate::Open;
        for edge in &self.services[index].policy.depends_on {
            match self.edge(edge) {
                Edge::Holds => {}
                Edge::Failed => return Gate::Skip(edge.service),
                Edge::Waits => {
                    if gate == Gate::Open {
                        gate = Gate::Wait(edge.service);
                    }
                }
            }
        }
        gate
    }

    pub(super) fn edge(&self, edge: &DependencySpec) -> Edge {
        let Some(dependency) = self.services.get(edge.service.index()) else {
            return if edge.required { Edge::Waits } else { Edge::Holds };
        };
        let stays = dependency.stays() && !dependency.withdrawn && self.shutdown.is_none();
        let phase = dependency.phase;
        let holds = match edge.condition {
            Condition::Started => phase == Phase::Completed || (stays && phase.is_up()),
            Condition::Ready => phase == Phase::Completed || (stays && phase == Phase::Ready),
            Condition::LogReady => stays && phase.is_up() && dependency.run.as_ref().is_some_and(|run| run.log_matched),
            Condition::Completed => {
                dependency.ended && matches!(phase, Phase::Completed | Phase::Failed | Phase::Backoff)
            }
            Condition::CompletedSuccessfully => phase == Phase::Completed,
            Condition::Stopped => dependency.run.is_none() && !matches!(phase, Phase::Waiting | Phase::Backoff),
        };
        if holds {
            return Edge::Holds;
        }
        let failed = matches!(phase, Phase::Failed | Phase::Skipped);
        if !edge.required {
            let gone = dependency.desired != Desired::Running && dependency.run.is_none();
            let failing = matches!(phase, Phase::Backoff | Phase::Stuck) || dependency.attempts > 0;
            return if gone || failed || failing { Edge::Holds } else { Edge::Waits };
        }
        let skips = edge.on_failure != OnDependencyFailure::Wait || edge.condition == Condition::CompletedSuccessfully;
        if failed && skips { Edge::Failed } else { Edge::Waits }
    }

    /// Brings one service to where its wish, its run and its neighbours say it should be.
    pub(super) fn reconcile(&mut self, index: usize) {
        let withdrawn = self.is_withdrawn(index);
        if withdrawn != self.services[index].withdrawn {
            self.services[index].withdrawn = withdrawn;
            self.mark_around(index);
        }
        if self.services[index].run.is_some() {
            self.reconcile_run(index);
        } else {
            self.reconcile_rest(index);
        }
    }

    fn is_withdrawn(&self, index: usize) -> bool {
        let service = &self.services[index];
        service.desired != Desired::Running || self.shutdown.is_some() || self.withdrawn_dependency(index).is_some()
    }

    /// Something that it requires to be up and that is not wanted.
    fn withdrawn_dependency(&self, index: usize) -> Option<ServiceId> {
        let required = self.services[index].policy.depends_on.iter();
        required
            .filter(|edge| edge.required && is_live(edge.condition))
            .find(|edge| {
                let dependency = &self.services[edge.service.index()];
                dependency.withdrawn && dependency.phase != Phase::Completed
            })
            .map(|edge| edge.service)
    }

    /// Why the present run has to end, if it has to.
    pub(super) fn stop_cause(&self, index: usize) -> Option<StopCause> {
        let service = &self.services[index];
        if self.shutdown.is_some() {
            return Some(StopCause::Shutdown);
        }
        if service.desired != Desired::Running {
            return Some(StopCause::Command);
        }
        if let Some(dependency) = self.withdrawn_dependency(index) {
            return Some(StopCause::Dependency(dependency));
        }
        let failed = service
            .policy
            .depends_on
            .iter()
            .find(|edge| edge.on_failure == OnDependencyFailure::Stop && self.edge(edge) == Edge::Failed);
        if let Some(edge) = failed {
            return Some(StopCause::DependencyFailed(edge.service));
        }
        service.run.as_ref().and_then(|run| run.replace)
    }

    fn reconcile_run(&mut self, index: usize) {
        let Some(run) = self.run(index) else { return };
        if run.is_ending() {
            // It may have waited for a dependent.
            self.advance_stop(index);
            return;
        }
        // Without a process there is nothing that its dependents could still need.
        let early = run.stage == Stage::Preparing;
        if let Some(cause) = self.stop_cause(index)
            && (early || self.kills() || self.dependent_in_the_way(index).is_none())
        {
            self.begin_stop(index, cause);
        }
    }

    /// A dependent that has to be gone before this one is stopped.
    pub(super) fn dependent_in_the_way(&self, index: usize) -> Option<usize> {
        self.graph.dependents[index]
            .iter()
            .filter(|dependent| !dependent.inverse)
            .map(|dependent| dependent.service)
            .find(|near| {
                self.run(*near).is_some_and(|run| {
                    run.stage != Stage::Stuck && (run.stop.is_some() || self.stop_cause(*near).is_some())
                })
            })
    }

    fn reconcile_rest(&mut self, index: usize) {
        let phase = self.services[index].phase;
        if self.services[index].desired != Desired::Running || self.shutdown.is_some() {
            if self.services[index].wants_slot {
                self.services[index].wants_slot = false;
            }
            let keeps = self.shutdown.is_some()
                && self.services[index].desired == Desired::Running
                && matches!(phase, Phase::Completed | Phase::Failed);
            if phase != Phase::Stopped && !keeps {
                self.clear_timer(index, Timer::Start);
                let message = format!("{} is stopped", self.name(index));
                self.set_phase(index, Phase::Stopped, message, None);
            }
            return;
        }
        if matches!(phase, Phase::Stopped | Phase::Waiting | Phase::Skipped) {
            self.try_start(index);
        }
    }

    /// Starts a service without a run as soon as its dependencies and `parallel_starts` let it.
    pub(super) fn try_start(&mut self, index: usize) {
        self.clear_timer(index, Timer::Start);
        let phase = self.services[index].phase;
        let (to, on) = match self.gate(index) {
            Gate::Open if self.slots_taken < self.parallel_starts => {
                self.begin_run(index);
                return;
            }
            Gate::Open => {
                self.services[index].wants_slot = true;
                (Phase::Waiting, None)
            }
            Gate::Wait(on) => (Phase::Waiting, Some(on)),
            Gate::Skip(on) => (Phase::Skipped, Some(on)),
        };
        if on.is_some() {
            self.services[index].wants_slot = false;
        }
        if phase == to {
            return;
        }
        let name = self.name(index);
        let (message, cause) = match (to, on) {
            (Phase::Skipped, Some(on)) => {
                let other = &self.services[on.index()];
                let reason = format!("{name} is not started because {} is {}", other.policy.name, other.phase.as_str());
                (reason, Some(other.policy.name.clone()))
            }
            (_, Some(on)) => (format!("{name} {}", self.wait_text(index, on)), Some(self.name(on.index()).to_owned())),
            _ => (format!("{name} waits for other starts to end (parallel_starts)"), None),
        };
        self.set_phase(index, to, message, cause);
    }

    /// `waits for postgres to be ready`.
    pub(super) fn wait_text(&self, index: usize, on: ServiceId) -> String {
        let edge = self.services[index].policy.depends_on.iter().find(|edge| edge.service == on);
        let other = &self.services[on.index()];
        let what = edge.map_or("be there", |edge| match edge.condition {
            Condition::Started => "be started",
            Condition::Ready => "be ready",
            Condition::Completed => "end",
            Condition::CompletedSuccessfully => "end well",
            Condition::LogReady => "log its ready line",
            Condition::Stopped => "be stopped",
        });
        let hint = if other.desired == Desired::StoppedByHand && edge.is_some_and(|edge| is_live(edge.condition)) {
            format!(" ({} was stopped by hand)", other.policy.name)
        } else {
            String::new()
        };
        format!("waits for {} to {what}{hint}", other.policy.name)
    }

    fn begin_run(&mut self, index: usize) {
        self.next_run += 1;
        let mut run = Run::new(RunId(self.next_run));
        run.work = Some(Work::Prepare);
        let service = &mut self.services[index];
        service.wants_slot = false;
        service.slot = true;
        service.probe_failure = None;
        service.status_text = None;
        service.ended = false;
        let effect = Effect::Prepare { service: service.id, run: run.id };
        service.run = Some(run);
        self.slots_taken += 1;
        self.live_runs += 1;
        let message = format!("{} is being prepared", self.name(index));
        self.set_phase(index, Phase::Preparing, message, None);
        self.effects.push(effect);
    }

    /// It is ready, or its start is over: another one may begin.
    pub(super) fn give_slot_back(&mut self, index: usize) {
        if !std::mem::take(&mut self.services[index].slot) {
            return;
        }
        let was_full = self.slots_taken >= self.parallel_starts;
        self.slots_taken -= 1;
        if was_full {
            for other in 0..self.services.len() {
                if self.services[other].wants_slot {
                    self.mark(other);
                }
            }
        }
    }

    /// Tells dependents, as their `on_restart` says, that this service is being replaced. A service whose restart
    /// makes others restart passes it on.
    pub(super) fn propagate_restart(&mut self, from: usize) {
        let mut todo = vec![from];
        while let Some(index) = todo.pop() {
            let id = self.services[index].id;
            for position in 0..self.graph.dependents[index].len() {
                let dependent = self.graph.dependents[index][position];
                let near = &self.services[dependent.service];
                if dependent.inverse || near.desired != Desired::Running || !near.stays() {
                    continue;
                }
                match dependent.on_restart {
                    OnDependencyRestart::Ignore => {}
                    OnDependencyRestart::Restart => {
                        if let Some(run) = self.run_mut(dependent.service) {
                            run.replace = Some(StopCause::DependencyRestart(id));
                        }
                        self.mark_around(dependent.service);
                        todo.push(dependent.service);
                    }
                    OnDependencyRestart::Stop => {
                        self.services[dependent.service].desired = Desired::Off;
                        self.mark_around(dependent.service);
                        let message = format!(
                            "{} is stopped because {} restarts (on_restart = stop)",
                            self.name(dependent.service),
                            self.name(index)
                        );
                        let cause = Some(self.name(index).to_owned());
                        self.record(dependent.service, "request", None, message, cause);
                    }
                }
            }
        }
    }

    /// The run has ended and everything of it is given back: what now?
    pub(super) fn after_run(&mut self, index: usize, ending: Ending, replace: Option<StopCause>) {
        let withdrawn = self.services[index].desired != Desired::Running || self.shutdown.is_some();
        if withdrawn {
            let message = format!("{} is stopped", self.name(index));
            self.set_phase(index, Phase::Stopped, message, None);
            return;
        }
        if replace.is_some() {
            self.try_start(index);
            return;
        }
        match ending {
            Ending::ByUs => self.try_start(index),
            Ending::Exit(exit) => self.decide_restart(index, Some(exit), None),
            Ending::Failure(failure) => self.decide_restart(index, None, Some(failure)),
        }
    }
}
