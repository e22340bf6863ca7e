//! One call to an upstream, from its parts to its answer: tries, pauses, the deadline, the measurement.

use std::time::{Duration, Instant};

use axum::http::HeaderName;
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::UpstreamError;
use super::upstream::{Answer, Upstream};

/// Before the first further try; doubled before each one after it.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Carries the caller's own token to services that ask us back.
pub const TOKEN: HeaderName = HeaderName::from_static("x-access-token");

#[derive(Debug)]
#[must_use = "nothing is asked until an answer is wanted"]
pub struct Call<'a> {
    upstream: &'a Upstream,
    method: Method,
    path: Vec<String>,
    query: Vec<(&'a str, &'a str)>,
    body: Option<bytes::Bytes>,
    token: Option<&'a str>,
    within: Duration,
    repeatable: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(upstream: &'a Upstream, method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        let within = upstream.within;
        Self { upstream, method, path, query: Vec::new(), body: None, token: None, within, repeatable: false }
    }

    pub(super) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Although it only reads, it must not be asked twice: reading sets something off.
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    pub fn query(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.query.extend(pairs);
        self
    }

    pub fn body(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into());
        self
    }

    /// The caller's token, in a header of its own.
    pub fn token(mut self, token: Option<&'a str>) -> Self {
        self.token = token;
        self
    }

    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// The JSON of a successful answer.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, UpstreamError> {
        let upstream = self.upstream.name();
        let read = |answer: Answer| {
            serde_json::from_slice(&answer.body).map_err(|source| UpstreamError::BadAnswer { upstream, source })
        };
        self.measured(read).await
    }

    /// The JSON of a successful answer, or nothing when there is no such thing.
    pub async fn found(self) -> Result<Option<Value>, UpstreamError> {
        match self.json().await {
            Ok(value) => Ok(Some(value)),
            Err(UpstreamError::Status { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// That it succeeded; what it says beyond that is nobody's concern.
    pub async fn done(self) -> Result<(), UpstreamError> {
        self.measured(|_| Ok(())).await
    }

    /// That it answered exactly this.
    pub async fn exactly(self, wanted: StatusCode) -> Result<(), UpstreamError> {
        let upstream = self.upstream.name();
        self.measured(|answer| if answer.status == wanted { Ok(()) } else { Err(answer.into_error(upstream)) }).await
    }

    async fn measured<T>(self, judge: impl FnOnce(Answer) -> Result<T, UpstreamError>) -> Result<T, UpstreamError> {
        let (upstream, started) = (self.upstream.name(), Instant::now());
        let result = self.answer(started).await.and_then(judge);
        let outcome = result.as_ref().map_or_else(UpstreamError::label, |_| "ok");
        metrics::counter!("upstream_requests_total", "upstream" => upstream, "outcome" => outcome).increment(1);
        metrics::histogram!("upstream_request_duration_seconds", "upstream" => upstream)
            .record(started.elapsed().as_secs_f64());
        result
    }

    /// A successful answer, after as many tries as are allowed.
    async fn answer(self, started: Instant) -> Result<Answer, UpstreamError> {
        let deadline = started + self.within;
        let retries = if self.repeatable { self.upstream.retries } else { 0 };
        let mut last = self.attempt(deadline).await;
        // Who is not let in has not done anything yet.
        if matches!(&last, Err(UpstreamError::Status { status: StatusCode::UNAUTHORIZED, .. }))
            && self.upstream.gives_up_key()
        {
            last = self.attempt(deadline).await;
        }
        for number in 0..retries {
            let passes = last.as_ref().is_err_and(UpstreamError::is_worth_repeating);
            let pause = pause(number, chance());
            if !passes || Instant::now() + pause >= deadline {
                break;
            }
            tokio::time::sleep(pause).await;
            metrics::counter!("upstream_retries_total", "upstream" => self.upstream.name()).increment(1);
            match self.attempt(deadline).await {
                // What led here says more than that nobody asks any more.
                Err(UpstreamError::CircuitOpen { .. }) => break,
                next => last = next,
            }
        }
        last
    }

    async fn attempt(&self, deadline: Instant) -> Result<Answer, UpstreamError> {
        let mut request = self.upstream.request(&self.method, &self.path, &self.query)?;
        if let Some(token) = self.token {
            request = request.header(TOKEN, token);
        }
        if let Some(body) = &self.body {
            request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        self.upstream.attempt(request, deadline, self.within).await
    }
}

/// Before the further try of this number, from 0. `chance` from 0 to 1 takes up to half of it away, so that many callers
/// do not come back at once.
fn pause(number: u32, chance: f64) -> Duration {
    let whole = PAUSE.saturating_mul(1_u32.checked_shl(number).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
    whole.mul_f64(1.0 - chance / 2.0)
}

/// Nothing hangs on its quality, so a source that fails is no reason to fail.
fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_are_spread() {
        let millis = |number, chance| pause(number, chance).as_millis();
        assert_eq!([millis(0, 0.0), millis(1, 0.0), millis(2, 0.0)], [50, 100, 200]);
        assert_eq!([millis(0, 1.0), millis(1, 1.0)], [25, 50]);
        assert_eq!([millis(5, 0.0), millis(31, 0.0), millis(32, 0.0), millis(99, 0.0)], [1000; 4]);
        assert!((0..100).all(|_| (0.0..=1.0).contains(&chance())));
    }
}
