//! Rate limits that replicas count together.
//!
//! The generic cell rate algorithm: a key holds the time at which the allowance would be whole again, each call moves it
//! on by its share of the window, and a call that would move it further ahead than the window is refused. One number per
//! key, one round trip, one script that the cache runs as a whole; no burst at the border of two windows.
//!
//! Keys are `auth:limit:<name>:<digest>`: who is limited cannot be read from them.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{AsyncCommands, Script};
use sha2::{Digest, Sha256};

use super::hex;
use crate::backend::cache::{Cache, CacheError};
use crate::telemetry::wall_clock;

/// So many calls within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Part of the key.
    pub name: &'static str,
    /// Zero: as many as one likes.
    pub most: u32,
    pub within: Duration,
}

impl Limit {
    /// Of one call, in microseconds.
    fn share(self) -> u64 {
        let window = u64::try_from(self.within.as_micros()).unwrap_or(u64::MAX);
        (window / u64::from(self.most.max(1))).max(1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Allowance {
    Allowed { remaining: u32 },
    Refused { retry_after: Duration },
}

/// KEYS: the limit's. ARGV: now, a call's share, the window; in microseconds, whole numbers that a double holds exactly.
/// Answers with whether, and the calls that remain or the microseconds to wait.
const TAKE: &str = r"
local now, share, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local whole = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if whole < now then whole = now end
local next = whole + share
if next - now > window then
  return {0, next - now - window}
end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return {1, math.floor((window - (next - now)) / share)}
";

/// The same in the other direction.
const GIVE_BACK: &str = r"
local life = redis.call('PTTL', KEYS[1])
if life > 0 then
  local whole = tonumber(redis.call('GET', KEYS[1])) - tonumber(ARGV[1])
  redis.call('SET', KEYS[1], string.format('%.0f', whole), 'PX', life)
end
return life
";

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(TAKE));
static BACK: LazyLock<Script> = LazyLock::new(|| Script::new(GIVE_BACK));

/// What makes digests unreadable to whoever sees the cache.
#[derive(Clone)]
pub struct Limits {
    pepper: [u8; 32],
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Limits")
    }
}

impl Limits {
    /// `secret`: one that all replicas have and nobody else.
    pub fn new(secret: &str) -> Self {
        Self { pepper: Sha256::new().chain_update(b"limits\0").chain_update(secret).finalize().into() }
    }

    /// Counts a call of whoever `subject` is.
    pub async fn take(&self, cache: &Cache, limit: Limit, subject: &[&str]) -> Result<Allowance, CacheError> {
        self.take_at(cache, limit, subject, wall_clock().as_microsecond()).await
    }

    /// `now`: microseconds since 1970.
    pub async fn take_at(
        &self,
        cache: &Cache,
        limit: Limit,
        subject: &[&str],
        now: i64,
    ) -> Result<Allowance, CacheError> {
        if limit.most == 0 {
            return Ok(Allowance::Allowed { remaining: u32::MAX });
        }
        let share = limit.share();
        let mut connection = cache.connection().await?;
        let mut call = SCRIPT.key(self.key(limit, subject));
        let (allowed, number): (bool, u64) =
            call.arg(now).arg(share).arg(share * u64::from(limit.most)).invoke_async(&mut connection).await?;
        Ok(if allowed {
            Allowance::Allowed { remaining: u32::try_from(number).unwrap_or(u32::MAX) }
        } else {
            Allowance::Refused { retry_after: Duration::from_micros(number) }
        })
    }

    /// As if the last call had not been: only failures are to count, and it was none.
    pub async fn give_back(&self, cache: &Cache, limit: Limit, subject: &[&str]) -> Result<(), CacheError> {
        if limit.most == 0 {
            return Ok(());
        }
        let mut connection = cache.connection().await?;
        let _life: i64 = BACK.key(self.key(limit, subject)).arg(limit.share()).invoke_async(&mut connection).await?;
        Ok(())
    }

    /// As if there had been no call at all.
    pub async fn forget(&self, cache: &Cache, limit: Limit, subject: &[&str]) -> Result<(), CacheError> {
        let () = cache.connection().await?.del(self.key(limit, subject)).await?;
        Ok(())
    }

    fn key(&self, limit: Limit, subject: &[&str]) -> String {
        let mut digest = Sha256::new_with_prefix(self.pepper);
        for part in subject {
            // With its length before it, no part can pass for two.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        format!("auth:limit:{}:{}", limit.name, hex(&digest.finalize()[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_nothing_and_depends_on_everything() {
        let limit = Limit { name: "sign-in", most: 5, within: Duration::from_secs(60) };
        let limits = Limits::new("a secret");
        let key = limits.key(limit, &["127.0.0.1", "anna"]);
        assert!(key.starts_with("auth:limit:sign-in:") && key.len() == 19 + 32, "{key}");
        assert!(!key.contains("anna") && !key.contains("127"), "{key}");
        assert_eq!(key, limits.key(limit, &["127.0.0.1", "anna"]));
        let others = [
            limits.key(limit, &["127.0.0.1a", "nna"]),
            limits.key(limit, &["anna", "127.0.0.1"]),
            limits.key(limit, &["127.0.0.1"]),
            Limits::new("another").key(limit, &["127.0.0.1", "anna"]),
        ];
        assert!(others.iter().all(|other| *other != key), "{others:?}");
    }
}
