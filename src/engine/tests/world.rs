//! A fake world for the engine: processes that crash, linger and refuse, answers that come late, twice or never when
//! that is allowed, saves that fail, operators at every moment; and a shadow model that knows what must be.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::stacks::random_stack;
use crate::engine::chance::Chance;
use crate::engine::{
    Command, Desired, Effect, Engine, Event, Exit, Failure, FailureKind, NotifyMessage, ProbeOutcome, RequestId, RunId,
    Tick,
};
use crate::spec::{Condition, ProbeAction, ServiceId, ServiceKind, StackSpec};

mod checks;
mod digest;

use digest::hash_effect;

/// What the shadow knows of one run.
#[derive(Debug, Default)]
struct Process {
    spawned: bool,
    leader: bool,
    /// Children that outlive the leader.
    stragglers: bool,
    /// Does not react to the stop signal.
    deaf: bool,
    /// Survives the kill for a while.
    immortal: bool,
    watched: bool,
    killed: bool,
    empty: bool,
    released: bool,
    signalled: bool,
    matched: bool,
    probes: [Option<u64>; 2],
    work: u32,
}

#[derive(Debug)]
enum Later {
    Event(Event),
    /// The leader ends, unless it has.
    Die(ServiceId, RunId, Exit),
    /// What is left of the tree ends.
    Empty(ServiceId, RunId),
}

#[derive(Debug)]
pub struct World {
    pub steps: u64,
    pub hash: u64,
    stack: StackSpec,
    engine: Engine,
    chance: Chance,
    now: Tick,
    agenda: BTreeMap<(Tick, u64), Later>,
    tickets: u64,
    runs: BTreeMap<(ServiceId, RunId), Process>,
    /// The one run of each service that is not released.
    current: Vec<Option<RunId>>,
    requests: BTreeMap<RequestId, u32>,
    stops: BTreeMap<RequestId, Vec<ServiceId>>,
    next_request: u64,
    saved: BTreeMap<u64, bool>,
    finished: u32,
    shutdowns: u32,
    trouble: bool,
    /// Starts since the trouble ended.
    quiet_starts: usize,
    /// Per mille of things that go wrong.
    evil: u64,
    history: VecDeque<String>,
    effects: Vec<Effect>,
    verbose: bool,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x5eed);
        let stack = random_stack(&mut chance);
        let engine = Engine::new(&stack, seed, Tick(1_000), &[]);
        let count = stack.services.len();
        Self {
            steps: 0,
            hash: 0,
            stack,
            engine,
            evil: [0, 5, 30, 120, 300][usize::try_from(chance.below(5)).unwrap()],
            chance,
            now: Tick(1_000),
            agenda: BTreeMap::new(),
            tickets: 0,
            runs: BTreeMap::new(),
            current: vec![None; count],
            requests: BTreeMap::new(),
            stops: BTreeMap::new(),
            next_request: 0,
            saved: BTreeMap::new(),
            finished: 0,
            shutdowns: 0,
            trouble: true,
            quiet_starts: 0,
            history: VecDeque::new(),
            effects: Vec::new(),
            verbose: std::env::var("REEVE_SIM_SEED").is_ok(),
        }
    }

    /// Trouble for `steps` steps, then peace until nothing moves, then the end of the stack.
    pub fn live(&mut self, steps: u64) {
        self.request(Command::Start { services: Vec::new() });
        while self.steps < steps {
            self.turn();
        }
        self.trouble = false;
        self.evil = 0;
        self.peace();
        let now = self.chance_of(300);
        self.request(Command::Shutdown { now });
        let mut left = 100_000;
        while self.finished == 0 {
            left -= 1;
            assert!(left > 0, "the shutdown does not end: {:?}", self.engine.snapshot());
            self.turn();
        }
        assert_eq!(self.finished, 1, "finished is said once");
        assert!(self.engine.next_deadline().is_none(), "no deadline after the end");
        for (request, answers) in &self.requests {
            assert_eq!(*answers, 1, "{request:?} was answered {answers} times");
        }
        // What comes after the end is refused, and nothing else happens.
        self.request(Command::Start { services: Vec::new() });
        assert_eq!(self.requests.last_key_value().map(|(_, answers)| *answers), Some(1));
    }

    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.history.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    fn chance_of(&mut self, per_mille: u64) -> bool {
        self.chance.below(1000) < per_mille
    }

    fn some_service(&mut self) -> ServiceId {
        ServiceId(u32::try_from(self.chance.below(self.stack.services.len() as u64)).unwrap())
    }

    /// Time goes to what is due next, and that happens.
    fn turn(&mut self) {
        if self.trouble && self.chance_of(25) {
            self.meddle();
            return;
        }
        let deadline = self.engine.next_deadline();
        let agenda = self.agenda.first_key_value().map(|((at, _), _)| *at);
        match (deadline, agenda) {
            (Some(deadline), Some(at)) if deadline < at => self.tick_at(deadline),
            (_, Some(_)) => self.next_on_agenda(),
            (Some(deadline), None) => self.tick_at(deadline),
            (None, None) if self.trouble => self.meddle(),
            (None, None) => panic!("nothing will ever happen: {:?}", self.engine.snapshot()),
        }
    }

    fn tick_at(&mut self, at: Tick) {
        self.now = self.now.max(at);
        if self.trouble && self.chance_of(10) {
            // We were not scheduled.
            let gap = Duration::from_millis(self.chance.below(60_000));
            self.now = self.now.after(gap);
        }
        self.step(Event::Tick);
    }

    fn next_on_agenda(&mut self) {
        let Some(((at, _), later)) = self.agenda.pop_first() else { return };
        self.now = self.now.max(at);
        match later {
            Later::Event(event) => self.deliver(event),
            Later::Die(service, run, exit) => self.die(service, run, exit),
            Later::Empty(service, run) => self.empty(service, run),
        }
    }

    fn deliver(&mut self, event: Event) {
        match &event {
            Event::Prepared { service, run }
            | Event::PrepareFailed { service, run, .. }
            | Event::BootstrapDone { service, run }
            | Event::BootstrapFailed { service, run, .. }
            | Event::HookDone { service, run, .. } => {
                let process = self.runs.get_mut(&(*service, *run)).unwrap();
                if process.work == 0 {
                    return;
                }
                process.work = 0;
            }
            Event::Spawned { service, run, .. } => {
                let process = self.runs.get_mut(&(*service, *run)).unwrap();
                process.spawned = true;
                process.leader = true;
                let (service, run) = (*service, *run);
                self.step(event);
                self.fate(service, run);
                return;
            }
            Event::ProbeDone { service, run, role, sequence, .. } => {
                let process = self.runs.get_mut(&(*service, *run)).unwrap();
                let slot = &mut process.probes[*role as usize];
                if *slot == Some(*sequence) {
                    *slot = None;
                }
            }
            Event::LogMatched { service, run } => {
                let process = self.runs.get_mut(&(*service, *run)).unwrap();
                if !process.leader {
                    return;
                }
                process.matched = true;
            }
            Event::Released { service, run } => {
                let process = self.runs.get_mut(&(*service, *run)).unwrap();
                process.released = true;
                self.current[service.index()] = None;
            }
            Event::DesiredSaved { token } => {
                self.saved.insert(*token, true);
            }
            _ => {}
        }
        let again = self.trouble && self.chance_of(10);
        let copy = again.then(|| event.clone());
        self.step(event);
        // Stale and doubled answers change nothing that matters. Only the hooks' answers do not say whose they are.
        if let Some(copy) = copy.filter(|event| !matches!(event, Event::Command { .. } | Event::HookDone { .. })) {
            self.step(copy);
        }
    }

    /// What becomes of a new process.
    fn fate(&mut self, service: ServiceId, run: RunId) {
        let spec = &self.stack.services[service.index()];
        let oneshot = spec.kind == ServiceKind::Oneshot;
        let action = spec.readiness.action.clone();
        if oneshot || self.chance_of(self.evil) {
            let code = if self.chance_of(self.evil) { 1 } else { 0 };
            let exit = if self.chance_of(self.evil / 2) {
                Exit::Signal { signal: 9, core_dumped: false }
            } else {
                Exit::Code(code)
            };
            let far = if oneshot { 3_000 } else { 100_000 };
            let at = self.moment(far);
            self.later(at, Later::Die(service, run, exit));
        }
        match action {
            ProbeAction::Log { .. } => {
                let at = self.moment(2_000);
                self.later(at, Later::Event(Event::LogMatched { service, run }));
            }
            ProbeAction::Notify => {
                let at = self.moment(2_000);
                self.later(at, Later::Event(Event::Notified { service, run, message: NotifyMessage::Ready }));
            }
            _ => {}
        }
        let (deaf, immortal, stragglers) =
            (self.chance_of(self.evil), self.chance_of(self.evil / 10), self.chance_of(self.evil));
        let process = self.runs.get_mut(&(service, run)).unwrap();
        (process.deaf, process.immortal, process.stragglers) = (deaf, immortal, stragglers);
    }

    fn moment(&mut self, within_ms: u64) -> Tick {
        self.now.after(Duration::from_micros(self.chance.below(within_ms * 1000)))
    }

    fn later(&mut self, at: Tick, what: Later) {
        self.tickets += 1;
        self.agenda.insert((at, self.tickets), what);
    }

    fn soon(&mut self, event: Event) {
        let far = if self.chance_of(self.evil) { 3_000 } else { 20 };
        let at = self.moment(far);
        self.later(at, Later::Event(event));
    }

    fn die(&mut self, service: ServiceId, run: RunId, exit: Exit) {
        let process = self.runs.get_mut(&(service, run)).unwrap();
        if !std::mem::take(&mut process.leader) {
            return;
        }
        if !process.stragglers {
            process.empty = true;
        }
        self.step(Event::Exited { service, run, exit });
        let process = &self.runs[&(service, run)];
        if process.watched && process.empty {
            self.soon(Event::TreeEmpty { service, run });
        }
    }

    fn empty(&mut self, service: ServiceId, run: RunId) {
        let process = self.runs.get_mut(&(service, run)).unwrap();
        if process.leader {
            self.die(service, run, Exit::Signal { signal: 9, core_dumped: false });
        }
        let process = self.runs.get_mut(&(service, run)).unwrap();
        process.stragglers = false;
        process.empty = true;
        self.step(Event::TreeEmpty { service, run });
    }

    fn request(&mut self, command: Command) {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.requests.insert(request, 0);
        match &command {
            Command::Stop { services } => {
                self.stops.insert(request, services.clone());
            }
            Command::Shutdown { .. } => self.shutdowns += 1,
            _ => {}
        }
        self.step(Event::Command { request, command });
    }

    /// An operator, an orphan's signal, a sleep.
    fn meddle(&mut self) {
        let one = self.some_service();
        let mut services = vec![one];
        if self.chance_of(200) {
            services.push(self.some_service());
        }
        match self.chance.below(14) {
            0 | 1 => self.request(Command::Stop { services }),
            2..=5 => self.request(Command::Start { services }),
            6 => self.request(Command::Start { services: Vec::new() }),
            7 | 8 => self.request(Command::Restart { services }),
            9 => self.request(Command::Signal { service: one, signal: 10 }),
            10 => {
                let gap = Duration::from_secs(self.chance.below(600));
                self.now = self.now.after(gap);
                self.step(Event::Resumed { gap });
            }
            11 => {
                if let Some(run) = self.current[one.index()] {
                    let message = match self.chance.below(4) {
                        0 => NotifyMessage::WatchdogTrigger,
                        1 => NotifyMessage::Status(String::from("busy")),
                        2 => NotifyMessage::Ready,
                        _ => NotifyMessage::ExtendTimeout(Duration::from_secs(3)),
                    };
                    self.step(Event::Notified { service: one, run, message });
                }
            }
            12 => {
                if let Some(run) = self.current[one.index()] {
                    self.die(one, run, Exit::Signal { signal: 11, core_dumped: true });
                }
            }
            _ => {
                // Something about a run that never was.
                let run = RunId(u64::MAX);
                self.step(Event::Exited { service: one, run, exit: Exit::Code(1) });
            }
        }
    }

    fn step(&mut self, event: Event) {
        self.steps += 1;
        self.note(|| format!("> {event:?}"));
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        self.engine.step_into(self.now, event, &mut effects);
        for effect in &effects {
            self.note(|| format!("    {effect:?}"));
            let mut hasher = DefaultHasher::new();
            self.hash.hash(&mut hasher);
            hash_effect(effect, &mut hasher);
            self.hash = hasher.finish();
        }
        assert!(
            self.engine.next_deadline().is_none_or(|at| at > self.now),
            "a deadline has passed and was not seen to"
        );
        for effect in effects.drain(..) {
            self.obey(effect);
        }
        self.effects = effects;
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if !self.verbose {
            return;
        }
        if self.history.len() >= 400 {
            self.history.pop_front();
        }
        let line = format!("{:>12} {}", self.now.0 / 1_000, line());
        self.history.push_back(line);
    }

    fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Prepare { service, run } => {
                assert!(self.current[service.index()].is_none(), "two runs of {service:?}");
                self.current[service.index()] = Some(run);
                self.quiet_starts += usize::from(!self.trouble);
                let process = Process { work: 1, ..Process::default() };
                assert!(self.runs.insert((service, run), process).is_none(), "{run:?} was there before");
                assert_eq!(self.finished, 0, "a start after the end");
                let bad = self.chance_of(self.evil);
                let event = if bad {
                    Event::PrepareFailed { service, run, failure: self.failure() }
                } else {
                    Event::Prepared { service, run }
                };
                self.soon(event);
            }
            Effect::Spawn { service, run } => {
                assert_eq!(self.current[service.index()], Some(run), "a spawn outside of its run");
                self.check_gate(service);
                let alive = self.runs.iter().filter(|((other, _), process)| *other == service && !process.released);
                assert_eq!(alive.count(), 1, "two lives of {service:?}");
                assert_ne!(self.desired(service), Desired::StoppedByHand, "{service:?} was stopped by hand");
                assert_eq!(self.shutdowns, 0, "a spawn while the stack is shut down");
                if self.chance_of(self.evil / 2) {
                    let failure = self.failure();
                    self.soon(Event::SpawnFailed { service, run, failure });
                } else {
                    self.soon(Event::Spawned { service, run, pid: 1 });
                }
            }
            Effect::Probe { service, run, role, sequence } => {
                let process = self.runs.get_mut(&(service, run)).unwrap();
                let slot = &mut process.probes[role as usize];
                assert!(slot.is_none(), "two probes of one role at once");
                *slot = Some(sequence);
                let outcome = if self.chance_of(self.evil) {
                    ProbeOutcome::Failure(String::from("no"))
                } else {
                    ProbeOutcome::Success
                };
                let lost = self.trouble && self.chance_of(self.evil / 10);
                if !lost {
                    self.soon(Event::ProbeDone { service, run, role, sequence, outcome });
                }
            }
            Effect::CancelProbe { service, run, role } => {
                self.runs.get_mut(&(service, run)).unwrap().probes[role as usize] = None;
            }
            Effect::Bootstrap { service, run } => {
                self.begin_work(service, run);
                if self.chance_of(self.evil) {
                    let failure = self.failure();
                    self.soon(Event::BootstrapFailed { service, run, failure });
                } else {
                    self.soon(Event::BootstrapDone { service, run });
                }
            }
            Effect::Hook { service, run, .. } => {
                self.begin_work(service, run);
                let failure = self.chance_of(self.evil).then(|| self.failure());
                self.soon(Event::HookDone { service, run, failure });
            }
            // The answer that is on its way stands for the one that the cancelling brings.
            Effect::CancelWork { service, run } => {
                assert!(self.runs[&(service, run)].work > 0, "nothing to cancel");
            }
            Effect::Signal { service, run, signal, .. } => self.take_signal(service, run, signal),
            Effect::WatchTree { service, run } => {
                let process = self.runs.get_mut(&(service, run)).unwrap();
                process.watched = true;
                if process.empty {
                    self.soon(Event::TreeEmpty { service, run });
                }
            }
            Effect::KillTree { service, run } => self.kill_tree(service, run),
            Effect::Release { service, run } => {
                let process = &self.runs[&(service, run)];
                assert!(!process.spawned || process.empty, "released with processes left");
                assert_eq!(process.work, 0, "released with work under way");
                self.soon(Event::Released { service, run });
            }
            Effect::SaveDesired { token, stopped_by_hand } => {
                for id in 0..self.stack.services.len() {
                    let id = ServiceId(u32::try_from(id).unwrap());
                    assert_eq!(stopped_by_hand.contains(&id), self.desired(id) == Desired::StoppedByHand);
                }
                self.saved.insert(token, false);
                if self.chance_of(self.evil) {
                    self.soon(Event::DesiredSaveFailed { token, reason: String::from("disk full") });
                } else {
                    self.soon(Event::DesiredSaved { token });
                }
            }
            Effect::Reply { request, outcome } => self.answered(request, &outcome),
            Effect::Record(record) => {
                assert_ne!(record.kind, "invariant", "{}", record.message);
                assert!(!record.message.is_empty());
            }
            Effect::Finished { left } => {
                self.finished += 1;
                for ((service, _), process) in &self.runs {
                    assert!(process.released || left.contains(service), "finished, and {service:?} is still there");
                }
                if !self.trouble {
                    let real = left.iter().filter(|service| {
                        !self.runs.iter().any(|((other, _), process)| other == *service && process.immortal)
                    });
                    assert_eq!(real.count(), 0, "left behind without need: {left:?}");
                }
            }
        }
    }

    fn begin_work(&mut self, service: ServiceId, run: RunId) {
        let process = self.runs.get_mut(&(service, run)).unwrap();
        assert_eq!(process.work, 0, "two works of one run at once");
        process.work = 1;
    }

    fn desired(&self, service: ServiceId) -> Desired {
        self.engine.services[service.index()].desired
    }

    fn failure(&mut self) -> Failure {
        let kind = match self.chance.below(12) {
            0 => FailureKind::Permanent,
            1..=3 => FailureKind::Lasting,
            _ => FailureKind::Transient,
        };
        Failure { kind, message: String::from("it did not work"), hint: None }
    }

    fn take_signal(&mut self, service: ServiceId, run: RunId, signal: i32) {
        let stop = self.stack.services[service.index()].stop.signal;
        if signal == stop {
            let process = &self.runs[&(service, run)];
            assert!(!process.signalled, "the stop signal was sent twice");
            for (other, spec) in self.stack.services.iter().enumerate() {
                // Dependents first: nobody who needs it to be up and is being stopped as well may still run.
                let edge = spec.depends_on.iter().find(|edge| edge.service == service);
                let Some(edge) = edge.filter(|edge| edge.condition != Condition::Stopped) else { continue };
                let Some(theirs) = self.current[other] else { continue };
                let state = &self.runs[&(spec.id, theirs)];
                let immortal = state.immortal && state.killed;
                let failing = self.engine.services[service.index()].last_failure.is_some();
                let hard = self.shutdowns > 0
                    || (edge.required
                        && crate::engine::graph::is_live(edge.condition)
                        && self.desired(service) == Desired::StoppedByHand);
                if hard && !immortal && !failing {
                    assert!(
                        state.released || !state.spawned || state.empty,
                        "{} is stopped before {}",
                        self.stack.services[service.index()].name,
                        spec.name
                    );
                }
            }
        }
        let process = self.runs.get_mut(&(service, run)).unwrap();
        if signal == stop {
            process.signalled = true;
        }
        if process.leader && !process.deaf {
            let at = self.moment(300);
            self.later(at, Later::Die(service, run, Exit::Signal { signal, core_dumped: false }));
            if self.runs[&(service, run)].stragglers && self.chance_of(500) {
                let at = self.moment(3_000);
                self.later(at, Later::Event(Event::Tick));
            }
        }
    }

    fn kill_tree(&mut self, service: ServiceId, run: RunId) {
        let process = self.runs.get_mut(&(service, run)).unwrap();
        assert!(process.spawned, "nothing to kill");
        process.killed = true;
        if process.immortal {
            self.soon(Event::TreeStuck { service, run, pids: vec![4, 5], detail: String::from("D state") });
            let at = self.moment(60_000).after(Duration::from_secs(4));
            self.later(at, Later::Empty(service, run));
        } else {
            let at = self.moment(20);
            self.later(at, Later::Empty(service, run));
        }
    }
}
