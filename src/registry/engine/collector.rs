//! Asks collectors for computations: one POST that starts them, then polls until they are there.
//!
//! Owns the connections, time limits and sizes. Never knows guarantees: a request is an address and a body, an answer is a
//! list of items. Everything happens within the caller's future, so a client that goes away ends it all.

use std::fmt;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::items::Item;
use crate::serve::traces;

/// Node's servers drop an idle connection after five seconds; ours must be dropped first, or requests meet a closed one.
const IDLE: Duration = Duration::from_secs(4);
/// As many as the original follows.
const REDIRECTS: usize = 5;
/// Of what a collector says of its failure.
const LONGEST_WORDS: usize = 300;
/// Also between polls of settings that say none at all.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

#[derive(Debug, Clone)]
pub struct CollectorSettings {
    /// Between polls.
    pub wait: Duration,
    /// Of all waits for one computation together; the exchanges themselves do not count.
    pub budget: Duration,
    /// How long a collector of STATUS may not know a computation yet, counted in waits.
    pub not_found_grace: Duration,
    pub connect: Duration,
    /// For one exchange, its whole body included.
    pub answer: Duration,
    /// For one metric, from the POST to its computations.
    pub whole: Duration,
    /// No answer is longer, in bytes.
    pub longest: usize,
    /// All answers of one question together, in bytes.
    pub held: usize,
    /// Metrics of one question that are asked for at a time.
    pub at_once: usize,
}

impl Default for CollectorSettings {
    fn default() -> Self {
        Self {
            wait: Duration::from_millis(200),
            budget: Duration::from_secs(60),
            // A flow that has been triggered writes its first row within seconds.
            not_found_grace: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            // As long as the backend waits for us.
            whole: Duration::from_secs(300),
            // A state is a document of MongoDB, which holds 16 MB; JSON is somewhat longer.
            longest: 32 * 1024 * 1024,
            held: 256 * 1024 * 1024,
            // More than any agreement has guarantees, and few enough connections for a collector of one process.
            at_once: 64,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The address itself may hold a password and is not repeated.
    #[error("the address of the collector and its endpoint {endpoint} do not make one address")]
    Address { endpoint: String },
    #[error("the caller's token cannot be sent in a cookie")]
    Token,
    #[error("the collector cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the collector did not answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("the collector answered {status} to {line}{words}")]
    Status { line: &'static str, status: u16, words: Words },
    #[error("the collectors answered with more than {0} bytes")]
    TooLarge(usize),
    #[error("the collector's answer to {line} cannot be understood")]
    NotUnderstood {
        line: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("Retries time exceeded TTL.")]
    Late,
    /// Without any computation.
    #[error("Metric not processed correctly")]
    Empty,
}

impl CollectorError {
    /// A label with few values, for measurements.
    fn label(&self) -> &'static str {
        match self {
            Self::Address { .. } | Self::Token => "bad_request",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::Status { .. } => "status",
            Self::TooLarge(_) => "too_large",
            Self::NotUnderstood { .. } => "not_understood",
            Self::Late => "late",
            Self::Empty => "empty",
        }
    }
}

/// What a collector said of its failure, if it said it in the usual member.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Words(Option<String>);

impl fmt::Display for Words {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |words| write!(out, ": {words}"))
    }
}

impl Words {
    fn of(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Told {
            message: String,
        }
        let told = serde_json::from_slice::<Told>(body).ok();
        Self(told.map(|told| told.message.chars().filter(|it| !it.is_control()).take(LONGEST_WORDS).collect()))
    }
}

/// One question to one collector.
#[derive(Debug, Clone)]
pub struct Request {
    pub base: String,
    pub endpoint: String,
    pub body: Bytes,
    /// Whether a computation that is not found may still come.
    pub patient: bool,
}

/// Computations, and how many bytes told them.
#[derive(Debug)]
pub struct Answer {
    pub items: Vec<Item>,
    pub bytes: usize,
}

#[derive(Deserialize)]
struct Started {
    computation: String,
}

#[derive(Deserialize)]
struct Finished {
    computations: Vec<Item>,
}

/// All collectors; they differ by address only.
#[derive(Debug)]
pub struct Collector {
    http: reqwest::Client,
    settings: CollectorSettings,
}

const POST: &str = "the request";
const POLL: &str = "the question for its result";

impl Collector {
    pub fn new(settings: CollectorSettings) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("reeve/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
            .connect_timeout(settings.connect)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.at_once)
            // Collectors are services of the stack, and tokens of users are none of a proxy's concern.
            .no_proxy()
            .build()?;
        describe();
        Ok(Self { http, settings })
    }

    pub fn settings(&self) -> &CollectorSettings {
        &self.settings
    }

    /// The computations that a request leads to, with the caller's token.
    pub async fn ask(&self, request: &Request, token: Option<&str>) -> Result<Answer, CollectorError> {
        let (started, whole) = (Instant::now(), self.settings.whole);
        let result = tokio::time::timeout(whole, self.ask_and_poll(request, token)).await;
        let result = result.unwrap_or(Err(CollectorError::TimedOut(whole)));
        let outcome = result.as_ref().map_or_else(CollectorError::label, |_| "ok");
        metrics::counter!("collector_requests_total", "outcome" => outcome).increment(1);
        metrics::histogram!("collector_request_duration_seconds").record(started.elapsed().as_secs_f64());
        result
    }

    async fn ask_and_poll(&self, request: &Request, token: Option<&str>) -> Result<Answer, CollectorError> {
        let (base, endpoint) = (request.base.as_str(), request.endpoint.as_str());
        let cookie = token.map(cookie).transpose()?;
        let post = self.http.post(address(base, endpoint)?).header(header::CONTENT_TYPE, "application/json");
        let (status, body) = self.exchange(post.body(request.body.clone()), cookie.as_ref()).await?;
        if !status.is_success() {
            return Err(refused(POST, status, &body));
        }
        let Started { computation } = read(POST, &body)?;
        let path = format!("/{}", computation.strip_prefix('/').unwrap_or(&computation));
        let result = address(base, &path)?;
        let wait = self.settings.wait.max(SHORTEST_WAIT);
        let mut waited = Duration::ZERO;
        loop {
            let (status, body) = self.exchange(self.http.get(result.clone()), cookie.as_ref()).await?;
            match status {
                StatusCode::OK => return finished(&body),
                StatusCode::ACCEPTED => {}
                StatusCode::NOT_FOUND if request.patient && waited < self.settings.not_found_grace => {}
                _ => return Err(refused(POLL, status, &body)),
            }
            if waited >= self.settings.budget {
                return Err(CollectorError::Late);
            }
            tokio::time::sleep(wait).await;
            waited += wait;
        }
    }

    /// Sends and reads the whole answer.
    async fn exchange(
        &self,
        request: RequestBuilder,
        cookie: Option<&HeaderValue>,
    ) -> Result<(StatusCode, Vec<u8>), CollectorError> {
        // The id and the trace of the request that this computation is for.
        let mut head = HeaderMap::new();
        traces::inject(&mut head);
        if let Some(cookie) = cookie {
            head.insert(header::COOKIE, cookie.clone());
        }
        let request = request.headers(head);
        let (within, limit) = (self.settings.answer, self.settings.longest);
        let work = async {
            let failed = |error: reqwest::Error| CollectorError::Unreachable(error.without_url());
            let mut response = request.send().await.map_err(failed)?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if body.len() + chunk.len() > limit {
                    return Err(CollectorError::TooLarge(limit));
                }
                body.extend_from_slice(&chunk);
            }
            Ok((response.status(), body))
        };
        tokio::time::timeout(within, work).await.unwrap_or(Err(CollectorError::TimedOut(within)))
    }
}

fn finished(body: &[u8]) -> Result<Answer, CollectorError> {
    let Finished { computations: items } = read(POLL, body)?;
    if items.is_empty() { Err(CollectorError::Empty) } else { Ok(Answer { items, bytes: body.len() }) }
}

fn read<T: DeserializeOwned>(line: &'static str, body: &[u8]) -> Result<T, CollectorError> {
    serde_json::from_slice(body).map_err(|source| CollectorError::NotUnderstood { line, source })
}

fn refused(line: &'static str, status: StatusCode, body: &[u8]) -> CollectorError {
    CollectorError::Status { line, status: status.as_u16(), words: Words::of(body) }
}

fn cookie(token: &str) -> Result<HeaderValue, CollectorError> {
    // A semicolon would begin another cookie.
    let value = HeaderValue::from_str(&format!("accessToken={token}")).ok().filter(|_| !token.contains(';'));
    let mut value = value.ok_or(CollectorError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A path below a base. What an agreement or a collector says must not lead to another host: the caller's token goes along.
fn address(base: &str, path: &str) -> Result<Url, CollectorError> {
    let wrong = || CollectorError::Address { endpoint: path.to_owned() };
    let root = Url::parse(base).map_err(|_| wrong())?;
    let base = if path.starts_with('/') { base.trim_end_matches('/') } else { base };
    let url = Url::parse(&format!("{base}{path}")).map_err(|_| wrong())?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let same = url.origin() == root.origin() && url.username() == root.username() && url.password() == root.password();
    if is_http && same { Ok(url) } else { Err(wrong()) }
}

fn describe() {
    metrics::describe_counter!("collector_requests_total", "metrics asked of collectors, by outcome");
    metrics::describe_histogram!(
        "collector_request_duration_seconds",
        metrics::Unit::Seconds,
        "time from asking a collector to its computations, all polls included"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_with_their_host() {
        let good = [
            ("http://status-backend:3001", "/api/v1/computations", "http://status-backend:3001/api/v1/computations"),
            ("http://status-backend:3001/", "/api/v1/computations", "http://status-backend:3001/api/v1/computations"),
            ("http://h/base", "/x?y=1", "http://h/base/x?y=1"),
            ("http://h/base/", "x", "http://h/base/x"),
            ("http://h", "", "http://h/"),
            ("http://user:word@h", "/x", "http://user:word@h/x"),
            ("http://h:80", "/../../x", "http://h/x"),
        ];
        for (base, path, wanted) in good {
            assert_eq!(address(base, path).unwrap().as_str(), wanted);
        }
        let bad = [
            ("http://h:3001", "@evil/x"),
            ("http://h:3001", "0/x"),
            ("http://h", ".evil/x"),
            ("h", "/x"),
            ("ftp://h", "/x"),
            ("null", "/x"),
            ("http://h", ":99999/x"),
            ("http://user@h", "@evil"),
        ];
        for (base, path) in bad {
            assert!(matches!(address(base, path), Err(CollectorError::Address { .. })), "{base}{path}");
        }
    }

    #[test]
    fn a_token_is_one_cookie() {
        assert_eq!(cookie("TOK").unwrap(), "accessToken=TOK");
        assert!(cookie("TOK").unwrap().is_sensitive());
        for token in ["a;b=c", "a\r\nX: y", "\u{0}"] {
            assert!(cookie(token).is_err());
        }
    }

    #[test]
    fn a_failure_is_told_in_the_collectors_words() {
        let words = |body: &str| Words::of(body.as_bytes()).to_string();
        assert_eq!(words(r#"{"message":"no\n such flow"}"#), ": no such flow");
        assert_eq!(
            (words("<html>"), words(r#"{"message":1}"#), words("")),
            (String::new(), String::new(), String::new())
        );
        assert_eq!(words(&format!(r#"{{"message":"{}"}}"#, "x".repeat(1000))).len(), LONGEST_WORDS + 2);
    }

    #[test]
    fn a_list_without_computations_is_an_error() {
        assert!(matches!(finished(br#"{"computations":[]}"#), Err(CollectorError::Empty)));
        for text in ["", "[]", "{}", r#"{"computations":{}}"#, r#"{"computations":[1]}"#, r#"{"computations":null}"#] {
            assert!(matches!(finished(text.as_bytes()), Err(CollectorError::NotUnderstood { .. })), "{text}");
        }
        assert_eq!(finished(br#"{"code":200,"computations":[{"value":1}]}"#).unwrap().items.len(), 1);
    }
}
