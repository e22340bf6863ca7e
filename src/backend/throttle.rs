//! How often somebody may try: sign-ins that fail, codes of a second factor, calls of the assistant.
//!
//! The numbers are settings, the counting is [`super::auth::limits`]; here is who is counted as what, and the refusal.

use std::time::Duration;

use super::app::App;
use super::auth::limits::{Allowance, Limit};
use super::cache::CacheError;
use super::error::{ApiError, Promise};
use super::origin::Origin;

const PROMISE: Promise = Promise::message("Internal server error");

/// Codes of one user, wherever from. A code is one of a million and three are good at a time.
const CODES: Limit = Limit { name: "code", most: 10, within: Duration::from_secs(300) };

/// One call that counts unless it is given back.
#[derive(Debug)]
#[must_use]
pub struct Attempt<'a> {
    app: &'a App,
    counted: Vec<(Limit, Vec<String>)>,
}

impl<'a> Attempt<'a> {
    /// Of one name from one address, and of the address.
    pub async fn to_sign_in(app: &'a App, origin: &Origin, username: &str) -> Result<Self, ApiError> {
        let limits = &app.settings.limits;
        let within = limits.sign_in_window;
        let (network, username) = (origin.network(), username.to_owned());
        let counted = vec![
            (Limit { name: "sign-in", most: limits.sign_in, within }, vec![network.clone(), username]),
            (Limit { name: "sign-in-address", most: limits.sign_in_address, within }, vec![network]),
        ];
        Self::count(app, counted, "Too many attempts to sign in, try again later").await
    }

    /// Of a user with a second factor.
    pub async fn with_code(app: &'a App, user_id: i32) -> Result<Self, ApiError> {
        let text = "Too many attempts with a 2FA token, try again later";
        Self::count(app, vec![(CODES, vec![user_id.to_string()])], text).await
    }

    /// Of a signed-in user who has to say the password again, wherever from.
    pub async fn with_password(app: &'a App, user_id: i32) -> Result<Self, ApiError> {
        let limits = &app.settings.limits;
        let limit = Limit { name: "password", most: limits.sign_in, within: limits.sign_in_window };
        let text = "Too many attempts with a password, try again later";
        Self::count(app, vec![(limit, vec![user_id.to_string()])], text).await
    }

    /// Of a user of the assistant.
    pub async fn to_ask(app: &'a App, user_id: i32) -> Result<Self, ApiError> {
        let limits = &app.settings.limits;
        let limit = Limit { name: "assistant", most: limits.assistant, within: limits.assistant_window };
        Self::count(app, vec![(limit, vec![user_id.to_string()])], "Too many questions, try again later").await
    }

    async fn count(app: &'a App, counted: Vec<(Limit, Vec<String>)>, text: &str) -> Result<Self, ApiError> {
        for (limit, subject) in &counted {
            let allowance = app.auth.limits.take(&app.cache, *limit, &parts(subject)).await;
            if let Allowance::Refused { retry_after } = allowance.map_err(|error| PROMISE.fault(error))? {
                return Err(ApiError::too_often(text, retry_after));
            }
        }
        Ok(Self { app, counted })
    }

    /// It was no failure: as if it had not been.
    pub async fn give_back(self) -> Result<(), ApiError> {
        let done = async {
            for (limit, subject) in &self.counted {
                self.app.auth.limits.give_back(&self.app.cache, *limit, &parts(subject)).await?;
            }
            Ok::<_, CacheError>(())
        };
        done.await.map_err(|error| PROMISE.fault(error))
    }

    /// It was a success: what failed before is forgotten, of the first that is counted; the rest is given back.
    pub async fn succeed(self) -> Result<(), ApiError> {
        let done = async {
            for (place, (limit, subject)) in self.counted.iter().enumerate() {
                let (limits, cache, subject) = (&self.app.auth.limits, &self.app.cache, parts(subject));
                match place {
                    0 => limits.forget(cache, *limit, &subject).await?,
                    _ => limits.give_back(cache, *limit, &subject).await?,
                }
            }
            Ok::<_, CacheError>(())
        };
        done.await.map_err(|error| PROMISE.fault(error))
    }
}

fn parts(subject: &[String]) -> Vec<&str> {
    subject.iter().map(String::as_str).collect()
}
