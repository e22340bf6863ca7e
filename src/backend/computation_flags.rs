//! Whether a group of computations is complete: one text per group in the cache, under the group's id alone.
//!
//! `false` from the moment a flow is asked, `true` once its last batch is stored. A flag that was never set, or that has
//! expired, says nothing: then the rows decide.

use redis::AsyncCommands;
use uuid::Uuid;

use super::cache::{Cache, CacheError};

/// The original's flags stay for ever. A flow ends within minutes and its caller asks within one; a day is plenty.
const STAYS_SECONDS: u64 = 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    Pending,
    Complete,
    Unknown,
}

impl Cache {
    pub async fn computation_flag(&self, group: Uuid) -> Result<Flag, CacheError> {
        let flag: Option<String> = self.connection().await?.get(group.to_string()).await?;
        Ok(match flag.as_deref() {
            Some("true") => Flag::Complete,
            Some("false") => Flag::Pending,
            _ => Flag::Unknown,
        })
    }

    pub async fn set_computation_pending(&self, group: Uuid) -> Result<(), CacheError> {
        self.set_flag(group, "false").await
    }

    pub async fn set_computation_complete(&self, group: Uuid) -> Result<(), CacheError> {
        self.set_flag(group, "true").await
    }

    pub async fn forget_computation(&self, group: Uuid) -> Result<(), CacheError> {
        let () = self.connection().await?.del(group.to_string()).await?;
        Ok(())
    }

    async fn set_flag(&self, group: Uuid, text: &str) -> Result<(), CacheError> {
        let () = self.connection().await?.set_ex(group.to_string(), text, STAYS_SECONDS).await?;
        Ok(())
    }
}
