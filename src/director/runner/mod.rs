//! Running a script: one way in, two engines behind it, and limits around both.
//!
//! A run holds a place from before its start until nothing of it is left. It gives its answer as soon as the script has
//! one; what the script left unfinished may go on for a moment. Whoever drops the answer unheard ends the run.
//! Never fetches a script and never knows of tasks.

mod embedded;
mod environment;
mod node;
mod output;
mod process;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

pub use environment::find_node;
pub use node::{NodeRunner, NodeSetup};

use embedded::EmbeddedRunner;

/// What a script is given and named.
#[derive(Debug, Clone)]
pub struct Script {
    pub text: String,
    /// `None` is JavaScript's `undefined`.
    pub config: Option<Value>,
    /// For log lines.
    pub label: String,
}

/// What a run may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start until everything of it has to be over.
    pub time: Duration,
    /// Of all its processes together, in bytes.
    pub memory: u64,
    /// Written to the standard streams, in bytes.
    pub output: u64,
    /// The result's JSON text, in bytes.
    pub result: usize,
    pub processes: u64,
}

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    /// The script's own doing: a syntax error, an exception, no `main`, a result that is no JSON.
    #[error("{0}")]
    Script(String),
    #[error("the script ended without a result ({0})")]
    Ended(String),
    #[error("the script did not end within {} s", .0.as_secs_f64())]
    Time(Duration),
    #[error("the script wrote more than {0} bytes")]
    Output(u64),
    #[error("the script's result is larger than {0} bytes")]
    Result(usize),
    #[error("the script cannot be started: {0}")]
    Start(String),
    #[error("the director stops")]
    Stopping,
}

impl RunError {
    /// A label for measurements.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Script(_) => "failed",
            Self::Ended(_) => "ended",
            Self::Time(_) => "time",
            Self::Output(_) | Self::Result(_) => "size",
            Self::Start(_) => "start",
            Self::Stopping => "stopping",
        }
    }
}

/// The JSON text of the result, exactly as the engine wrote it.
pub type Answer = Result<String, RunError>;

/// A run under way.
#[derive(Debug)]
pub struct Running {
    answer: oneshot::Receiver<Answer>,
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Its result. Given up, the run is ended.
    pub async fn answer(&mut self) -> Answer {
        // Dropped without an answer only when the thread of a run panicked.
        (&mut self.answer).await.unwrap_or_else(|_| Err(RunError::Ended("a fault of the director's own".to_owned())))
    }

    /// Until nothing of it is left.
    pub async fn ended(self) {
        // Closed is ended as well.
        let _ = self.ended.await;
    }
}

/// The other side of a [`Running`].
#[derive(Debug)]
struct Report {
    answer: oneshot::Sender<Answer>,
    /// Dropped at the end of all.
    _ended: oneshot::Sender<()>,
    /// Given back at the end of all.
    _place: OwnedSemaphorePermit,
}

/// A place to run in.
#[derive(Debug)]
pub struct Place(OwnedSemaphorePermit);

#[derive(Debug)]
enum Engine {
    Node(NodeRunner),
    Embedded(EmbeddedRunner),
}

#[derive(Debug)]
pub struct Runner {
    engine: Engine,
    limits: Limits,
    places: Arc<Semaphore>,
    count: u32,
    stop: watch::Sender<bool>,
}

impl Runner {
    /// With Node, or without.
    pub fn new(node: Option<NodeRunner>, limits: Limits, places: u32) -> Self {
        let engine = node.map_or(Engine::Embedded(EmbeddedRunner), Engine::Node);
        let count = places.max(1);
        Self {
            engine,
            limits,
            places: Arc::new(Semaphore::new(count as usize)),
            count,
            stop: watch::Sender::new(false),
        }
    }

    /// The engine's name.
    pub fn name(&self) -> &'static str {
        match self.engine {
            Engine::Node(_) => "node",
            Engine::Embedded(_) => "embedded",
        }
    }

    /// Waits for a free place, first come, first served.
    pub async fn place(&self) -> Result<Place, RunError> {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            // Never closed.
            place = Arc::clone(&self.places).acquire_owned() => place.map(Place).map_err(|_| RunError::Stopping),
            _ = stop.wait_for(|stop| *stop) => Err(RunError::Stopping),
        }
    }

    pub fn run(&self, place: Place, script: Script) -> Running {
        let (answer, answer_side) = oneshot::channel();
        let (ended, ended_side) = oneshot::channel();
        let report = Report { answer, _ended: ended, _place: place.0 };
        let stop = self.stop.subscribe();
        match &self.engine {
            Engine::Node(node) => node.start(script, self.limits, report, stop),
            Engine::Embedded(embedded) => embedded.start(script, self.limits, report, stop),
        }
        Running { answer: answer_side, ended: ended_side }
    }

    /// Waits until nothing runs, and after so long ends what does. Nothing is started afterwards.
    pub async fn close(&self, grace: Duration) {
        let all = || self.places.acquire_many(self.count);
        let is_empty = tokio::time::timeout(grace, all()).await.is_ok();
        self.stop.send_replace(true);
        if !is_empty && tokio::time::timeout(process::CLEARING * 2, all()).await.is_err() {
            tracing::error!("leaves scripts behind that could not be ended");
        }
        if let Engine::Node(node) = &self.engine {
            node.close();
        }
    }
}
