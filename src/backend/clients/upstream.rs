//! One service that we ask over HTTP: where it is, who we are to it, how long we wait, when we stop asking.
//!
//! Owns the connections to it, its breaker and its measurements. Never knows what is asked: the clients beside it do.
//!
//! A call: admission by the breaker → send → read no more than so many bytes → report to the breaker; repeated while it
//! is declared repeatable, the failure passes and there is time left. One deadline covers all of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use tokio::time::timeout_at;

use super::breaker::{Admission, Breaker, BreakerSpec, Change, Outcome, Position, Ticket};
use super::call::Call;
use super::error::UpstreamError;
use super::kept_key::KeptKey;
use crate::serve::{Secret, traces};

/// A server that stands does not take longer to accept; one behind a black hole never does.
const CONNECT: Duration = Duration::from_secs(2);
/// Node's servers drop an idle connection after five seconds; ours must be dropped first, or requests meet a closed one.
const IDLE: Duration = Duration::from_secs(4);
const IDLE_CONNECTIONS: usize = 16;
/// Five failures are no accident; after five seconds a restarted service should be back.
const BREAKER: BreakerSpec = BreakerSpec { failures: 5, rest: Duration::from_secs(5) };

/// Who we are to an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    None,
    Basic { user: String, password: Secret },
    Bearer(Secret),
}

/// What holds for every call to one upstream.
#[derive(Clone)]
pub struct UpstreamSpec {
    /// As people know it; also the label of its measurements.
    pub name: &'static str,
    /// Without it every call fails at once.
    pub url: Option<String>,
    pub auth: Auth,
    /// A file with a key that comes before `auth`, once it is there.
    pub key_file: Option<PathBuf>,
    /// Sent with every call.
    pub headers: Vec<(HeaderName, String)>,
    /// For a whole call, all its tries included.
    pub within: Duration,
    /// Further tries of a call that may be repeated.
    pub retries: u32,
    /// No answer is longer, in bytes.
    pub answer: usize,
    pub breaker: BreakerSpec,
    /// On the internet, and somebody else's: a proxy of the environment may lie in between, and nothing is told of the
    /// request that makes us ask. Ours never go through a proxy, and continue the trace.
    pub remote: bool,
}

/// Neither addresses nor headers are shown: both may hold secrets.
impl fmt::Debug for UpstreamSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("UpstreamSpec").field("name", &self.name).field("within", &self.within).finish_non_exhaustive()
    }
}

impl UpstreamSpec {
    /// A service of the same stack.
    pub fn new(name: &'static str, url: Option<&str>) -> Self {
        Self {
            name,
            url: url.map(str::to_owned),
            auth: Auth::None,
            key_file: None,
            headers: Vec::new(),
            within: Duration::from_secs(3),
            retries: 2,
            answer: 16 * 1024 * 1024,
            breaker: BREAKER,
            remote: false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not repeated: it may hold a password.
    #[error("the address of {0} cannot be used")]
    Address(&'static str),
    #[error("a header for {0} cannot be sent")]
    Header(&'static str),
    #[error("the client of {name} cannot be made")]
    Client {
        name: &'static str,
        #[source]
        source: reqwest::Error,
    },
}

pub struct Upstream {
    name: &'static str,
    base: Option<Url>,
    http: reqwest::Client,
    auth: Auth,
    key: Option<KeptKey>,
    breaker: Mutex<Breaker>,
    remote: bool,
    pub(super) within: Duration,
    pub(super) retries: u32,
    pub(super) answer: usize,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.base.as_ref().and_then(Url::host_str);
        out.debug_struct("Upstream").field("name", &self.name).field("host", &host).finish_non_exhaustive()
    }
}

impl Upstream {
    pub fn new(spec: UpstreamSpec) -> Result<Self, ClientError> {
        let UpstreamSpec { name, url, auth, key_file, headers, within, retries, answer, breaker, remote } = spec;
        let base = url.as_deref().map(|url| base(url, &auth).ok_or(ClientError::Address(name))).transpose()?;
        let mut fixed = HeaderMap::new();
        for (header, value) in headers {
            fixed.insert(header, HeaderValue::from_str(&value).map_err(|_| ClientError::Header(name))?);
        }
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("reeve/", env!("CARGO_PKG_VERSION")))
            .default_headers(fixed)
            // A redirect could carry credentials to another host.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        if !remote || base.as_ref().is_some_and(is_here) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|source| ClientError::Client { name, source })?;
        describe();
        let breaker = Mutex::new(Breaker::new(breaker));
        let key = key_file.map(KeptKey::new);
        Ok(Self { name, base, http, auth, key, breaker, remote, within, retries, answer })
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The state of its breaker, for whoever reads the measurements now.
    pub fn measure(&self) {
        let now = self.breaker.lock().unwrap_or_else(PoisonError::into_inner).position();
        for position in Position::ALL {
            metrics::gauge!("upstream_breaker_state", "upstream" => self.name, "state" => position.label())
                .set(if position == now { 1.0 } else { 0.0 });
        }
    }

    /// To read; repeated when the failure passes.
    pub fn get(&self, path: &[&str]) -> Call<'_> {
        Call::new(self, Method::GET, path).repeatable()
    }

    pub fn post(&self, path: &[&str]) -> Call<'_> {
        Call::new(self, Method::POST, path)
    }

    pub fn put(&self, path: &[&str]) -> Call<'_> {
        Call::new(self, Method::PUT, path)
    }

    pub fn delete(&self, path: &[&str]) -> Call<'_> {
        Call::new(self, Method::DELETE, path)
    }

    /// A request to the path below the base, with our credentials.
    pub(super) fn request(
        &self,
        method: &Method,
        path: &[String],
        query: &[(&str, &str)],
    ) -> Result<reqwest::RequestBuilder, UpstreamError> {
        let base = self.base.as_ref().ok_or(UpstreamError::NotConfigured { upstream: self.name })?;
        let mut url = below(base, path).ok_or(UpstreamError::NoSuchPath { upstream: self.name })?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method.clone(), url);
        let request = if self.remote {
            request
        } else {
            let mut known_by = HeaderMap::new();
            traces::inject(&mut known_by);
            request.headers(known_by)
        };
        if let Some(key) = self.key.as_ref().and_then(KeptKey::current) {
            return Ok(request.bearer_auth(key.expose()));
        }
        Ok(match &self.auth {
            Auth::None => request,
            Auth::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
            Auth::Bearer(token) => request.bearer_auth(token.expose()),
        })
    }

    /// One try, if the breaker lets it through.
    pub(super) async fn attempt(
        &self,
        request: reqwest::RequestBuilder,
        deadline: Instant,
        within: Duration,
    ) -> Result<Answer, UpstreamError> {
        let upstream = self.name;
        let leave = self.admit()?;
        let sent = timeout_at(deadline.into(), exchange(upstream, request, self.answer)).await;
        let result = sent.unwrap_or(Err(UpstreamError::TimedOut { upstream, within }));
        let failed = result.as_ref().is_err_and(UpstreamError::is_outage);
        leave.report(if failed { Outcome::Failed } else { Outcome::Answered });
        result
    }

    /// After a 401: whether a kept key was the reason, so that it is worth asking again without it.
    pub(super) fn gives_up_key(&self) -> bool {
        let given_up = self.key.as_ref().is_some_and(KeptKey::give_up);
        if given_up {
            tracing::warn!(
                upstream = self.name,
                "does not accept the kept key any more; reeve start setup makes another"
            );
        }
        given_up
    }

    fn admit(&self) -> Result<Leave<'_>, UpstreamError> {
        match self.breaker.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now()) {
            Admission::Go(ticket) => Ok(Leave { upstream: self, ticket: Some(ticket) }),
            Admission::Refused => Err(UpstreamError::CircuitOpen { upstream: self.name }),
        }
    }

    fn report(&self, ticket: Ticket, outcome: Outcome) {
        let change =
            self.breaker.lock().unwrap_or_else(PoisonError::into_inner).report(Instant::now(), ticket, outcome);
        match change {
            Change::Opened => tracing::warn!(upstream = self.name, "is not asked for a while: it failed repeatedly"),
            Change::Closed => tracing::info!(upstream = self.name, "is asked again"),
            Change::None => {}
        }
    }
}

/// Leave of the breaker, handed back whatever happens: the caller may stop waiting at any time.
struct Leave<'a> {
    upstream: &'a Upstream,
    ticket: Option<Ticket>,
}

impl Leave<'_> {
    fn report(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.upstream.report(ticket, outcome);
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.upstream.report(ticket, Outcome::Abandoned);
        }
    }
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: reqwest::StatusCode,
    pub body: Vec<u8>,
}

impl Answer {
    /// It is not what was wanted.
    pub fn into_error(self, upstream: &'static str) -> UpstreamError {
        UpstreamError::Status { upstream, status: self.status, body: serde_json::from_slice(&self.body).ok() }
    }
}

/// A successful answer.
async fn exchange(
    upstream: &'static str,
    request: reqwest::RequestBuilder,
    limit: usize,
) -> Result<Answer, UpstreamError> {
    let failed = |error: reqwest::Error| match error.without_url() {
        source if source.is_builder() => UpstreamError::BadRequest { upstream, source },
        source => UpstreamError::Unreachable { upstream, sent: !source.is_connect(), source },
    };
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(None) if status.is_success() => return Ok(Answer { status, body }),
            Ok(None) => return Err(Answer { status, body }.into_error(upstream)),
            // The status of an error says enough when its words are too many or break off.
            _ if !status.is_success() => return Err(UpstreamError::Status { upstream, status, body: None }),
            Ok(Some(_)) => return Err(UpstreamError::TooLarge { upstream, limit }),
            Err(error) => return Err(failed(error)),
        }
    }
}

/// The address to build on. What it says of a user yields to the settings' own credentials.
fn base(url: &str, auth: &Auth) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    if *auth != Auth::None {
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// Every part is one part of the path, whatever characters it has; those that would lead elsewhere are refused.
fn below(base: &Url, path: &[String]) -> Option<Url> {
    if path.iter().any(|part| part.is_empty() || part == "." || part == "..") {
        return None;
    }
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

/// On this very machine.
fn is_here(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

fn describe() {
    metrics::describe_counter!("upstream_requests_total", "calls to other services by service and outcome");
    metrics::describe_counter!("upstream_retries_total", "further tries of calls to other services");
    metrics::describe_histogram!(
        "upstream_request_duration_seconds",
        metrics::Unit::Seconds,
        "time from a call to its whole answer, all tries included"
    );
    metrics::describe_gauge!(
        "upstream_breaker_state",
        "1 for the state that the circuit breaker of a service is in: closed, open (it is not asked), half_open"
    );
}

#[cfg(test)]
mod tests;
