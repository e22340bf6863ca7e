//! The way in for everybody who is not the supervisor's loop: requests in, answers, views and events out.
//!
//! [`pair`] makes both ends. A [`SupervisorHandle`] may be cloned freely; the loop keeps the one [`SupervisorEnd`]. Requests
//! go through a bounded lane, shutdowns through a lane of their own, so that a full queue never holds one up. The current
//! [`View`] leaves through a watch channel, events through a bounded [`History`]. Nothing here decides anything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

pub use super::caller::{Asking, Caller};
use super::history::History;
pub use super::history::{EventStep, Events};
pub use super::logs::{LogFollow, Logs};
pub use super::stale::{Fate, Stale};
use crate::engine::snapshot::Record;
use crate::engine::{Command, Outcome, ServiceSnapshot, Snapshot, Tick};
use crate::platform::usage::Usage;
pub use crate::spec::{ControlGrant, ServiceId};

/// Requests that may wait for the loop; it takes them in microseconds, so a full lane means that it hangs.
const LANE: usize = 64;
/// A shutdown and the one that makes it a kill, with room for impatience.
const URGENT_LANE: usize = 8;

/// A request on its way to the loop. Dropping `answer` tells the asker that the supervisor has gone.
#[derive(Debug)]
pub struct Request {
    pub command: Command,
    pub answer: oneshot::Sender<Outcome>,
}

/// The supervisor has ended, or ended before it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the supervisor has ended")]
pub struct Gone;

/// Everything that may be seen of a running stack.
#[derive(Debug, Clone)]
pub struct View {
    pub stack: String,
    pub mode: String,
    pub data_dir: PathBuf,
    /// When this supervisor started.
    pub started_at: Timestamp,
    pub pid: u32,
    /// In the order of the specification: the index is the [`ServiceId`].
    pub snapshot: Snapshot,
    /// The engine's clock when the snapshot was taken, and the same moment for whoever reads it later.
    pub taken: Tick,
    pub taken_at: Instant,
    /// One for each service, in the same order.
    pub extras: Vec<ServiceExtra>,
    /// How trees are kept together and limits enforced here: `cgroup v2`, `subreaper`, …
    pub mechanisms: Vec<String>,
    /// Which promises cannot be kept on this machine, in words.
    pub warnings: Vec<String>,
}

/// What the engine does not know about a service.
#[derive(Debug, Clone, Default)]
pub struct ServiceExtra {
    pub ports: BTreeMap<String, SocketAddr>,
    /// Label → address to open or connect to, without secrets.
    pub addresses: BTreeMap<String, String>,
    /// Current log file.
    pub log: Option<PathBuf>,
    /// Preset of the alternative that runs in its place.
    pub alternative: Option<String>,
    /// How limits are enforced: `cgroup`, `rlimit`, `memory not enforced`.
    pub limits: Option<String>,
    /// What is to be said of its builds: that one runs, or that the last rebuild has failed.
    pub build: Option<String>,
    /// How it is kept apart, or that it is not.
    pub isolation: Option<String>,
    /// What it is for, in words.
    pub description: Option<String>,
    /// What it waits for at its start: service, condition, whether it is needed.
    pub depends_on: Vec<(String, &'static str, bool)>,
    /// What it may ask of the control API.
    pub control: Option<ControlGrant>,
}

impl View {
    pub fn id(&self, name: &str) -> Option<ServiceId> {
        let index = self.snapshot.services.iter().position(|service| service.name == name)?;
        u32::try_from(index).ok().map(ServiceId)
    }

    pub fn service(&self, name: &str) -> Option<(&ServiceSnapshot, &ServiceExtra)> {
        let index = self.id(name)?.index();
        Some((&self.snapshot.services[index], self.extras.get(index)?))
    }

    /// The engine's clock now, as far as a reader can tell.
    pub fn now(&self) -> Tick {
        self.taken.after(self.taken_at.elapsed())
    }

    /// The time of day at this moment, for an answer to be dated with.
    pub fn wall_now(&self) -> Timestamp {
        crate::telemetry::wall_clock()
    }

    /// How long ago that was.
    pub fn age(&self, tick: Tick) -> Duration {
        self.now().since(tick)
    }
}

/// One line of the event history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLine {
    /// Counts from 1 without holes; starts anew with the supervisor.
    pub sequence: u64,
    pub wall: Timestamp,
    pub record: Record,
}

/// A recent line of a service's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailLine {
    pub wall: Timestamp,
    /// `stdout`, `stderr` or `reeve`.
    pub stream: String,
    pub text: String,
}

/// Reads the last lines of a service's output from memory. Must not block.
pub type Tail = Arc<dyn Fn(&str, usize) -> Vec<TailLine> + Send + Sync>;

/// Measures what each service of a view uses. May block for some milliseconds.
pub type Measure = Arc<dyn Fn(&View) -> Vec<Option<Usage>> + Send + Sync>;

/// Looks whether programs and files are still what they were. May block for some milliseconds.
pub type Look = Arc<dyn Fn(&View) -> Stale + Send + Sync>;

/// Why a service is where it is.
#[derive(Debug, Clone)]
pub struct WhyReport {
    pub service: String,
    /// From the service down to the cause, one sentence each.
    pub chain: Vec<String>,
    pub events: Vec<EventLine>,
    pub log: Vec<TailLine>,
}

#[derive(Clone)]
pub struct SupervisorHandle {
    requests: mpsc::Sender<Request>,
    urgent: mpsc::Sender<Request>,
    view: watch::Receiver<Arc<View>>,
    history: Arc<History>,
    tail: Tail,
    measure: Option<Measure>,
    look: Option<Look>,
    logs: Option<Arc<Logs>>,
}

/// The loop's end.
#[derive(Debug)]
pub struct SupervisorEnd {
    pub requests: mpsc::Receiver<Request>,
    /// Shutdowns only; to be looked at first.
    pub urgent: mpsc::Receiver<Request>,
    pub view: watch::Sender<Arc<View>>,
    pub history: Arc<History>,
}

/// Both ends. `tail` is asked from the thread of whoever calls [`SupervisorHandle::tail`].
pub fn pair(view: View, tail: Tail) -> (SupervisorHandle, SupervisorEnd) {
    let (requests, requests_end) = mpsc::channel(LANE);
    let (urgent, urgent_end) = mpsc::channel(URGENT_LANE);
    let (view_end, view) = watch::channel(Arc::new(view));
    let history = Arc::new(History::default());
    let end = SupervisorEnd { requests: requests_end, urgent: urgent_end, view: view_end, history: history.clone() };
    (SupervisorHandle { requests, urgent, view, history, tail, measure: None, look: None, logs: None }, end)
}

impl SupervisorEnd {
    /// A line for the history. The wall time is for people only.
    pub fn record(&self, record: Record) {
        self.history.push(crate::telemetry::wall_clock(), record);
    }
}

/// Whoever still follows events learns that there are no more.
impl Drop for SupervisorEnd {
    fn drop(&mut self) {
        self.history.close();
    }
}

impl SupervisorHandle {
    /// Hands the command to the engine and waits for its answer.
    pub async fn request(&self, command: Command) -> Result<Outcome, Gone> {
        let lane = if matches!(command, Command::Shutdown { .. }) { &self.urgent } else { &self.requests };
        let (answer, outcome) = oneshot::channel();
        lane.send(Request { command, answer }).await.map_err(|_| Gone)?;
        outcome.await.map_err(|_| Gone)
    }

    pub fn snapshot(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// Waits for the next view that differs from the last one seen through this handle (a clone counts for itself).
    pub async fn changed(&mut self) -> Result<Arc<View>, Gone> {
        self.view.changed().await.map_err(|_| Gone)?;
        Ok(self.view.borrow_and_update().clone())
    }

    /// Events from that sequence number on; without one, those to come.
    pub fn events(&self, from: Option<u64>) -> Events {
        Events::new(self.history.clone(), from)
    }

    pub fn tail(&self, service: &str, lines: usize) -> Vec<TailLine> {
        (self.tail)(service, lines)
    }

    /// The same handle, with a way to measure.
    #[must_use]
    pub fn measured_by(self, measure: Measure) -> Self {
        Self { measure: Some(measure), ..self }
    }

    /// The same handle, with a way to see what is stale.
    #[must_use]
    pub fn looked_at_by(self, look: Look) -> Self {
        Self { look: Some(look), ..self }
    }

    /// The same handle, with a way to the logs.
    #[must_use]
    pub fn with_logs(self, logs: Arc<Logs>) -> Self {
        Self { logs: Some(logs), ..self }
    }

    pub fn logs(&self) -> Option<Arc<Logs>> {
        self.logs.clone()
    }

    /// A line for the history about a request, which the engine knows nothing of.
    pub fn record(&self, record: Record) {
        tracing::info!(service = %record.service, kind = %record.kind, "{}", record.message);
        self.history.push(crate::telemetry::wall_clock(), record);
    }

    /// What each service of the view uses now, where that can be told.
    pub async fn usage(&self, view: Arc<View>) -> Vec<Option<Usage>> {
        let Some(measure) = self.measure.clone() else { return Vec::new() };
        tokio::task::spawn_blocking(move || measure(&view)).await.unwrap_or_default()
    }

    /// What is not any more what it was at its start.
    pub async fn stale(&self, view: Arc<View>) -> Stale {
        let Some(look) = self.look.clone() else { return Stale::default() };
        tokio::task::spawn_blocking(move || look(&view)).await.unwrap_or_default()
    }

    /// The causal chain behind a service's state; `None`: no such service.
    pub fn why(&self, service: &str) -> Option<WhyReport> {
        let view = self.snapshot();
        view.id(service)?;
        Some(super::why::report(&view, service, &self.history, self.tail(service, super::why::LOG_LINES)))
    }
}

impl std::fmt::Debug for SupervisorHandle {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SupervisorHandle").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::{Desired, Phase};

    /// A service as the engine would show it, for tests of whoever shows views.
    pub(crate) fn service(name: &str, phase: Phase) -> ServiceSnapshot {
        ServiceSnapshot {
            name: name.to_owned(),
            phase,
            desired: Desired::Running,
            run: None,
            pid: None,
            since: Tick(0),
            spawned_at: None,
            next_start: None,
            restarts: 0,
            crash_loop: false,
            last_exit: None,
            last_failure: None,
            probe_failure: None,
            status_text: None,
            blocked_by: Vec::new(),
            required: true,
            oneshot: false,
        }
    }

    pub(crate) fn view(services: Vec<ServiceSnapshot>) -> View {
        View {
            stack: "test".to_owned(),
            mode: "production".to_owned(),
            data_dir: PathBuf::from("/nowhere/.reeve"),
            started_at: Timestamp::UNIX_EPOCH,
            pid: 4711,
            extras: vec![ServiceExtra::default(); services.len()],
            snapshot: Snapshot { services, shutting_down: false },
            taken: Tick(0),
            taken_at: Instant::now(),
            mechanisms: vec!["subreaper".to_owned()],
            warnings: Vec::new(),
        }
    }

    pub(crate) fn no_tail() -> Tail {
        Arc::new(|_, _| Vec::new())
    }

    #[tokio::test]
    async fn a_shutdown_passes_a_full_lane() {
        let (handle, mut end) = pair(view(vec![service("a", Phase::Ready)]), no_tail());
        for _ in 0..LANE {
            let handle = handle.clone();
            tokio::spawn(async move { handle.request(Command::Start { services: Vec::new() }).await });
        }
        while end.requests.len() < LANE {
            tokio::task::yield_now().await;
        }
        let shutdown = tokio::spawn(async move { handle.request(Command::Shutdown { now: true }).await });
        let request = end.urgent.recv().await.unwrap();
        assert_eq!(request.command, Command::Shutdown { now: true });
        request.answer.send(Outcome::Done).unwrap();
        assert_eq!(shutdown.await.unwrap(), Ok(Outcome::Done));
    }

    #[tokio::test]
    async fn an_ended_supervisor_is_told_to_whoever_asks() {
        let (handle, end) = pair(view(Vec::new()), no_tail());
        drop(end);
        assert_eq!(handle.request(Command::Shutdown { now: false }).await, Err(Gone));
        assert_eq!(handle.events(None).next().await, None);
    }
}
