//! What can go wrong with a part. A source that fails is an [`Attempt`] and the next is tried; a [`PartError`] is final.

use std::io;
use std::path::PathBuf;

use super::lock::LockError;
use super::version::RequirementError;

/// A source, or a place on the machine, that did not bring the part.
#[derive(Debug)]
pub struct Attempt {
    /// The address, the package or the path.
    pub place: String,
    pub error: SourceError,
}

impl Attempt {
    /// In one line, with the cause.
    pub fn line(&self) -> String {
        format!("{}: {}", self.place, chain(&self.error))
    }
}

/// The error and its first cause: what lies between repeats the address and names layers that help nobody.
fn chain(error: &dyn std::error::Error) -> String {
    match std::iter::successors(error.source(), |error| error.source()).last() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Why a source did not bring a part.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the version found is {found}, wanted is {wanted}")]
    Version { found: String, wanted: String },
    #[error("it does not say its version, wanted is {wanted}")]
    NoVersion { wanted: String },
    #[error("no package {package} is installed on this machine")]
    NotInstalled { package: String },
    #[error("the address is not allowed: https, or http on loopback, is wanted")]
    Address,
    #[error("the address cannot be formed")]
    Template(#[source] crate::spec::template::RenderError),
    #[error("the host {host} could not be reached before in this run")]
    KnownUnreachable { host: String },
    #[error("cannot reach the host")]
    Connect(#[source] reqwest::Error),
    #[error("the server answered {status}")]
    Status { status: u16 },
    #[error("the transfer broke off after {bytes} bytes; what came is kept for the next attempt")]
    Transfer {
        bytes: u64,
        #[source]
        source: reqwest::Error,
    },
    #[error("the server sent {bytes} of {total} bytes; what came is kept for the next attempt")]
    Short { bytes: u64, total: u64 },
    #[error("the download is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("no sum is pinned and no checksum file is named")]
    NoSum,
    #[error("the checksum file at {url} has no line for {file}")]
    NoSumLine { url: String, file: String },
    #[error("the {client} client is not installed; `apt install {package}` brings it")]
    NoClient { client: &'static str, package: &'static str },
    #[error("{client} did not finish within {seconds} s")]
    ClientTimeout { client: &'static str, seconds: u64 },
    #[error("{client} failed ({status}): {output}")]
    Client { client: &'static str, status: String, output: String },
    #[error("cannot start {client}")]
    ClientStart {
        client: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{client} succeeded but left no {expected}")]
    ClientResult { client: &'static str, expected: String },
    #[error("{entry} in the archive is refused: {reason}")]
    Unsafe { entry: String, reason: &'static str },
    #[error("the archive cannot be read")]
    Archive(#[source] io::Error),
    #[error("what was brought lacks {file}")]
    Incomplete { file: PathBuf },
    #[error("it cannot run on this machine: `{command}` said: {output}")]
    CannotRun { command: String, output: String },
    #[error("cannot {action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("a background task did not finish")]
    Task(#[source] tokio::task::JoinError),
    /// Not to be survived by trying another source.
    #[error("expected {expected}, got {actual}")]
    Checksum { expected: String, actual: String },
}

/// Why a part cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    #[error("the part `{part}` has a requirement that cannot be read")]
    Requirement {
        part: String,
        #[source]
        source: RequirementError,
    },
    #[error("the path given for the part `{part}`, {path}, has no {missing}")]
    Path { part: String, path: PathBuf, missing: String },
    #[error("wrong checksum for the part `{part}` from {place}: expected {expected}, got {actual}")]
    Checksum { part: String, place: String, expected: String, actual: String },
    #[error("the part `{part}` is not what {lock} recorded: expected {expected}, got {actual}")]
    Recorded { part: String, lock: PathBuf, expected: String, actual: String },
    #[error("the part `{part}` {version} is not on this machine, and --offline forbids to fetch it")]
    Offline { part: String, version: String, hint: Option<String> },
    #[error("the part `{part}` {version} cannot be had: none of its sources brought it{}", first_reasons(.attempts))]
    Unavailable { part: String, version: String, attempts: Vec<Attempt>, hint: Option<String> },
    #[error("cannot {action} {path} in the parts cache")]
    Cache {
        part: String,
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot keep the record of installed parts")]
    Lock(#[source] LockError),
}

/// The last attempt is the one that a person can do most about; the rest is in `details`.
fn first_reasons(attempts: &[Attempt]) -> String {
    attempts.last().map(|attempt| format!(" (last tried {})", attempt.line())).unwrap_or_default()
}

impl PartError {
    /// Every place that was tried and why it did not do, one per line; for verbose output.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Unavailable { attempts, .. } => attempts.iter().map(Attempt::line).collect(),
            _ => Vec::new(),
        }
    }

    /// What a person can do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unavailable { hint, .. } => hint.clone(),
            Self::Offline { hint, .. } => {
                let fetch = "run `reeve install` with network access".to_owned();
                Some(hint.as_ref().map_or(fetch.clone(), |hint| format!("{fetch}, or {hint}")))
            }
            Self::Checksum { .. } => Some(
                "the file was changed on its way or at its source: nothing was installed; try again from another network, \
                 and do not change the pinned sum before you know why"
                    .to_owned(),
            ),
            Self::Recorded { lock, .. } => Some(format!(
                "if the change is wanted, remove the part's entry from {} and install again",
                lock.display()
            )),
            Self::Path { part, .. } => Some(format!("correct or remove `path` of the part `{part}` in services.toml")),
            Self::Cache { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some disk space and repeat: what was downloaded is kept".to_owned())
            }
            Self::Requirement { .. } | Self::Cache { .. } | Self::Lock(_) => None,
        }
    }
}
