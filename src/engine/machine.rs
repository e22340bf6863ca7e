//! The engine itself: takes one event at a time and settles everything that follows from it.
//!
//! An event changes one service; the service is marked, and marked services are looked at in dependency order until
//! none is left. Whoever changes marks its neighbours in the graph. There is no recursion and no hidden order.

use super::chance::Chance;
use super::clock::{Timer, Timers};
use super::graph::{Graph, Marks};
use super::policy::Policy;
use super::requests::Requests;
use super::service::{Run, Service};
use super::snapshot::Record;
use super::{Command, Desired, Effect, Event, Phase, RequestId, RunId, Tick};
use crate::spec::{ServiceId, ServiceSpec, StackSpec};

/// The whole-stack stop under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shutdown {
    /// Patience is over: every tree is killed.
    pub killing: bool,
    pub finished: bool,
}

#[derive(Debug)]
pub struct Engine {
    pub(super) now: Tick,
    pub(super) services: Vec<Service>,
    pub(super) graph: Graph,
    pub(super) marks: Marks,
    pub(super) timers: Timers,
    pub(super) chance: Chance,
    pub(super) effects: Vec<Effect>,
    pub(super) requests: Requests,
    pub(super) shutdown: Option<Shutdown>,
    pub(super) stop_timeout: std::time::Duration,
    pub(super) parallel_starts: u32,
    pub(super) slots_taken: u32,
    pub(super) live_runs: u32,
    pub(super) next_run: u64,
    pub(super) steps: u64,
    pub(super) stale: u64,
    pub(super) broken: Vec<super::invariants::Broken>,
}

impl Engine {
    /// Nothing is wanted yet: a first `Start` with no names brings the stack up.
    pub fn new(stack: &StackSpec, seed: u64, now: Tick, stopped_by_hand: &[ServiceId]) -> Self {
        let mut chance = Chance::new(seed);
        let services: Vec<Service> = stack
            .services
            .iter()
            .enumerate()
            .map(|(index, spec)| {
                let id = ServiceId(u32::try_from(index).unwrap_or(u32::MAX));
                let desired = if stopped_by_hand.contains(&id) { Desired::StoppedByHand } else { Desired::Off };
                let spread = i32::try_from(chance.below(201)).unwrap_or(100) - 100;
                Service::new(id, Policy::new(spec), desired, now, spread)
            })
            .collect();
        let graph = Graph::new(&services);
        let count = services.len();
        Self {
            now,
            marks: Marks::new(count),
            timers: Timers::new(count + 1),
            graph,
            services,
            chance,
            effects: Vec::new(),
            requests: Requests::new(stopped_by_hand),
            shutdown: None,
            stop_timeout: stack.stop_timeout,
            parallel_starts: stack.parallel_starts.unwrap_or(u32::MAX).max(1),
            slots_taken: 0,
            live_runs: 0,
            next_run: 0,
            steps: 0,
            stale: 0,
            broken: Vec::new(),
        }
    }

    /// Takes in what has happened and says what to do. Deadlines that have passed by `now` are seen to as well.
    #[must_use]
    pub fn step(&mut self, now: Tick, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.step_into(now, event, &mut effects);
        effects
    }

    /// Like [`Engine::step`], appending to a vector that the caller uses again.
    pub fn step_into(&mut self, now: Tick, event: Event, effects: &mut Vec<Effect>) {
        self.now = self.now.max(now);
        self.steps += 1;
        std::mem::swap(&mut self.effects, effects);
        if self.is_finished() {
            self.after_the_end(event);
        } else {
            self.take(event);
            self.settle();
            while let Some((owner, timer)) = self.timers.pop_due(self.now) {
                self.expired(owner, timer);
                self.settle();
            }
            self.requests_settle();
            self.shutdown_settle();
            self.sweep();
        }
        std::mem::swap(&mut self.effects, effects);
    }

    /// The next moment at which [`Engine::step`] must be called even if nothing happens ([`Event::Tick`]).
    pub fn next_deadline(&self) -> Option<Tick> {
        self.timers.next()
    }

    /// `Finished` was said; nothing more will happen.
    pub fn is_finished(&self) -> bool {
        self.shutdown.is_some_and(|shutdown| shutdown.finished)
    }

    /// Events that came too late, from a run that is over.
    pub fn stale_events(&self) -> u64 {
        self.stale
    }

    /// Uses another definition of a service that does not run, such as one of its alternatives.
    ///
    /// # Errors
    /// The phase it is in, when it runs.
    pub fn replace(&mut self, spec: &ServiceSpec) -> Result<(), Phase> {
        let Some(service) = self.services.get_mut(spec.id.index()) else {
            return Err(Phase::Stopped);
        };
        if service.run.is_some() {
            return Err(service.phase);
        }
        service.policy = std::sync::Arc::new(Policy::new(spec));
        service.forget_failures();
        self.graph = Graph::new(&self.services);
        self.marks = Marks::new(self.services.len());
        for index in 0..self.services.len() {
            self.mark(index);
        }
        Ok(())
    }

    fn after_the_end(&mut self, event: Event) {
        if let Event::Command { request, .. } = event {
            self.reply(request, super::Outcome::Refused(super::Refusal::ShuttingDown));
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Command { request, command } => self.command(request, command),
            Event::Prepared { service, run } => self.on_run(service, run, Self::prepared),
            Event::PrepareFailed { service, run, failure } => {
                self.on_run(service, run, |engine, index| engine.prepare_failed(index, failure));
            }
            Event::Spawned { service, run, pid } => {
                self.on_run(service, run, |engine, index| engine.spawned(index, pid));
            }
            Event::SpawnFailed { service, run, failure } => {
                self.on_run(service, run, |engine, index| engine.spawn_failed(index, failure));
            }
            Event::Exited { service, run, exit } => {
                self.on_run(service, run, |engine, index| engine.exited(index, exit));
            }
            Event::TreeEmpty { service, run } => self.on_run(service, run, Self::tree_empty),
            Event::TreeStuck { service, run, pids, detail } => {
                self.on_run(service, run, |engine, index| engine.tree_stuck(index, &pids, &detail));
            }
            Event::Released { service, run } => self.on_run(service, run, Self::released),
            Event::ProbeDone { service, run, role, sequence, outcome } => {
                self.on_run(service, run, |engine, index| engine.probe_done(index, role, sequence, outcome));
            }
            Event::LogMatched { service, run } => self.on_run(service, run, Self::log_matched),
            Event::Notified { service, run, message } => {
                self.on_run(service, run, |engine, index| engine.notified(index, message));
            }
            Event::BootstrapDone { service, run } => {
                self.on_run(service, run, |engine, index| engine.bootstrapped(index, None));
            }
            Event::BootstrapFailed { service, run, failure } => {
                self.on_run(service, run, |engine, index| engine.bootstrapped(index, Some(failure)));
            }
            Event::HookDone { service, run, failure } => {
                self.on_run(service, run, |engine, index| engine.hook_done(index, failure));
            }
            Event::DesiredSaved { token } => self.desired_saved(token, None),
            Event::DesiredSaveFailed { token, reason } => self.desired_saved(token, Some(reason)),
            Event::Resumed { gap } => self.resumed(gap),
            Event::Tick => {}
        }
    }

    /// Runs `then` if this is still the service's run; otherwise the event is stale.
    fn on_run(&mut self, service: ServiceId, run: RunId, then: impl FnOnce(&mut Self, usize)) {
        let index = service.index();
        let current = self.services.get(index).and_then(|service| service.run.as_ref()).map(|run| run.id);
        if current == Some(run) {
            then(self, index);
        } else {
            self.stale += 1;
        }
    }

    fn expired(&mut self, owner: u32, timer: Timer) {
        let index = owner as usize;
        match timer {
            Timer::Start => self.backoff_over(index),
            Timer::Ready => self.start_timed_out(index),
            Timer::Readiness => self.probe_timer(index, super::ProbeRole::Readiness),
            Timer::Liveness => self.probe_timer(index, super::ProbeRole::Liveness),
            Timer::Stable => self.stable(index),
            Timer::Grace => self.grace_over(index),
            Timer::Shutdown => self.shutdown_over(),
        }
    }

    /// Looks at every marked service, dependencies first, until nothing changes any more.
    pub(super) fn settle(&mut self) {
        while let Some(rank) = self.marks.pop() {
            let index = self.graph.at_rank(rank);
            self.reconcile(index);
        }
    }

    pub(super) fn mark(&mut self, index: usize) {
        self.marks.insert(self.graph.rank(index));
    }

    /// Marks a service and everybody who looks at it.
    pub(super) fn mark_around(&mut self, index: usize) {
        self.mark(index);
        for position in 0..self.graph.dependents[index].len() {
            let near = self.graph.dependents[index][position].service;
            self.mark(near);
        }
        for position in 0..self.graph.dependencies[index].len() {
            let near = self.graph.dependencies[index][position];
            self.mark(near);
        }
    }

    pub(super) fn set_phase(&mut self, index: usize, to: Phase, message: String, cause: Option<String>) {
        self.change_phase(index, to, "phase", message, cause);
    }

    /// The only place where a phase is assigned; `kind` names the line of the event history.
    pub(super) fn change_phase(
        &mut self,
        index: usize,
        to: Phase,
        kind: &'static str,
        message: String,
        cause: Option<String>,
    ) {
        let service = &mut self.services[index];
        let from = service.phase;
        if !from.may_become(to) {
            self.broken.push(super::invariants::Broken::Transition { service: index, from, to });
        }
        service.phase = to;
        service.since = self.now;
        self.record(index, kind, Some(to), message, cause);
        self.mark_around(index);
    }

    pub(super) fn record(
        &mut self,
        index: usize,
        kind: &'static str,
        phase: Option<Phase>,
        message: String,
        cause: Option<String>,
    ) {
        let service = &self.services[index];
        self.effects.push(Effect::Record(Record {
            service: service.policy.name.clone(),
            run: service.run.as_ref().map(|run| run.id),
            kind: kind.to_owned(),
            phase,
            message,
            cause,
        }));
    }

    pub(super) fn record_stack(&mut self, kind: &'static str, message: String) {
        self.effects.push(Effect::Record(Record {
            service: String::new(),
            run: None,
            kind: kind.to_owned(),
            phase: None,
            message,
            cause: None,
        }));
    }

    pub(super) fn reply(&mut self, request: RequestId, outcome: super::Outcome) {
        self.effects.push(Effect::Reply { request, outcome });
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.services[index].policy.name
    }

    pub(super) fn run(&self, index: usize) -> Option<&Run> {
        self.services[index].run.as_ref()
    }

    pub(super) fn run_mut(&mut self, index: usize) -> Option<&mut Run> {
        self.services[index].run.as_mut()
    }

    /// Service and run, as effects carry them.
    pub(super) fn ids(&self, index: usize) -> Option<(ServiceId, RunId)> {
        let service = &self.services[index];
        service.run.as_ref().map(|run| (service.id, run.id))
    }

    pub(super) fn set_timer(&mut self, index: usize, timer: Timer, at: Tick) {
        self.timers.set(owner(index), timer, at);
    }

    pub(super) fn clear_timer(&mut self, index: usize, timer: Timer) {
        self.timers.clear(owner(index), timer);
    }

    pub(super) fn command(&mut self, request: RequestId, command: Command) {
        match command {
            Command::Start { services } => self.start(request, &services),
            Command::Stop { services } => self.stop(request, &services),
            Command::Restart { services } => self.restart(request, &services),
            Command::Signal { service, signal } => self.signal(request, service, signal),
            Command::Shutdown { now } => self.shut_down(request, now),
        }
    }
}

pub(super) fn owner(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
