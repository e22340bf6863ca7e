//! Tokens that are refused although their signature and time are good: those of sessions that were ended.
//!
//! The sorted set `auth:revoked` holds what is revoked with the second from which it need not be remembered; channel of
//! the same name tells every process of a new one. Each process keeps a copy, so that the check of a request costs no
//! round trip. The copy is read as a whole when a subscription begins, and again every [`RELOAD`] whatever happened, so
//! a message that was lost is missed for no longer than that. While the cache is away the last copy holds: signing in
//! fails then, being signed in does not.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures_util::StreamExt;
use redis::AsyncCommands;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::tokens::{Claims, REFRESH_LIFE};
use super::{hex, unhex};
use crate::backend::cache::{Cache, CacheError};
use crate::telemetry::{chain, wall_clock};

/// Set and channel.
const KEY: &str = "auth:revoked";
/// So long a lost message may go unnoticed.
const RELOAD: Duration = Duration::from_secs(30);
/// Between two tries to reach the cache, doubled up to the second.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What can be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// All tokens of a session.
    Session(Uuid),
    /// One token of another maker, which belongs to no session: its SHA-256.
    Token([u8; 32]),
}

impl Mark {
    /// By what a token would be revoked.
    pub fn of(claims: &Claims, token: &str) -> Self {
        claims.session.map_or_else(|| Self::Token(Sha256::digest(token).into()), Self::Session)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(out, "session:{id}"),
            Self::Token(digest) => write!(out, "token:{}", hex(digest)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a session nor a token")]
pub struct UnknownMark;

impl FromStr for Mark {
    type Err = UnknownMark;

    fn from_str(text: &str) -> Result<Self, UnknownMark> {
        match text.split_once(':') {
            Some(("session", id)) => id.parse().map(Self::Session).map_err(|_| UnknownMark),
            Some(("token", digest)) => {
                let bytes = unhex(digest).and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self::Token).ok_or(UnknownMark)
            }
            _ => Err(UnknownMark),
        }
    }
}

/// This process's copy: what is revoked, and until when that matters.
#[derive(Debug, Default)]
pub struct Revocations {
    copy: RwLock<HashMap<Mark, i64>>,
    is_current: AtomicBool,
}

impl Revocations {
    /// Whether a good token was revoked.
    pub fn holds(&self, claims: &Claims, token: &str) -> bool {
        let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner);
        // Mostly nothing is revoked, and then there is nothing to digest.
        !copy.is_empty() && copy.contains_key(&Mark::of(claims, token))
    }

    /// Whether the copy was read and its subscription holds.
    pub fn is_current(&self) -> bool {
        self.is_current.load(Ordering::Relaxed)
    }

    /// Here at once, in the cache and everywhere else with the answer. Good for as long as any token of the session can
    /// be, unless it ends by itself before. `now`: seconds since 1970.
    pub async fn revoke(&self, cache: &Cache, marks: &[Mark], now: i64) -> Result<(), CacheError> {
        if marks.is_empty() {
            return Ok(());
        }
        let until = now + REFRESH_LIFE;
        self.copy.write().unwrap_or_else(PoisonError::into_inner).extend(marks.iter().map(|mark| (*mark, until)));
        let mut connection = cache.connection().await?;
        let mut pipe = redis::pipe();
        pipe.atomic().zrembyscore(KEY, "-inf", now).ignore();
        for mark in marks {
            pipe.zadd(KEY, mark.to_string(), until).ignore().publish(KEY, message(*mark, until)).ignore();
        }
        let () = pipe.query_async(&mut connection).await?;
        Ok(())
    }

    /// Keeps the copy up to date, for as long as the process lives.
    pub async fn watch(&self, cache: &Cache) {
        let mut pause = RETRY.0;
        loop {
            let Err(error) = self.follow(cache, &mut pause).await;
            if self.is_current.swap(false, Ordering::Relaxed) {
                tracing::warn!(error = chain(&error), "revoked sessions are not followed, the last copy holds");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// One subscription, until it breaks.
    async fn follow(&self, cache: &Cache, pause: &mut Duration) -> Result<std::convert::Infallible, CacheError> {
        let mut subscription = cache.client().get_async_pubsub().await?;
        subscription.subscribe(KEY).await?;
        // Only now: what is revoked while the set is read comes as a message.
        self.reload(cache).await?;
        self.is_current.store(true, Ordering::Relaxed);
        *pause = RETRY.0;
        let mut messages = subscription.into_on_message();
        let mut reload = tokio::time::interval(RELOAD);
        reload.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        reload.tick().await;
        loop {
            tokio::select! {
                message = messages.next() => {
                    let message = message.ok_or_else(broken)?;
                    let text: String = message.get_payload()?;
                    match parse(&text) {
                        Some((mark, until)) => {
                            self.copy.write().unwrap_or_else(PoisonError::into_inner).insert(mark, until);
                        }
                        None => tracing::warn!("a message about revoked sessions cannot be read"),
                    }
                }
                _ = reload.tick() => self.reload(cache).await?,
            }
        }
    }

    /// What the set holds now; what this process alone knows of stays, because the cache may have been away.
    pub async fn reload(&self, cache: &Cache) -> Result<(), CacheError> {
        let now = wall_clock().as_second();
        let mut connection = cache.connection().await?;
        let all: Vec<(String, i64)> = connection.zrangebyscore_withscores(KEY, format!("({now}"), "+inf").await?;
        let known = all.iter().filter_map(|(mark, until)| Some((mark.parse().ok()?, *until)));
        let mut copy = self.copy.write().unwrap_or_else(PoisonError::into_inner);
        copy.retain(|_, until| *until > now);
        copy.extend(known);
        Ok(())
    }
}

fn message(mark: Mark, until: i64) -> String {
    format!("{until} {mark}")
}

fn parse(message: &str) -> Option<(Mark, i64)> {
    let (until, mark) = message.split_once(' ')?;
    Some((mark.parse().ok()?, until.parse().ok()?))
}

fn broken() -> CacheError {
    CacheError::Unavailable(redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(session: Option<Uuid>) -> Claims {
        Claims { user_id: None, username: None, role: None, session, expires: None }
    }

    #[test]
    fn a_mark_is_written_and_read() {
        for mark in [Mark::Session(Uuid::new_v4()), Mark::Token([0xA5; 32])] {
            assert_eq!(mark.to_string().parse(), Ok(mark));
            assert_eq!(parse(&message(mark, 17)), Some((mark, 17)));
        }
        for bad in ["", "session:", "session:x", "token:00", "other:00", "17"] {
            assert_eq!(bad.parse::<Mark>(), Err(UnknownMark), "{bad}");
            assert_eq!(parse(bad), None);
        }
    }

    #[test]
    fn a_token_is_revoked_with_its_session_or_by_itself() {
        let (one, other) = (claims(Some(Uuid::new_v4())), claims(Some(Uuid::new_v4())));
        let revocations = Revocations::default();
        assert!(!revocations.holds(&one, "a") && !revocations.is_current());
        revocations.copy.write().unwrap().insert(Mark::of(&one, "a"), 1);
        assert!(revocations.holds(&one, "a") && revocations.holds(&one, "another of the session"));
        assert!(!revocations.holds(&other, "a"));
        let alone = claims(None);
        revocations.copy.write().unwrap().insert(Mark::of(&alone, "alone"), 1);
        assert!(revocations.holds(&alone, "alone") && !revocations.holds(&alone, "a"));
    }
}
