//! From settings to a serving process: bind, look things up, serve, drain.
//!
//! Listens before MongoDB is there: requests are refused with 503 until then, and readiness says so.

use std::time::Duration;

use axum::Router;

use super::app::{App, Shared};
use super::engine::Collector;
use super::settings::{DATABASE_PATH, Database, Settings};
use super::store::{Store, StoreError};
use super::{health, pages, routes};
use crate::governify::commons::{self, Commons};
use crate::governify::front::{self, Front};
use crate::governify::infrastructure::{Infrastructure, InfrastructureError};
use crate::governify::logger::Logger;
use crate::serve::environment::{self, Problems};
use crate::serve::spelling::Spelling;
use crate::serve::{self, Lifecycle, Limits, Secret, ServeError};
use crate::telemetry::chain;

/// Between two tries to reach MongoDB at a start, doubled up to the second.
const KNOCK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error("cannot set up the event loop")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Infrastructure(#[from] InfrastructureError),
    #[error("the address of MongoDB cannot be used")]
    Database(#[source] mongodb::error::Error),
    #[error("cannot set up outgoing calls")]
    Calls(#[source] reqwest::Error),
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
    let lifecycle = Lifecycle::default();
    let limits = Limits { drain: settings.shared.drain, ..Limits::default() };
    let infrastructure = Infrastructure::start(settings.shared.infrastructure.as_deref()).await?;
    let uri = address(&settings.database, &infrastructure)?;
    let store = Store::new(&uri, settings.database.name(), settings.records).await.map_err(StartError::Database)?;
    let app = App::new(Shared {
        store,
        infrastructure,
        collector: Collector::new(settings.collector.clone()).map_err(StartError::Calls)?,
        lifecycle: lifecycle.clone(),
        settings,
    });
    tokio::spawn(prepare(app.store.clone()));
    let router = router(&app)?;
    lifecycle.set_started();
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, prefix = app.settings.prefix, "listens");
    }
    serve::run(listener, router, limits, lifecycle).await?;
    Ok(())
}

/// In production the infrastructure has the address, and this service only the name of the database.
fn address(database: &Database, infrastructure: &Infrastructure) -> Result<Secret, InfrastructureError> {
    match database {
        Database::Address { uri, .. } => Ok(uri.clone()),
        Database::Infrastructure { name } => {
            let base = infrastructure.url(DATABASE_PATH)?;
            Ok(Secret::new(format!("{}/{name}", base.trim_end_matches('/'))))
        }
    }
}

/// Makes the indexes as soon as MongoDB is there.
async fn prepare(store: Store) {
    let mut pause = KNOCK.0;
    loop {
        match store.prepare().await {
            Ok(()) => return,
            Err(StoreError::Unavailable(error)) => tracing::warn!(error = chain(&error), "waits for MongoDB"),
            Err(error) => tracing::warn!(error = chain(&error), "the indexes cannot be made yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(KNOCK.1);
    }
}

fn router(app: &App) -> Result<Router, StartError> {
    let Settings { prefix, api_version, body_limit, log_requests, .. } = &app.settings;
    let commons = Commons {
        service: pages::NAME,
        version: pages::VERSION,
        infrastructure: app.infrastructure.clone(),
        logger: Logger::of_process(pages::NAME),
        request_logging: Commons::request_logging(log_requests.as_deref()),
    };
    let own = routes::router(prefix).merge(pages::router(*api_version)).merge(health::router());
    let own = own.with_state(app.clone()).merge(commons::router(commons));
    let patterns = routes::table().into_iter().map(|route| format!("{prefix}{}", route.path));
    let patterns = patterns.chain(pages::paths(*api_version));
    let patterns = patterns.chain(health::PATHS.iter().map(|path| (*path).to_owned()));
    let spelling = Spelling::of_prefixed(patterns).map_err(StartError::Routes)?;
    Ok(front::wrap(own, Front { body_limit: *body_limit, form: true, any_json: false, spelling }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn in_production_the_infrastructure_has_the_address() {
        let tree = json!({ "internal": { "database": { "mongo-registry": { "default": "mongodb://u:p@h:1/" } } } });
        let database = Database::Infrastructure { name: "registry".to_owned() };
        let found = address(&database, &Infrastructure::from_tree(tree)).unwrap();
        assert_eq!(found.expose(), "mongodb://u:p@h:1/registry");
        let missing = address(&database, &Infrastructure::from_tree(json!({}))).unwrap_err();
        assert!(missing.to_string().contains(DATABASE_PATH), "{missing}");
    }
}
