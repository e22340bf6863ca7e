//! From settings to a serving process: read, bind, one thread a worker, drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::access_log::AccessLog;
use super::file::{self, ConfigError};
use super::listen::{self, Doors};
use super::settings::Settings;
use super::tls::{self, TlsError};
use super::worker::{Shared, Worker};
use crate::serve::environment::{self, Problems};
use crate::serve::{self, Lifecycle, ServeError};

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
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub fn run() -> Result<(), StartError> {
    let settings = Settings::read(&environment::process)?;
    serve::process(Some(1), lead(settings)).map_err(StartError::Runtime)?
}

/// The thread that starts the workers and waits for signals. It serves nothing but measurements.
async fn lead(settings: Settings) -> Result<(), StartError> {
    let config = file::read(&settings.file)?;
    let mut signals = Signals::new()?;
    let workers = settings.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let doors = bind(settings.address, workers)?;
    let address = address_of(&doors[0])?;
    let tls = settings.tls.as_ref().map(tls::set_up).transpose()?;
    let tls_doors = match &settings.tls {
        Some(tls) => bind(tls.address, workers)?.into_iter().map(Some).collect(),
        None => (0..workers).map(|_| None).collect::<Vec<_>>(),
    };
    let tls_address = tls_doors[0].as_ref().map(address_of).transpose()?;
    let lifecycle = Lifecycle::default();
    let metrics = settings.metrics.map(serve::bind).transpose()?;
    let metrics_address = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
    if let Some(listener) = metrics {
        tokio::spawn(measure(listener, lifecycle.clone()));
    }
    let upkeep = tokio::spawn(serve::metrics::upkeep());
    let log = settings.has_access_log.then(AccessLog::start).transpose().map_err(StartError::Thread)?;
    let (log, written) = log.unzip();
    let shared = Arc::new(Shared::new(settings, config, log, lifecycle.clone()));
    let (done, mut ended) = mpsc::channel(workers);
    for (plain, tls_door) in doors.into_iter().zip(tls_doors) {
        let tls = tls_door.and_then(|door| tls.as_ref().map(|setup| (door, Arc::clone(&setup.config))));
        start_worker(Arc::clone(&shared), Doors { plain, tls }, done.clone())?;
    }
    drop((done, shared));
    lifecycle.set_started();
    let (tls_port, metrics_port) = (tls_address.map(|address| address.port()), metrics_address.map(|at| at.port()));
    tracing::info!(%address, tls_port, metrics_port, workers, "listens");
    tokio::select! {
        () = signals.next() => {}
        // A worker ends by itself only with an error.
        early = ended.recv() => return early.unwrap_or(Ok(0)).map(|_| ()),
    }
    lifecycle.stop();
    upkeep.abort();
    tracing::info!("stops; finishes what is under way");
    let mut cut = 0;
    loop {
        tokio::select! {
            worker = ended.recv() => match worker {
                Some(count) => cut += count?,
                None => break,
            },
            () = signals.next() => break,
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

/// As many listeners of one address as there are workers; the kernel spreads connections over them.
fn bind(address: SocketAddr, workers: usize) -> Result<Vec<std::net::TcpListener>, StartError> {
    let first = serve::bind_shared(address)?.into_std().map_err(StartError::Listen)?;
    let address = address_of(&first)?;
    let mut doors = vec![first];
    while doors.len() < workers {
        doors.push(serve::bind_shared(address)?.into_std().map_err(StartError::Listen)?);
    }
    Ok(doors)
}

fn address_of(door: &std::net::TcpListener) -> Result<SocketAddr, StartError> {
    door.local_addr().map_err(StartError::Listen)
}

fn start_worker(
    shared: Arc<Shared>,
    doors: Doors,
    done: mpsc::Sender<Result<usize, StartError>>,
) -> Result<(), StartError> {
    let runtime = serve::runtime(Some(1)).map_err(StartError::Runtime)?;
    let work = move || {
        let cut = runtime.block_on(listen::serve(Arc::new(Worker::new(shared)), doors));
        // Tunnels and whatever else is left end here.
        runtime.shutdown_background();
        // Nobody listens any more after a second signal.
        let _ = done.blocking_send(cut.map_err(StartError::Listen));
    };
    std::thread::Builder::new().name("proxy".to_owned()).spawn(work).map_err(StartError::Thread)?;
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, ServeError> {
        let hear = |kind| signal(kind).map_err(ServeError::Signals);
        Ok(Self { terminate: hear(SignalKind::terminate())?, interrupt: hear(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
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
