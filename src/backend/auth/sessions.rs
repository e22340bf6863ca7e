//! Who is signed in from where, kept in the cache for as long as a refresh token is good.
//!
//! `auth:session:<sid>` holds a record; `auth:sessions:<user>` is a sorted set of a user's sessions by their end. What a
//! token may do is not decided here but by its signature, its time and [`super::revocation`].

use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::tokens::REFRESH_LIFE;
use crate::backend::cache::{Cache, CacheError};

/// More of a user agent nobody reads.
const AGENT: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: Uuid,
    pub user_id: i32,
    /// Seconds since 1970.
    pub since: i64,
    pub until: i64,
    /// The caller's address as this process saw it.
    pub address: Option<String>,
    pub agent: Option<String>,
}

impl Session {
    /// A new one, not stored yet.
    pub fn begin(user_id: i32, address: Option<String>, agent: Option<&str>, now: i64) -> Self {
        let agent = agent.map(|agent| agent.chars().take(AGENT).collect());
        Self { id: Uuid::new_v4(), user_id, since: now, until: now + REFRESH_LIFE, address, agent }
    }
}

fn record(id: Uuid) -> String {
    format!("auth:session:{id}")
}

fn index(user_id: i32) -> String {
    format!("auth:sessions:{user_id}")
}

pub async fn store(cache: &Cache, session: &Session, now: i64) -> Result<(), CacheError> {
    let mut connection = cache.connection().await?;
    let text = serde_json::to_string(session).map_err(unreadable)?;
    let life = u64::try_from(session.until - now).unwrap_or(0).max(1);
    let index = index(session.user_id);
    let () = redis::pipe()
        .atomic()
        .set_ex(record(session.id), text, life)
        .ignore()
        .zrembyscore(&index, "-inf", now)
        .ignore()
        .zadd(&index, session.id.to_string(), session.until)
        .ignore()
        // The newest session is also the last to end.
        .expire(&index, REFRESH_LIFE)
        .ignore()
        .query_async(&mut connection)
        .await?;
    Ok(())
}

/// A user's sessions, the one that began last in front.
pub async fn of_user(cache: &Cache, user_id: i32, now: i64) -> Result<Vec<Session>, CacheError> {
    let mut connection = cache.connection().await?;
    let ids: Vec<String> = connection.zrangebyscore(index(user_id), format!("({now}"), "+inf").await?;
    let keys: Vec<String> = ids.iter().filter_map(|id| id.parse().ok()).map(record).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let texts: Vec<Option<String>> = connection.mget(keys).await?;
    let mut sessions: Vec<Session> =
        texts.iter().flatten().filter_map(|text| serde_json::from_str(text).ok()).collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.since));
    Ok(sessions)
}

/// Forgets one. Its tokens are another matter: see [`super::revocation::Revocations::revoke`].
pub async fn end(cache: &Cache, user_id: i32, id: Uuid) -> Result<(), CacheError> {
    let mut connection = cache.connection().await?;
    let () = redis::pipe()
        .atomic()
        .del(record(id))
        .ignore()
        .zrem(index(user_id), id.to_string())
        .ignore()
        .query_async(&mut connection)
        .await?;
    Ok(())
}

/// Forgets all of a user's and tells which they were.
pub async fn end_all(cache: &Cache, user_id: i32, now: i64) -> Result<Vec<Session>, CacheError> {
    let sessions = of_user(cache, user_id, now).await?;
    let keys = sessions.iter().map(|session| record(session.id)).chain([index(user_id)]).collect::<Vec<_>>();
    let () = cache.connection().await?.del(keys).await?;
    Ok(sessions)
}

fn unreadable(error: serde_json::Error) -> CacheError {
    CacheError::Failed(redis::RedisError::from(std::io::Error::from(error)))
}
