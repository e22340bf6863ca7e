//! The loop: select an event, step the engine, run the effects. It never waits for a child or a disk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::assembly::Assembly;
use super::handle::{Request, SupervisorEnd};
use super::launch;
use super::publish::Publisher;
use super::run::{Message, Run};
use super::signals::{OsSignal, Signals};
use super::state_writer::StateWriter;
use crate::engine::snapshot::Record;
use crate::engine::{Command, Desired, Engine, Event, Outcome, RequestId, Tick};
use crate::platform::{Tree, clock};
use crate::spec::ServiceId;

/// Messages of our own tasks that wait for the loop. Each is the answer to an effect under way; a task that finds the
/// lane full waits, and nothing that the loop does waits for a task.
const MESSAGES: usize = 1024;

/// Events taken in one turn. Between two turns everything that waits for the kernel has its moment: when hundreds of
/// children end at once, most are reaped before what follows from the first ends is done.
const TURN: usize = 32;

/// A deadline met this much too late means that we did not run: the machine slept or was starved.
const STARVED: Duration = Duration::from_secs(5);

/// The two clocks drift apart by this much only when the machine has slept.
const SLEPT: Duration = Duration::from_secs(1);

/// So long after a child has ended, orphans are looked for and empty cgroups removed: when hundreds end at once, once for
/// all of them, and never while the next run is on its way. Neither costs anything while it waits.
const TIDY: Duration = Duration::from_millis(100);

/// After so long without anything worth a record, a start or a stop is over, and what it needed is given back.
const REST: Duration = Duration::from_secs(3);

/// How long the last helpers have to be gone after a stop; they are killed.
const HELPERS_BOUND: Duration = Duration::from_secs(2);

/// How a supervised stack came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The signal that asked for it, if one did.
    pub signal: Option<i32>,
    /// Services that could not be cleared away.
    pub left: Vec<String>,
}

pub struct Supervisor {
    pub(super) assembly: Arc<Assembly>,
    pub(super) engine: Engine,
    pub(super) runs: Vec<Option<Run>>,
    pub(super) outbox: mpsc::Sender<Message>,
    pub(super) queue: VecDeque<Event>,
    pub(super) state: StateWriter,
    /// Who waits for an answer, and answers that leave with the next view, so that who asks then sees what was done.
    pub(super) replies: BTreeMap<RequestId, oneshot::Sender<Outcome>>,
    pub(super) answers: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    pub(super) finished: Option<Vec<ServiceId>>,
    pub(super) end: SupervisorEnd,
    /// Pipes of runs that have ended, being read to their end.
    pub(super) drains: Vec<tokio::task::JoinHandle<()>>,
    /// Trees that nothing is left of, to be given back.
    pub(super) cleared: Vec<Arc<Tree>>,
    /// Follow the files of watched services.
    watches: Vec<tokio::task::AbortHandle>,
    publisher: Publisher,
    inbox: mpsc::Receiver<Message>,
    started: Instant,
    tidy_due: Option<Instant>,
    rest_due: Option<Instant>,
    /// Something worth a record has happened in this turn.
    pub(super) eventful: bool,
    suspended: Duration,
    next_request: u64,
    ended_by: Option<i32>,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Supervisor").field("runs", &self.runs.len()).finish_non_exhaustive()
    }
}

impl Supervisor {
    /// The engine for this stack, with the wishes that an earlier life left.
    pub fn engine(assembly: &Assembly, seed: u64) -> Engine {
        let stopped: Vec<ServiceId> = assembly
            .stack
            .services
            .iter()
            .filter(|service| assembly.state.stopped_by_hand.contains(&service.name))
            .map(|service| service.id)
            .collect();
        Engine::new(&assembly.stack, seed, Tick(0), &stopped)
    }

    pub fn new(assembly: Arc<Assembly>, engine: Engine, end: SupervisorEnd) -> Self {
        let (outbox, inbox) = mpsc::channel(MESSAGES);
        let runs = assembly.stack.services.iter().map(|_| None).collect();
        let state = StateWriter::start(&assembly, outbox.clone());
        Self {
            engine,
            runs,
            outbox,
            queue: VecDeque::new(),
            state,
            replies: BTreeMap::new(),
            answers: Vec::new(),
            finished: None,
            end,
            drains: Vec::new(),
            cleared: Vec::new(),
            watches: Vec::new(),
            publisher: Publisher::default(),
            inbox,
            started: Instant::now(),
            tidy_due: None,
            rest_due: None,
            eventful: false,
            suspended: clock::suspended(),
            next_request: 0,
            ended_by: None,
            assembly,
        }
    }

    pub(super) fn now(&self) -> Tick {
        Tick::default().after(self.started.elapsed())
    }

    /// Runs until the stack has been shut down.
    pub async fn run(mut self, mut signals: Signals) -> Ended {
        self.watches = super::watch::start(&self.assembly, &self.outbox);
        loop {
            self.select(&mut signals).await;
            self.step();
            self.tell();
            if let Some(left) = self.finished.take() {
                return self.end(left).await;
            }
            if !self.inbox.is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Phase one: wait for something, then take what else is there.
    async fn select(&mut self, signals: &mut Signals) {
        let deadline = self.engine.next_deadline().map(|tick| self.started + Duration::from_nanos(tick.0));
        let publish = self.publisher.due();
        tokio::select! {
            biased;
            Some(request) = self.end.urgent.recv() => self.command(request),
            signal = signals.next() => self.signal(signal),
            Some(message) = self.inbox.recv() => self.message(message),
            Some(request) = self.end.requests.recv() => self.command(request),
            () = at(publish) => {}
            () = at(self.rest_due) => {
                self.rest_due = None;
                crate::platform::memory::give_back();
            }
            () = at(self.tidy_due) => {
                self.tidy_due = None;
                crate::platform::reaper::reap_orphans();
                self.give_back();
            }
            () = at(deadline) => {
                if let Some(late) = deadline.map(|deadline| deadline.elapsed()).filter(|late| *late > STARVED) {
                    self.queue.push_back(Event::Resumed { gap: late });
                }
                self.queue.push_back(Event::Tick);
            }
        }
        let suspended = clock::suspended();
        let gap = suspended.saturating_sub(self.suspended);
        if gap > SLEPT {
            self.suspended = suspended;
            self.queue.push_front(Event::Resumed { gap });
        }
        while self.queue.len() < TURN {
            let Ok(message) = self.inbox.try_recv() else { break };
            self.message(message);
        }
    }

    /// Phase two and three: step the engine for every event, do what it says.
    pub(super) fn step(&mut self) {
        let mut effects = Vec::new();
        while let Some(event) = self.queue.pop_front() {
            let now = self.now();
            self.engine.step_into(now, event, &mut effects);
            for effect in effects.drain(..) {
                self.perform(effect);
            }
        }
        self.assembly.sockets.keep(|service| self.engine.is_wanted(service));
        self.assembly.journal_flush();
        if !self.cleared.is_empty() {
            self.tidy_soon();
        }
        if std::mem::take(&mut self.eventful) {
            self.rest_due = Some(Instant::now() + REST);
        }
    }

    fn tidy_soon(&mut self) {
        self.tidy_due.get_or_insert_with(|| Instant::now() + TIDY);
    }

    /// Off the loop and all at once: removing a cgroup takes longer than ending a process.
    fn give_back(&mut self) {
        let cleared = std::mem::take(&mut self.cleared);
        if !cleared.is_empty() {
            let work = move || cleared.iter().for_each(|tree| launch::give_back(tree));
            self.drains.push(tokio::task::spawn_blocking(work));
        }
    }

    fn command(&mut self, request: Request) {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.replies.insert(id, request.answer);
        self.queue.push_back(Event::Command { request: id, command: request.command });
    }

    fn signal(&mut self, signal: OsSignal) {
        match signal {
            OsSignal::Stop(number) => {
                let now = self.ended_by.is_some();
                self.ended_by.get_or_insert(number);
                self.next_request += 1;
                let request = RequestId(self.next_request);
                self.queue.push_back(Event::Command { request, command: Command::Shutdown { now } });
            }
            OsSignal::Reload => {
                tracing::warn!("reload is asked for; changes of services.toml take effect at the next `reeve up`");
            }
            OsSignal::ReopenLogs => self.assembly.logs.reopen(),
            OsSignal::ChildExited => self.tidy_soon(),
            OsSignal::Watchdog => self.assembly.systemd.watchdog(),
        }
    }

    pub(super) fn message(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.queue.push_back(event),
            Message::Prepared { service, run, result } => match result {
                Ok(prepared) => {
                    if let Some(live) = self.live(service, run) {
                        live.prepared = Some(Arc::from(prepared));
                    }
                    self.queue.push_back(Event::Prepared { service, run });
                }
                Err(failure) => self.queue.push_back(Event::PrepareFailed { service, run, failure }),
            },
            Message::Build { service, run, kind, message } => self.told(service, run, kind, message),
            Message::Rebuilt { service } => self.rebuilt(service),
            Message::Launched { service, run, result } => match result {
                Ok(launched) => self.launched(service, run, *launched),
                Err(failure) => self.queue.push_back(Event::SpawnFailed { service, run, failure }),
            },
        }
    }

    /// A line of a build's story.
    fn told(&mut self, service: ServiceId, run: crate::engine::RunId, kind: &'static str, message: String) {
        let name = self.assembly.stack.service(service).name.clone();
        tracing::info!(service = %name, kind, "{message}");
        let run = self.live(service, run).map(|live| live.id);
        self.end.record(Record { service: name, run, kind: kind.to_owned(), phase: None, message, cause: None });
    }

    /// Who is not wanted now gets what is new at the next start.
    fn rebuilt(&mut self, service: ServiceId) {
        let snapshot = self.engine.snapshot();
        let wanted = snapshot.services.get(service.index()).is_some_and(|known| known.desired == Desired::Running);
        if wanted && !snapshot.shutting_down {
            self.next_request += 1;
            let request = RequestId(self.next_request);
            let command = Command::Restart { services: vec![service] };
            self.queue.push_back(Event::Command { request, command });
        }
    }

    /// Phase three's end: views go out at a bounded rate, answers right after the view that shows what they tell.
    fn tell(&mut self) {
        self.publisher.changed();
        if self.answers.is_empty() && self.finished.is_none() && !self.publisher.is_due() {
            return;
        }
        let view = self.publisher.view(&self.assembly, &self.engine, self.now());
        self.end.view.send_replace(view);
        for (answer, outcome) in self.answers.drain(..) {
            // Whoever asked may have gone; the work is done all the same.
            let _ = answer.send(outcome);
        }
    }

    pub(super) fn live(&mut self, service: ServiceId, run: crate::engine::RunId) -> Option<&mut Run> {
        self.runs[service.index()].as_mut().filter(|live| live.id == run)
    }

    /// Everything is stopped: what is still in memory goes to disk before we go.
    async fn end(mut self, left: Vec<ServiceId>) -> Ended {
        // A rebuild under way is killed with its whole tree.
        self.watches.iter().for_each(tokio::task::AbortHandle::abort);
        self.give_back();
        for drain in self.drains.drain(..) {
            // Its own bound ends it.
            if let Err(error) = drain.await {
                tracing::error!(%error, "what was left of a run was not seen to its end");
            }
        }
        self.runs.clear();
        self.assembly.helpers.close();
        if tokio::time::timeout(HELPERS_BOUND, self.assembly.helpers.wait()).await.is_err() {
            tracing::warn!("processes of a probe or hook are still there after a kill");
        }
        self.state.finish().await;
        self.assembly.logs.flush().await;
        if left.is_empty()
            && let Err(error) = self.assembly.containment.close()
        {
            tracing::warn!(%error, "cannot give back the cgroup of the stack");
        }
        let left = left.into_iter().map(|id| self.assembly.stack.service(id).name.clone()).collect();
        Ended { signal: self.ended_by, left }
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
