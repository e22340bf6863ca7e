//! Scripts in the cache: keys `script:<uuid>`, JSON texts `{code, metadata, createdAt[, updatedAt]}`, as the original
//! keeps them.
//!
//! Keys are found by scanning, never by `KEYS`, which would stop the cache for everybody.

use std::collections::BTreeSet;

use redis::aio::ConnectionManager;
use redis::{AsyncCommands, ScanOptions, Script};
use serde_json::{Map, Value};

use super::cache::{Cache, CacheError};
use super::error::Fault;

const PREFIX: &str = "script:";
/// So many keys a scan looks at, so many values are read or removed, in one step.
const STEP: usize = 100;
/// Somebody else changed the script between a look and the change, so often in a row.
const TRIES: usize = 16;

/// KEYS: the script's. ARGV: what it was, what it becomes. Answers with whether it still was.
const REPLACE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  return 1
end
return 0
";

#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("a stored script cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error("others change the same script")]
    Contended,
}

impl From<redis::RedisError> for ScriptError {
    fn from(error: redis::RedisError) -> Self {
        Self::Cache(error.into())
    }
}

impl From<ScriptError> for Fault {
    fn from(error: ScriptError) -> Self {
        match error {
            ScriptError::Cache(error) => error.into(),
            ScriptError::Unreadable(source) => Self::internal("a stored script cannot be read", source),
            ScriptError::Contended => Self::Busy("others change the same script"),
        }
    }
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

impl Cache {
    pub async fn insert_script(&self, id: &str, script: &Map<String, Value>) -> Result<(), ScriptError> {
        let text = serde_json::to_string(script).map_err(ScriptError::Unreadable)?;
        let () = self.connection().await?.set(key(id), text).await.map_err(ScriptError::from)?;
        Ok(())
    }

    pub async fn script(&self, id: &str) -> Result<Option<Map<String, Value>>, ScriptError> {
        let text: Option<String> = self.connection().await?.get(key(id)).await?;
        text.as_deref().map(read).transpose()
    }

    /// Each with its id before its own members. What is no script is left out, and said in the log.
    pub async fn scripts(&self) -> Result<Vec<Map<String, Value>>, ScriptError> {
        let mut connection = self.connection().await?;
        let keys = keys(&mut connection).await?;
        let mut scripts = Vec::with_capacity(keys.len());
        for step in keys.chunks(STEP) {
            let texts: Vec<Option<String>> = connection.mget(step).await?;
            for (key, text) in step.iter().zip(texts) {
                // Removed since the scan.
                let Some(text) = text else { continue };
                match read(&text) {
                    Ok(script) => scripts.push(with_id(key, script)),
                    Err(error) => tracing::warn!(key, error = crate::telemetry::chain(&error), "left out of the list"),
                }
            }
        }
        Ok(scripts)
    }

    /// `false`: there is no such script. `change` may be asked more than once.
    pub async fn change_script(&self, id: &str, change: impl Fn(&mut Map<String, Value>)) -> Result<bool, ScriptError> {
        let replace = Script::new(REPLACE);
        let mut connection = self.connection().await?;
        for _ in 0..TRIES {
            let text: Option<String> = connection.get(key(id)).await?;
            let Some(text) = text else { return Ok(false) };
            let mut script = read(&text)?;
            change(&mut script);
            let changed = serde_json::to_string(&script).map_err(ScriptError::Unreadable)?;
            if replace.key(key(id)).arg(text).arg(changed).invoke_async(&mut connection).await? {
                return Ok(true);
            }
        }
        Err(ScriptError::Contended)
    }

    pub async fn delete_script(&self, id: &str) -> Result<bool, ScriptError> {
        Ok(self.connection().await?.del(key(id)).await?)
    }

    pub async fn delete_scripts(&self) -> Result<(), ScriptError> {
        let mut connection = self.connection().await?;
        for step in keys(&mut connection).await?.chunks(STEP) {
            let () = connection.del(step).await?;
        }
        Ok(())
    }
}

/// In the order of the keys: a scan has none, and may name one twice.
async fn keys(connection: &mut ConnectionManager) -> Result<Vec<String>, ScriptError> {
    let mut found = BTreeSet::new();
    let options = ScanOptions::default().with_pattern(format!("{PREFIX}*")).with_count(STEP);
    let mut scan = connection.scan_options::<String>(options).await?;
    while let Some(key) = scan.next_item().await {
        found.insert(key?);
    }
    Ok(found.into_iter().collect())
}

fn read(text: &str) -> Result<Map<String, Value>, ScriptError> {
    serde_json::from_str(text).map_err(ScriptError::Unreadable)
}

fn with_id(key: &str, script: Map<String, Value>) -> Map<String, Value> {
    let id = key.strip_prefix(PREFIX).unwrap_or(key);
    let id = ("id".to_owned(), Value::from(id));
    std::iter::once(id).chain(script.into_iter().filter(|(name, _)| name != "id")).collect()
}
