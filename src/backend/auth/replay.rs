//! A code of the second factor is accepted once, by whichever replica sees it first.
//!
//! Key `auth:totp:<user>:<step>`, for as long as the step could still match.

use redis::{ExistenceCheck, SetExpiry, SetOptions, Value};

use super::totp;
use crate::backend::cache::{Cache, CacheError};

/// A step matches from one step before it begins to one step after it ends; clocks of replicas may differ a little.
const KEPT: u64 = totp::STEP * (2 * totp::TOLERANCE as u64 + 2);

/// Claims the step for this sign-in. `false`: its code was used before.
pub async fn claim(cache: &Cache, user_id: i32, step: u64) -> Result<bool, CacheError> {
    let mut connection = cache.connection().await?;
    let options = SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(SetExpiry::EX(KEPT));
    let key = format!("auth:totp:{user_id}:{step}");
    let answer: Value = redis::AsyncCommands::set_options(&mut connection, key, 1, options).await?;
    Ok(answer != Value::Nil)
}
