//! The availability gate in every process: whoever changes a row says so, everybody else reads the table again.
//!
//! Channel `gate:changed` of the cache; the message says nothing. A word that is lost is made good by reading the table
//! every [`RELOAD`] anyway, and at every try to reach the cache while it is away.

use std::time::Duration;

use futures_util::StreamExt;
use redis::AsyncCommands;
use redis::aio::PubSub;

use super::app::App;
use super::cache::CacheError;
use crate::telemetry::chain;

const CHANNEL: &str = "gate:changed";
/// So long a lost word may go unnoticed.
const RELOAD: Duration = Duration::from_secs(30);
/// A cache that takes longer to begin with counts as away.
const CONNECT: Duration = Duration::from_secs(2);
/// Between two tries to reach the cache, doubled up to the second.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Says that a row was changed. When nobody can be told, everybody notices a little later.
pub async fn tell(app: &App) {
    let told = async {
        let () = app.cache.connection().await?.publish(CHANNEL, "").await?;
        Ok::<_, CacheError>(())
    };
    if let Err(error) = told.await {
        tracing::warn!(error = chain(&error), "other processes are not told of the changed configuration");
    }
}

/// Keeps the gate up to date until the process is told to stop.
pub async fn watch(app: App) {
    tokio::select! {
        () = follow(&app) => {}
        () = app.lifecycle.stopped() => {}
    }
}

async fn follow(app: &App) {
    let mut pause = RETRY.0;
    loop {
        match subscribe(app).await {
            Ok(subscription) => {
                pause = RETRY.0;
                listen(app, subscription).await;
            }
            Err(error) => tracing::debug!(error = chain(&error), "changes of the configuration are not heard of"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
        reload(app).await;
    }
}

async fn subscribe(app: &App) -> Result<PubSub, CacheError> {
    let subscribed = async {
        let mut subscription = app.cache.client().get_async_pubsub().await?;
        subscription.subscribe(CHANNEL).await?;
        Ok(subscription)
    };
    let silent = || redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)).into();
    tokio::time::timeout(CONNECT, subscribed).await.unwrap_or_else(|_| Err(silent()))
}

/// Until the subscription breaks.
async fn listen(app: &App, subscription: PubSub) {
    let mut messages = subscription.into_on_message();
    // What was said before the subscription began is in the table.
    loop {
        reload(app).await;
        match tokio::time::timeout(RELOAD, messages.next()).await {
            Ok(None) => return,
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

async fn reload(app: &App) {
    if let Err(error) = app.refresh_gate().await {
        tracing::warn!(error = chain(&error), "the configuration could not be read, the last one holds");
    }
}
