//! Why a step failed, without the secrets that were part of it.

use std::time::Duration;

use crate::spec::RenderError;
use crate::volumes::{Retry, VolumeError};

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("step {step:?} of {service} failed")]
pub struct StepError {
    pub service: String,
    pub step: String,
    #[source]
    pub cause: Cause,
}

/// What went wrong. Texts of others (a server's message, a program's output) are redacted before they come here.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("its text cannot be filled in")]
    Render(#[source] RenderError),
    #[error("it has no command")]
    NoCommand,
    #[error("cannot run {program}")]
    Spawn {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{program} ended with {status}{}", after_colon(output))]
    Exit { program: String, status: String, output: String },
    #[error("not done after {} s{}", limit.as_secs_f32(), after_colon(last))]
    Timeout { limit: Duration, last: String },
    #[error("the connection URL is not valid: {0}")]
    Url(String),
    #[error("cannot connect to the database: {0}")]
    Connect(String),
    #[error("the server refused it: {0}")]
    Refused(String),
    #[error("the command is not a JSON document: {0}")]
    Document(String),
    #[error("the request failed: {0}")]
    Request(String),
    #[error("{url} answered {status}{}", after_colon(body))]
    Status { url: String, status: u16, body: String },
    #[error("cannot copy {from} to {to}")]
    Copy {
        from: String,
        to: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read {path}")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write {path}")]
    Write {
        path: String,
        #[source]
        source: Box<VolumeError>,
    },
    #[error("it was done but cannot be recorded")]
    Record(#[source] Box<VolumeError>),
    #[error("the work was abandoned")]
    Abandoned,
}

fn after_colon(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl StepError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match &self.cause {
            Cause::Connect(_) | Cause::Timeout { .. } | Cause::Abandoned => Retry::Transient,
            Cause::Write { source, .. } | Cause::Record(source) => source.retry(),
            Cause::Render(_) | Cause::NoCommand | Cause::Url(_) | Cause::Document(_) => Retry::Permanent,
            _ => Retry::Lasting,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match &self.cause {
            Cause::Render(_) | Cause::NoCommand | Cause::Url(_) | Cause::Document(_) => {
                Some(format!("correct the step {:?} of {} in services.toml or its preset", self.step, self.service))
            }
            Cause::Write { source, .. } | Cause::Record(source) => source.hint(),
            Cause::Timeout { .. } => {
                Some(format!("see `reeve logs {}`, or give the step a longer `timeout`", self.service))
            }
            Cause::Abandoned => None,
            _ => Some(format!("see `reeve logs {}`; the step is tried again at the next start", self.service)),
        }
    }
}

impl Cause {
    /// Worth another try within the step's time: the server is still coming up.
    pub(super) fn is_coming_up(&self) -> bool {
        matches!(self, Cause::Connect(_))
    }
}
