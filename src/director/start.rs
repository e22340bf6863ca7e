//! From settings to a serving process: bind, infrastructure, folder, runner, schedule, serve, drain.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::app::{App, Shared};
use super::fetch::{FetchError, Fetcher};
use super::folder::{Folder, FolderError};
use super::runner::{NodeRunner, NodeSetup, Runner, find_node};
use super::settings::{Choice, Settings};
use super::{openapi, root, routes, scheduler};
use crate::governify::commons::{self, Commons};
use crate::governify::dates;
use crate::governify::front::{self, Front};
use crate::governify::infrastructure::{Infrastructure, InfrastructureError};
use crate::governify::logger::Logger;
use crate::platform::account::{AccountError, is_root, look_up};
use crate::platform::reaper;
use crate::platform::wall_timer::WallTimer;
use crate::serve::environment::{self, Problems};
use crate::serve::spelling::Spelling;
use crate::serve::{self, Lifecycle, Limits, ServeError};

/// As the original's manifest says.
pub const SERVICE: &str = "governify-director";

/// Of the original.
const BODY: usize = 100 << 10;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error("cannot set up the event loop")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Infrastructure(#[from] InfrastructureError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("there is no Node.js: install it, name its executable in DIRECTOR_NODE, or set DIRECTOR_RUNNER=embedded")]
    NoNode,
    #[error("the account of scripts cannot be used, see DIRECTOR_SCRIPT_USER")]
    Account(#[source] AccountError),
    #[error("the working directory cannot be told")]
    Directory(#[source] std::io::Error),
    #[error("the timer of the schedule cannot be made")]
    Timer(#[source] std::io::Error),
    #[error("cannot hear of ended scripts")]
    Signals(#[source] std::io::Error),
    #[error("the table of routes contradicts itself")]
    Routes(#[source] matchit::InsertError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub fn run() -> Result<(), StartError> {
    let settings = Settings::read(&environment::process)?;
    serve::process(Some(settings.shared.workers), serve(settings)).map_err(StartError::Runtime)?
}

async fn serve(settings: Settings) -> Result<(), StartError> {
    // First of all: a taken port is noticed before anything is changed.
    let listener = serve::bind(settings.shared.address)?;
    let infrastructure = Infrastructure::start(settings.shared.infrastructure.as_deref()).await?;
    let lifecycle = Lifecycle::default();
    let folder = Arc::new(Folder::open(settings.folder.clone())?);
    let runner = runner(&settings, &folder, &infrastructure)?;
    let app = App::new(Shared {
        runner,
        fetcher: Fetcher::new(settings.fetch)?,
        folder,
        lifecycle: lifecycle.clone(),
        zone: dates::local(),
        changed: Arc::new(Notify::new()),
        settings,
    });
    let router = router(&app, infrastructure)?;
    let timer = WallTimer::new().map_err(StartError::Timer)?;
    let mut ends = signal(SignalKind::child()).map_err(StartError::Signals)?;
    tokio::spawn(async move {
        // What scripts leave behind becomes our child.
        while ends.recv().await.is_some() {
            reaper::reap_orphans();
        }
    });
    tokio::spawn(scheduler::run(app.clone(), timer));
    lifecycle.set_started();
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, tasks = %app.folder.path().display(), engine = app.runner.name(), "listens");
    }
    let drain = app.settings.shared.drain;
    let stopped = {
        let lifecycle = lifecycle.clone();
        tokio::spawn(async move {
            lifecycle.stopped().await;
            Instant::now()
        })
    };
    let served = serve::run(listener, router, Limits { drain, ..Limits::default() }, lifecycle).await;
    // Answers and scheduled scripts share the grace.
    let since = stopped.await.map_or(drain, |stopped| stopped.elapsed());
    app.runner.close(drain.saturating_sub(since)).await;
    served?;
    Ok(())
}

/// The engine that the settings ask for, or the best that is there.
fn runner(settings: &Settings, folder: &Folder, infrastructure: &Infrastructure) -> Result<Runner, StartError> {
    let node = match settings.runner {
        Choice::Embedded => None,
        Choice::Auto | Choice::Node => find_node(settings.node.as_deref(), std::env::var_os("PATH")),
    };
    let node = match (settings.runner, node) {
        (Choice::Node, None) => return Err(StartError::NoNode),
        (_, Some(program)) => Some(NodeRunner::new(setup(settings, program, folder, infrastructure)?, settings.limits)),
        (Choice::Auto, None) => {
            tracing::warn!(
                "there is no Node.js: scripts run in the embedded engine, without modules, files and network"
            );
            None
        }
        (Choice::Embedded, None) => None,
    };
    Ok(Runner::new(node, settings.limits, settings.concurrency))
}

fn setup(
    settings: &Settings,
    program: std::path::PathBuf,
    folder: &Folder,
    infrastructure: &Infrastructure,
) -> Result<NodeSetup, StartError> {
    let credentials = match &settings.script_user {
        Some(user) if is_root() => Some(look_up(user).map_err(StartError::Account)?),
        Some(user) => {
            tracing::warn!(user, "scripts run as the director's own account: only root can choose another");
            None
        }
        None => None,
    };
    Ok(NodeSetup {
        program,
        directory: std::env::current_dir().map_err(StartError::Directory)?,
        listed: settings.script_environment.clone(),
        credentials,
        key: key(folder.path()),
        infrastructure: infrastructure.clone(),
    })
}

/// The same for every director of this folder, whatever its working directory.
fn key(folder: &Path) -> String {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).display().to_string()
}

/// The front wraps the router from outside, because it may respell the address that is routed.
fn router(app: &App, infrastructure: Infrastructure) -> Result<Router, StartError> {
    let commons = Commons {
        service: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        infrastructure,
        logger: Logger::of_process(SERVICE),
        request_logging: Commons::request_logging(app.settings.request_logging.as_deref()),
    };
    let inner = routes::router().merge(root::router()).with_state(app.clone()).merge(openapi::router());
    let patterns = routes::table().into_iter().map(|route| route.path);
    let patterns = patterns.chain(root::PATHS.iter().copied()).chain(openapi::PATHS.iter().copied());
    let spelling = Spelling::new(patterns).map_err(StartError::Routes)?;
    let front = Front { body_limit: BODY, form: false, any_json: true, spelling };
    Ok(front::wrap(inner.merge(commons::router(commons)), front))
}
