//! Dragonfly (or Valkey, or Redis): scripts, computation flags, sessions, limits.
//!
//! One connection for everything, which mends itself; while it is away every command fails at once. Which key holds what
//! is said where it is used.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use tokio::sync::OnceCell;

use super::error::Fault;
use super::settings;

const WHAT: &str = "the cache";
/// An answer that takes longer will not come.
const ANSWER: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("the cache cannot be reached")]
    Unavailable(#[source] redis::RedisError),
    #[error("the cache answered with an error")]
    Failed(#[source] redis::RedisError),
}

impl From<redis::RedisError> for CacheError {
    fn from(error: redis::RedisError) -> Self {
        let away =
            error.is_io_error() || error.is_timeout() || error.is_connection_dropped() || error.is_cluster_error();
        if away { Self::Unavailable(error) } else { Self::Failed(error) }
    }
}

impl From<CacheError> for Fault {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::Unavailable(source) => Fault::unavailable(WHAT, source),
            CacheError::Failed(source) => Fault::internal("the cache answered with an error", source),
        }
    }
}

pub struct Cache {
    client: redis::Client,
    connection: OnceCell<ConnectionManager>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Cache").field("connected", &self.connection.initialized()).finish_non_exhaustive()
    }
}

impl Cache {
    /// Connects with the first command.
    pub fn new(settings: &settings::Cache) -> Result<Self, CacheError> {
        let mut options = RedisConnectionInfo::default().set_db(settings.database);
        if let Some(password) = &settings.password {
            options = options.set_password(password.expose());
        }
        let address = ConnectionAddr::Tcp(settings.host.clone(), settings.port);
        let info = address.into_connection_info()?.set_redis_settings(options);
        Ok(Self { client: redis::Client::open(info)?, connection: OnceCell::new() })
    }

    /// A handle to the one connection.
    pub async fn connection(&self) -> Result<ConnectionManager, CacheError> {
        let connect = || async {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(ANSWER))
                .set_response_timeout(Some(ANSWER))
                .set_number_of_retries(1)
                .set_max_delay(Duration::from_millis(500));
            self.client.get_connection_manager_with_config(config).await
        };
        Ok(self.connection.get_or_try_init(connect).await?.clone())
    }

    /// The client, for what needs a connection of its own, such as a subscription.
    pub fn client(&self) -> &redis::Client {
        &self.client
    }

    pub async fn ping(&self) -> Result<(), CacheError> {
        let mut connection = self.connection().await?;
        let () = connection.ping().await?;
        Ok(())
    }
}
