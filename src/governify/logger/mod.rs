//! The log of a Governify service besides stderr: a collection in MongoDB and files, each when it is switched on.
//!
//! Owns the logger's configuration, which an operator reads and changes at `/commons/logger/config`, and the way of an
//! event: [`layer`] hears it, puts a record into a bounded queue, and a thread of its own writes it. A request never waits
//! for that: when a queue is full, the record is dropped and counted. Stderr is written by [`crate::telemetry`], whose
//! level is changed from here.

mod configuration;
mod files;
mod mongo;
mod queue;
mod record;
mod tap;

use std::io;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, Registry, reload};

use crate::serve::environment::{Lookup, Problems, Reader};
use crate::telemetry::{self, ExtraLayer};

pub use configuration::{ChangeError, Configuration, Level, MongoDb, Storage};
pub use queue::{LENGTH as QUEUE, Lane};
pub use record::Record;

/// For what was not written when a service ends. A database that is there needs milliseconds; one that is away is not
/// waited for.
const FLUSH: Duration = Duration::from_secs(3);

static PROCESS: OnceLock<Logger> = OnceLock::new();

#[derive(Debug, thiserror::Error)]
pub enum LoggerError {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error("cannot start the thread that writes the log")]
    Thread(#[source] io::Error),
}

/// Cloned to whoever shows or changes the configuration.
#[derive(Debug, Clone)]
pub struct Logger(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    service: &'static str,
    configuration: watch::Sender<Arc<Configuration>>,
    filter: OnceLock<reload::Handle<Targets, Registry>>,
    /// One change at a time.
    turn: std::sync::Mutex<()>,
    mongo: Lane,
    files: Lane,
}

/// Reads the configuration, starts the writer, and makes what hears of events, for [`telemetry::init`]. `service` is what
/// documents say.
pub fn layer(service: &'static str, environment: Lookup<'_>) -> Result<(Logger, ExtraLayer), LoggerError> {
    let mut from = Reader::new(environment);
    let configuration = Configuration::read(&mut from);
    let mode = from.text("NODE_ENV", "development");
    from.finish()?;
    let (filter, handle) = reload::Layer::new(tap::targets(&configuration));
    let (mongo, mongo_queue) = queue::lane();
    let (files, files_queue) = queue::lane();
    let logger = Logger::new(service, configuration, mongo, files);
    // Set once, here.
    let _ = logger.0.filter.set(handle);
    let (mongo, files) = {
        let shared = &logger.0;
        let origin = mongo::Origin::new(service, mode);
        let mongo = mongo::Writer::new(origin, shared.configuration.subscribe(), shared.mongo.clone());
        (mongo.run(mongo_queue), files::run(files_queue, files::Files::of(service)))
    };
    // The driver needs it for TLS.
    crate::serve::install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LoggerError::Thread)?;
    let write = move || {
        tap::keep_out();
        runtime.block_on(async { tokio::join!(mongo, files) });
    };
    // Ends with the process; what matters at its end is `flush`.
    std::thread::Builder::new().name("log-writer".to_owned()).spawn(write).map_err(LoggerError::Thread)?;
    let tap = tap::Tap::new(logger.clone()).with_filter(filter);
    Ok((logger, Box::new(tap)))
}

/// The level of stderr that `GOV_LOG_LEVEL` asks for, in words of [`telemetry::init`]; what is wrong with it is told by
/// [`layer`].
pub fn console_level(environment: Lookup<'_>) -> &'static str {
    Configuration::read(&mut Reader::new(environment)).level.console()
}

impl Logger {
    fn new(service: &'static str, configuration: Configuration, mongo: Lane, files: Lane) -> Self {
        let configuration = watch::Sender::new(Arc::new(configuration));
        Self(Arc::new(Shared {
            service,
            configuration,
            filter: OnceLock::new(),
            turn: std::sync::Mutex::default(),
            mongo,
            files,
        }))
    }

    /// One with the default configuration that hears of nothing, for tests and tools.
    pub fn detached(service: &'static str) -> Self {
        let (mongo, _) = queue::lane();
        let (files, _) = queue::lane();
        Self::new(service, Configuration::default(), mongo, files)
    }

    /// Makes this the one that [`Logger::of_process`] finds. A second call changes nothing: a process has one role.
    pub fn install(&self) {
        let _ = PROCESS.set(self.clone());
    }

    /// The one that was set up when the process began.
    pub fn of_process(service: &'static str) -> Self {
        PROCESS.get().cloned().unwrap_or_else(|| Self::detached(service))
    }

    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// As an operator sees it: without user and password of MongoDB.
    pub fn configuration(&self) -> Value {
        self.0.configuration.borrow().shown()
    }

    /// Takes over the members that are there; the others stay as they are. Holds from the next event on.
    pub fn change(&self, wanted: &Value) -> Result<(), ChangeError> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.0.configuration.borrow().changed(wanted)?;
        let targets = tap::targets(&changed);
        telemetry::set_level(changed.level.console());
        self.0.configuration.send_replace(Arc::new(changed));
        if let Some(Err(error)) = self.0.filter.get().map(|filter| filter.reload(targets)) {
            // Only when the subscriber is gone, and then nothing is logged any more.
            tracing::debug!(%error, "the log's filter is gone");
        }
        Ok(())
    }

    /// Log events that were not written: the queue was full, or MongoDB refused them.
    pub fn dropped(&self) -> u64 {
        self.0.mongo.dropped() + self.0.files.dropped()
    }

    /// Waits until what was logged is written, but not for a database that is away. For the end of a process.
    pub fn flush(&self) {
        let deadline = Instant::now() + FLUSH;
        let is_written = [&self.0.files, &self.0.mongo].map(|lane| lane.flush(deadline));
        if is_written != [true, true] {
            tracing::warn!(dropped = self.dropped(), "the last log events could not be written");
        }
    }
}

/// Writes what [`Logger::of_process`] has not written yet.
pub fn flush() {
    if let Some(logger) = PROCESS.get() {
        logger.flush();
    }
}

#[cfg(test)]
mod tests;
