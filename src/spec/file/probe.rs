//! How probes are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, Map};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HealthFile {
    None(NoneFile),
    Probe(Box<ProbeFile>),
}

/// `none`: the service is never called ready, nothing can wait for that.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoneFile {
    None,
}

/// One of `exec`, `http`, `tcp`, `unix`, `postgres`, `redis`, `mongo`, `log`, `notify`, `file` and `delay`, and how often.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeFile {
    /// Exit code 0 is success.
    pub exec: Option<Vec<String>>,
    /// A path on the service's first port, or an address.
    pub http: Option<HttpFile>,
    /// The name of a port, a number or `host:port`; a connection is success.
    pub tcp: Option<TcpFile>,
    /// Path of a socket; a connection is success.
    pub unix: Option<String>,
    /// A connection URL; a query is success.
    pub postgres: Option<String>,
    /// A connection URL; `PONG` is success.
    pub redis: Option<String>,
    /// A connection URL; `ping` is success.
    pub mongo: Option<String>,
    /// A regular expression; a line of output that matches is success.
    pub log: Option<String>,
    /// The service says `READY=1` on `$NOTIFY_SOCKET`.
    pub notify: Option<bool>,
    /// A path; the file's existence is success.
    pub file: Option<String>,
    /// Assumed ready after this time.
    pub delay: Option<DurationText>,
    /// `10s` unless set.
    pub every: Option<DurationText>,
    /// `3s` unless set.
    pub timeout: Option<DurationText>,
    /// Failures in a row until it is unready; 3 unless set.
    #[schemars(range(min = 1))]
    pub failures: Option<u32>,
    /// Successes in a row until it is ready; 1 unless set.
    #[schemars(range(min = 1))]
    pub successes: Option<u32>,
    /// Successes in a row until it is ready again; 2 unless set.
    #[schemars(range(min = 1))]
    pub recover_successes: Option<u32>,
    /// Not ready this long after the start: the start has failed; `60s` unless set.
    pub start_timeout: Option<DurationText>,
    /// Unready for this many probes more: restart; never unless set.
    pub restart_on_unready: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a path such as \"/health\", or a table { url, method, … }"))]
pub enum HttpFile {
    Path(String),
    Table(HttpTable),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTable {
    /// An address, or a path on the service's first port.
    pub url: Option<String>,
    /// `GET` unless set.
    pub method: Option<String>,
    /// Fields sent along.
    pub headers: Option<Map<String>>,
    /// Accepted status, or first and last; `[200, 299]` unless set.
    pub status: Option<StatusFile>,
    /// A regular expression that the body must match.
    pub body: Option<String>,
    /// `false`: any certificate is good.
    pub tls_verify: Option<bool>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a status such as 200, or the first and last accepted, [200, 299]"))]
pub enum StatusFile {
    One(i64),
    Range(Vec<i64>),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "the name of a port, a number or \"host:port\""))]
pub enum TcpFile {
    Number(i64),
    Name(String),
}
