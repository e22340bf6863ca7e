//! From settings to a serving process: bind, connect, migrate, seed, serve, drain.

use std::time::{Duration, Instant};

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower::Layer;

use super::app::{App, Cache, Shared};
use super::auth::{Auth, AuthError};
use super::cache::CacheError;
use super::clients::{ClientError, Clients};
use super::gate::{self, Gate};
use super::settings::Settings;
use super::store::migrate::SchemaError;
use super::store::{ScopeSets, Store, StoreError};
use super::system::System;
use super::{documents, front, gate_watch, root, routes};
use crate::serve::environment::{self, Problems};
use crate::serve::spelling::Spelling;
use crate::serve::{self, Lifecycle, Limits, ServeError};
use crate::telemetry::chain;

/// So long the database may stay away at a start; then the supervisor decides.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries, doubled up to the second.
const KNOCK: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(1));
/// So long a start waits for the cache.
const REVOCATIONS: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error("cannot set up the event loop")]
    Runtime(#[source] std::io::Error),
    #[error("the address of the cache cannot be used")]
    Cache(#[source] CacheError),
    #[error("the address of MongoDB cannot be used")]
    ScopeSets(#[source] mongodb::error::Error),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the configuration rows could not be made")]
    Seed(#[source] StoreError),
    #[error("the table of routes contradicts itself")]
    Routes(#[source] matchit::InsertError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Clients(#[from] ClientError),
    #[error("the way to reeve cannot be set up")]
    Control(#[source] crate::control::client::ClientError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub fn run() -> Result<(), StartError> {
    let settings = Settings::read(&environment::process)?;
    serve::process(settings.workers, serve(settings)).map_err(StartError::Runtime)?
}

async fn serve(mut settings: Settings) -> Result<(), StartError> {
    // First of all: a taken port is noticed before anything is changed.
    let listener = serve::bind(settings.address)?;
    if let Ok(address) = listener.local_addr() {
        settings.bound_to(address);
    }
    let lifecycle = Lifecycle::default();
    let limits = Limits { drain: settings.drain, ..Limits::default() };
    let app = App::new(Shared {
        store: Store::new(&settings.database),
        scope_sets: ScopeSets::new(&settings.mongo_uri).map_err(StartError::ScopeSets)?,
        cache: Cache::new(&settings.cache).map_err(StartError::Cache)?,
        auth: Auth::new(&settings)?,
        clients: Clients::new(&settings)?,
        system: System::new(settings.control.as_deref()).map_err(StartError::Control)?,
        gate: Gate::default(),
        gate_turn: tokio::sync::Mutex::default(),
        spelling: Spelling::new(routes::table().iter().map(|route| route.path)).map_err(StartError::Routes)?,
        lifecycle: lifecycle.clone(),
        settings,
    });
    prepare(&app).await?;
    follow_revocations(&app).await;
    tokio::spawn(gate_watch::watch(app.clone()));
    lifecycle.set_started();
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, prefix = app.settings.prefix, "listens");
    }
    serve::run(listener, router(&app), limits, lifecycle).await?;
    app.store.close();
    Ok(())
}

/// The schema and the rows that must be there. A database that is not there yet is waited for.
async fn prepare(app: &App) -> Result<(), StartError> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = KNOCK.0;
    loop {
        match app.store.migrate().await {
            Ok(()) => break,
            Err(SchemaError::Store(error @ StoreError::Unavailable(_))) if Instant::now() < deadline => {
                tracing::warn!(error = chain(&error), "waits for the database");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(KNOCK.1);
            }
            Err(error) => return Err(error.into()),
        }
    }
    app.store.seed_configuration(&gate::seeds(&app.settings.prefix)).await.map_err(StartError::Seed)?;
    app.refresh_gate().await.map_err(StartError::Seed)
}

/// What was revoked before this process began is known before it listens, if the cache is there.
async fn follow_revocations(app: &App) {
    let loaded = app.auth.revocations.reload(&app.cache);
    match tokio::time::timeout(REVOCATIONS, loaded).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = chain(&error), "revoked sessions are not known yet"),
        Err(_) => tracing::warn!("revoked sessions are not known yet: the cache does not answer"),
    }
    let app = app.clone();
    tokio::spawn(async move { app.auth.revocations.watch(&app.cache).await });
}

/// The front wraps the router from outside, because it may respell the address that is routed.
fn router(app: &App) -> Router {
    let inner = routes::router(app).merge(root::router()).merge(documents::router()).with_state(app.clone());
    let front = from_fn_with_state(app.clone(), front::front);
    Router::new().fallback_service(front.layer(inner))
}
