//! One probe of one service: ask once, within a time, and say what came of it.
//!
//! Owns how each kind of probe asks. Never repeats, counts or schedules (the engine does), never starts a process by itself
//! (an [`ExecRunner`] is handed in), never holds a connection from one probe to the next. Reasons are short, for people, and
//! free of secrets: addresses are told without user and password.

pub mod exec;
pub mod http;
pub mod mongo;
pub mod postgres;
pub mod redact;
pub mod redis;
pub mod socket;

use std::path::PathBuf;
use std::time::Duration;

pub use exec::{ExecRunner, Executed};
pub use redact::redact;

use crate::engine::ProbeOutcome;

/// A probe with every template filled in. Values may be secret: `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq)]
pub enum Rendered {
    /// Run by the [`ExecRunner`], as the service's user, in its environment and directory.
    Exec {
        command: Vec<String>,
    },
    Http(RenderedHttp),
    Tcp {
        host: String,
        port: u16,
    },
    Unix {
        path: PathBuf,
    },
    Postgres {
        url: String,
        /// Asked instead of `select 1`.
        statement: Option<String>,
    },
    Redis {
        url: String,
    },
    Mongo {
        url: String,
    },
    File {
        path: PathBuf,
    },
}

#[derive(Clone, PartialEq, Eq)]
pub struct RenderedHttp {
    pub url: String,
    pub method: String,
    pub headers: Vec<(String, String)>,
    /// Inclusive range of accepted statuses.
    pub status: (u16, u16),
    /// The body must match this regular expression.
    pub body: Option<String>,
    pub tls_verify: bool,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Rendered::Exec { .. } => "Exec(..)",
            Rendered::Http(_) => "Http(..)",
            Rendered::Tcp { .. } => "Tcp(..)",
            Rendered::Unix { .. } => "Unix(..)",
            Rendered::Postgres { .. } => "Postgres(..)",
            Rendered::Redis { .. } => "Redis(..)",
            Rendered::Mongo { .. } => "Mongo(..)",
            Rendered::File { .. } => "File(..)",
        })
    }
}

impl std::fmt::Debug for RenderedHttp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RenderedHttp").field("url", &redact(&self.url)).finish_non_exhaustive()
    }
}

/// Longest reason kept.
const REASON_BYTES: usize = 4 << 10;

/// Asks once. Whatever hangs ends with `timeout` and is one failure (dropping the future ends it as well).
pub async fn run(probe: &Rendered, timeout: Duration, runner: &dyn ExecRunner) -> ProbeOutcome {
    let answer = match probe {
        // The runner gets the time too: it must have killed the whole tree of the command before it answers.
        Rendered::Exec { command } => return outcome(exec::ask(command, timeout, runner).await),
        other => tokio::time::timeout(timeout, ask(other)).await,
    };
    outcome(answer.unwrap_or_else(|_| Err(format!("no answer within {}", seconds(timeout)))))
}

async fn ask(probe: &Rendered) -> Result<(), String> {
    match probe {
        // Asked by `run`.
        Rendered::Exec { .. } => Ok(()),
        Rendered::Http(http) => http::ask(http).await,
        Rendered::Tcp { host, port } => socket::tcp(host, *port).await,
        Rendered::Unix { path } => socket::unix(path).await,
        Rendered::Postgres { url, statement } => postgres::ask(url, statement.as_deref()).await,
        Rendered::Redis { url } => redis::ask(url).await,
        Rendered::Mongo { url } => mongo::ask(url).await,
        Rendered::File { path } => socket::file(path).await,
    }
}

fn outcome(answer: Result<(), String>) -> ProbeOutcome {
    match answer {
        Ok(()) => ProbeOutcome::Success,
        Err(mut reason) => {
            if reason.len() > REASON_BYTES {
                let end = (0..=REASON_BYTES).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
                reason.truncate(end);
            }
            ProbeOutcome::Failure(reason)
        }
    }
}

/// `3 s`, `0.5 s`, as people write it.
fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 1000.0).round() / 1000.0)
}

use crate::telemetry::chain;

#[cfg(test)]
mod tests;
