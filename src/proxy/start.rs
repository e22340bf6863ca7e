//! From settings to a serving process: read, bind, one thread a worker, drain.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::access_log::AccessLog;
use super::discovery::follow;
use super::entrance::Entrances;
use super::file::{self, ConfigError};
use super::listen::{self, Doors};
use super::settings::Settings;
use super::tls::{self, TlsError};
use super::worker::{Shared, Worker};
use crate::serve::environment::{self, Problems};
use crate::serve::{self, InheritError, Lifecycle, ServeError};
use crate::telemetry::chain;

/// Beside connections: listeners, event loops, files of the web application.
const OTHER_FILES: usize = 256;
/// For the last lines of the access log.
const LAST_LINES: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot set up the event loop")]
    Runtime(#[source] std::io::Error),
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    #[error("cannot listen on what was bound")]
    Listen(#[source] std::io::Error),
    #[error("the sockets that were handed over cannot be used")]
    Inherit(#[from] InheritError),
    #[error(
        "two sockets were handed over where one is wanted, the second by the name {0:?}: one is for clear text, one named \"https\" for TLS"
    )]
    Twice(String),
    #[error("a socket named \"https\" was handed over, but neither PROXY_TLS_CERTIFICATE nor PROXY_ACME_NAMES is set")]
    NoCertificate,
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub fn run() -> Result<(), StartError> {
    let settings = Settings::read(&environment::process)?;
    make_room(settings.connections);
    serve::process(Some(1), lead(settings)).map_err(StartError::Runtime)?
}

/// For each connection there may be one to a service. The soft limit is low for the sake of programs that use `select`.
fn make_room(connections: usize) {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| hard));
    let wanted = connections.saturating_mul(2).saturating_add(OTHER_FILES) as u64;
    match raised {
        Ok(hard) if hard < wanted => {
            tracing::warn!(hard, wanted, "PROXY_CONNECTIONS is more than the limit of open files allows");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// The thread that starts the workers and waits for signals. It serves nothing but measurements.
async fn lead(settings: Settings) -> Result<(), StartError> {
    let config = file::read(&settings.file)?;
    let mut signals = Signals::new()?;
    let workers = settings.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let entrances = Entrances::open(&settings)?;
    let tls = settings.tls.as_ref().map(tls::set_up).transpose()?;
    let lifecycle = Lifecycle::default();
    let metrics = settings.metrics.map(serve::bind).transpose()?;
    let metrics_address = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
    if let Some(listener) = metrics {
        tokio::spawn(measure(listener, lifecycle.clone()));
    }
    let upkeep = tokio::spawn(serve::metrics::upkeep());
    let log = settings.has_access_log.then(AccessLog::start).transpose().map_err(StartError::Thread)?;
    let (log, written) = log.unzip();
    let challenges = tls.as_ref().and_then(|setup| setup.challenges.clone());
    let shared = Arc::new(Shared::new(settings, config, workers, log, lifecycle.clone(), challenges));
    let follower = shared.settings.control.clone().map(|path| tokio::spawn(follow(path, Arc::clone(&shared))));
    let (done, mut ended) = mpsc::channel(workers);
    for number in 0..workers {
        let tls = match (&entrances.tls, &tls) {
            (Some(entrance), Some(setup)) => Some((entrance.share()?, Arc::clone(&setup.config))),
            _ => None,
        };
        let (plain, has_heir) = (entrances.plain.share()?, entrances.plain.is_inherited);
        let worker = Worker { shared: Arc::clone(&shared), number };
        start_worker(worker, Doors { plain, tls, has_heir }, done.clone())?;
    }
    let (address, inherited) = (entrances.plain.address, entrances.plain.is_inherited);
    let tls_port = entrances.tls.as_ref().map(|entrance| entrance.address.port());
    // Only the workers' are left, so that the last one to leave closes them.
    drop((done, entrances));
    lifecycle.set_started();
    let metrics_port = metrics_address.map(|address| address.port());
    tracing::info!(%address, inherited, tls_port, metrics_port, workers, "listens");
    loop {
        tokio::select! {
            heard = signals.heard() => match heard {
                Heard::Stop => break,
                Heard::Reload => reload(&shared),
            },
            // A worker ends by itself only with an error.
            early = ended.recv() => return early.unwrap_or(Ok(0)).map(|_| ()),
        }
    }
    lifecycle.stop();
    upkeep.abort();
    if let Some(follower) = follower {
        follower.abort();
    }
    drop(shared);
    tracing::info!("stops; finishes what is under way");
    let mut cut = 0;
    loop {
        tokio::select! {
            worker = ended.recv() => match worker {
                Some(count) => cut += count?,
                None => break,
            },
            () = signals.stop() => break,
        }
    }
    if cut > 0 {
        tracing::warn!(connections = cut, "cut off: not finished within the grace");
    }
    if let Some(written) = written {
        written.wait(LAST_LINES);
    }
    Ok(())
}

/// Reads the file anew. One that is not right changes nothing.
fn reload(shared: &Shared) {
    let path = &shared.settings.file;
    match file::read(path) {
        Ok(config) => {
            shared.change(config);
            tracing::info!(file = %path.display(), "routes and services are read anew");
        }
        Err(error) => tracing::error!(error = chain(&error), "routes and services stay as they were"),
    }
}

fn start_worker(worker: Worker, doors: Doors, done: mpsc::Sender<Result<usize, StartError>>) -> Result<(), StartError> {
    let runtime = serve::runtime(Some(1)).map_err(StartError::Runtime)?;
    let work = move || {
        let cut = runtime.block_on(listen::serve(Arc::new(worker), doors));
        // Tunnels and whatever else is left end here.
        runtime.shutdown_background();
        // Nobody listens any more after a second signal.
        let _ = done.blocking_send(cut.map_err(StartError::Listen));
    };
    std::thread::Builder::new().name("proxy".to_owned()).spawn(work).map_err(StartError::Thread)?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Reload,
    Stop,
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, ServeError> {
        let hear = |kind| signal(kind).map_err(ServeError::Signals);
        let (hangup, terminate) = (hear(SignalKind::hangup())?, hear(SignalKind::terminate())?);
        Ok(Self { hangup, terminate, interrupt: hear(SignalKind::interrupt())? })
    }

    async fn heard(&mut self) -> Heard {
        tokio::select! {
            _ = self.hangup.recv() => Heard::Reload,
            _ = self.terminate.recv() => Heard::Stop,
            _ = self.interrupt.recv() => Heard::Stop,
        }
    }

    /// Until a stop is asked for.
    async fn stop(&mut self) {
        while self.heard().await == Heard::Reload {}
    }
}

/// Health and measurements, on a port of their own that nobody outside reaches.
async fn measure(listener: TcpListener, lifecycle: Lifecycle) {
    let ready = {
        let lifecycle = lifecycle.clone();
        move || {
            let (code, status) = match (lifecycle.is_stopping(), lifecycle.is_open()) {
                (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
                (false, true) => (StatusCode::OK, "ready"),
                (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
            };
            std::future::ready((code, Json(json!({ "status": status }))))
        }
    };
    let router = Router::new()
        .route("/metrics", get(serve::metrics::scrape))
        .route("/health/live", get(|| async { Json(json!({ "status": "live" })) }))
        .route("/health/ready", get(ready));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "measurements are no longer served");
    }
}
