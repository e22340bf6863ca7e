//! A small language for scenarios: an obedient world in which chosen answers can be held back or replaced.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::fixture;
use crate::engine::{
    Command, Effect, Engine, Event, Exit, Failure, FailureKind, Outcome, Phase, ProbeOutcome, Record, RequestId, RunId,
    ServiceSnapshot, Tick,
};
use crate::spec::{ServiceId, ServiceSpec, StackSpec};

pub struct Scenario {
    pub engine: Engine,
    pub now: Tick,
    pub records: Vec<Record>,
    /// What was done, in order: `spawn db`, `signal api 15`.
    pub done: Vec<String>,
    pub finished: Vec<Vec<ServiceId>>,
    names: Vec<String>,
    held: BTreeSet<String>,
    replies: BTreeMap<RequestId, Vec<Outcome>>,
    requests: u64,
    spawns: BTreeMap<usize, RunId>,
    sequences: BTreeMap<usize, u64>,
    tokens: Vec<u64>,
}

impl Scenario {
    pub fn new(services: Vec<ServiceSpec>) -> Self {
        Self::of(&fixture::stack(services), &[])
    }

    pub fn of(stack: &StackSpec, by_hand: &[ServiceId]) -> Self {
        Self {
            engine: Engine::new(stack, 1, Tick(0), by_hand),
            now: Tick(0),
            records: Vec::new(),
            done: Vec::new(),
            finished: Vec::new(),
            names: stack.services.iter().map(|spec| spec.name.clone()).collect(),
            held: BTreeSet::new(),
            replies: BTreeMap::new(),
            requests: 0,
            spawns: BTreeMap::new(),
            sequences: BTreeMap::new(),
            tokens: Vec::new(),
        }
    }

    fn id(&self, name: &str) -> ServiceId {
        let index = self.names.iter().position(|other| other == name).expect("a service of the scenario");
        ServiceId(u32::try_from(index).unwrap())
    }

    /// The world does not answer this any more: `probe db`, `exit db`, `tree db`, `save`.
    pub fn hold(&mut self, what: &str) -> &mut Self {
        self.held.insert(what.to_owned());
        self
    }

    pub fn let_go(&mut self, what: &str) -> &mut Self {
        self.held.remove(what);
        self
    }

    pub fn run(&self, name: &str) -> RunId {
        self.spawns[&self.id(name).index()]
    }

    pub fn start(&mut self, names: &[&str]) -> RequestId {
        let services = names.iter().map(|name| self.id(name)).collect();
        self.command(Command::Start { services })
    }

    pub fn stop(&mut self, names: &[&str]) -> RequestId {
        let services = names.iter().map(|name| self.id(name)).collect();
        self.command(Command::Stop { services })
    }

    pub fn restart(&mut self, names: &[&str]) -> RequestId {
        let services = names.iter().map(|name| self.id(name)).collect();
        self.command(Command::Restart { services })
    }

    pub fn command(&mut self, command: Command) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.replies.insert(request, Vec::new());
        self.event(Event::Command { request, command });
        request
    }

    pub fn answer(&self, request: RequestId) -> Option<&Outcome> {
        assert!(self.replies[&request].len() <= 1, "answered more than once");
        self.replies[&request].first()
    }

    pub fn exits(&mut self, name: &str, exit: Exit) -> &mut Self {
        let (service, run) = (self.id(name), self.run(name));
        self.event(Event::Exited { service, run, exit })
    }

    pub fn crashes(&mut self, name: &str) -> &mut Self {
        self.exits(name, Exit::Code(1))
    }

    pub fn tree_empty(&mut self, name: &str) -> &mut Self {
        let (service, run) = (self.id(name), self.run(name));
        self.event(Event::TreeEmpty { service, run })
    }

    /// Answers the probe under way.
    pub fn probe(&mut self, name: &str, ok: bool) -> &mut Self {
        let (service, run) = (self.id(name), self.run(name));
        let outcome = if ok { ProbeOutcome::Success } else { ProbeOutcome::Failure(String::from("refused")) };
        let sequence = self.sequences[&service.index()];
        self.event(Event::ProbeDone { service, run, role: crate::engine::ProbeRole::Readiness, sequence, outcome })
    }

    pub fn saved(&mut self, failure: Option<&str>) -> &mut Self {
        let token = *self.tokens.last().expect("a save");
        match failure {
            None => self.event(Event::DesiredSaved { token }),
            Some(reason) => self.event(Event::DesiredSaveFailed { token, reason: reason.to_owned() }),
        }
    }

    pub fn notify(&mut self, name: &str, message: crate::engine::NotifyMessage) -> &mut Self {
        let (service, run) = (self.id(name), self.run(name));
        self.event(Event::Notified { service, run, message })
    }

    /// Time passes; every deadline on the way is seen to at its moment.
    pub fn pass(&mut self, span: Duration) -> &mut Self {
        let until = self.now.after(span);
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.event(Event::Tick);
        }
        self.now = until;
        self.event(Event::Tick)
    }

    pub fn millis(&mut self, millis: u64) -> &mut Self {
        self.pass(Duration::from_millis(millis))
    }

    pub fn phase(&self, name: &str) -> Phase {
        self.view(name).phase
    }

    pub fn view(&self, name: &str) -> ServiceSnapshot {
        self.engine.service_snapshot(self.id(name)).unwrap()
    }

    pub fn why(&self, name: &str) -> Vec<String> {
        self.engine.why(self.id(name)).into_iter().map(|cause| cause.message).collect()
    }

    pub fn count(&self, what: &str) -> usize {
        self.done.iter().filter(|line| *line == what).count()
    }

    /// Position in what was done.
    pub fn at(&self, what: &str) -> usize {
        self.done
            .iter()
            .rposition(|line| line == what)
            .unwrap_or_else(|| panic!("{what} was not done: {:?}", self.done))
    }

    pub fn has_record(&self, kind: &str, part: &str) -> bool {
        self.records.iter().any(|record| record.kind == kind && record.message.contains(part))
    }

    pub fn event(&mut self, event: Event) -> &mut Self {
        let mut todo = VecDeque::from([event]);
        while let Some(event) = todo.pop_front() {
            for effect in self.engine.step(self.now, event) {
                self.obey(effect, &mut todo);
            }
        }
        self
    }

    fn obey(&mut self, effect: Effect, todo: &mut VecDeque<Event>) {
        let mut answer = |engine: &mut Self, what: &str, service: ServiceId, event: Event| {
            let line = format!("{what} {}", engine.names[service.index()]);
            if !engine.held.contains(&line) {
                todo.push_back(event);
            }
            engine.done.push(line);
        };
        match effect {
            Effect::Prepare { service, run } => answer(self, "prepare", service, Event::Prepared { service, run }),
            Effect::Spawn { service, run } => {
                self.spawns.insert(service.index(), run);
                answer(self, "spawn", service, Event::Spawned { service, run, pid: 7 });
            }
            Effect::Probe { service, run, role, sequence } => {
                self.sequences.insert(service.index(), sequence);
                let event = Event::ProbeDone { service, run, role, sequence, outcome: ProbeOutcome::Success };
                answer(self, "probe", service, event);
            }
            Effect::CancelProbe { service, .. } => {
                self.done.push(format!("cancel-probe {}", self.names[service.index()]));
            }
            Effect::Bootstrap { service, run } => {
                answer(self, "bootstrap", service, Event::BootstrapDone { service, run });
            }
            Effect::CancelWork { service, run } => {
                let failure = Failure { kind: FailureKind::Transient, message: String::from("cancelled"), hint: None };
                answer(self, "cancel", service, Event::BootstrapFailed { service, run, failure });
            }
            Effect::Hook { service, run, hook } => {
                let what = match hook {
                    crate::engine::effect::Hook::PreStop => "pre-stop",
                    crate::engine::effect::Hook::PostStop => "post-stop",
                };
                answer(self, what, service, Event::HookDone { service, run, failure: None });
            }
            Effect::Signal { service, run, signal, .. } => {
                self.done.push(format!("signal {} {signal}", self.names[service.index()]));
                let exit = Exit::Signal { signal, core_dumped: false };
                if signal != 10 {
                    answer(self, "exit", service, Event::Exited { service, run, exit });
                }
            }
            Effect::WatchTree { service, run } => answer(self, "watch", service, Event::TreeEmpty { service, run }),
            Effect::KillTree { service, run } => answer(self, "kill", service, Event::TreeEmpty { service, run }),
            Effect::Release { service, run } => answer(self, "release", service, Event::Released { service, run }),
            Effect::SaveDesired { token, .. } => {
                self.tokens.push(token);
                self.done.push(String::from("save"));
                if !self.held.contains("save") {
                    todo.push_back(Event::DesiredSaved { token });
                }
            }
            Effect::Reply { request, outcome } => self.replies.entry(request).or_default().push(outcome),
            Effect::Record(record) => self.records.push(record),
            Effect::Finished { left } => self.finished.push(left),
        }
    }
}
