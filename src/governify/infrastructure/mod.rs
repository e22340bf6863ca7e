//! The infrastructure file: where services are, by dotted paths.
//!
//! Owns its reading and the tree that came of it, which [`Infrastructure::reload`] replaces in one step for everybody who
//! holds a clone. Never calls a service. What a file may hold and how it is rendered is in `tree`.
//!
//! Which location holds: the one given, a file or an `http(s)` address, which must be there. Without one,
//! [`DEFAULT`] if that exists, and otherwise an empty tree, so that a service starts where nothing needs to be looked up.

mod tree;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::serve::environment;
use crate::telemetry::chain;

pub use tree::TreeError;

/// Read when no location is given and it exists; relative to the working directory.
pub const DEFAULT: &str = "./infrastructure.yaml";

/// Larger ones are something else: real files have a few kilobytes.
const LARGEST: usize = 1 << 20;
/// For an answer from an address, from the question to the last byte.
const ANSWER: Duration = Duration::from_secs(10);
/// Of the original: how often it is looked for at a start, and how long between two looks.
const TRIES: (u32, Duration) = (10, Duration::from_secs(3));

#[derive(Debug, thiserror::Error)]
pub enum InfrastructureError {
    #[error("cannot read the infrastructure file {location}")]
    File {
        location: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot fetch the infrastructure file {location}")]
    Fetch {
        location: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("the infrastructure file {location} is larger than {LARGEST} bytes")]
    TooLarge { location: String },
    #[error("the infrastructure file {location} cannot be used")]
    Content {
        location: String,
        #[source]
        source: TreeError,
    },
    #[error("the infrastructure has no {path:?}; add it to the infrastructure file")]
    UnknownPath { path: String },
    #[error("{path:?} of the infrastructure names no address: it is neither a text nor an object with a default")]
    NoAddress { path: String },
    #[error("{path:?} of the infrastructure is empty; is the variable that it names set?")]
    Empty { path: String },
}

/// Cloned to whoever looks something up; all see the same tree.
#[derive(Debug, Clone)]
pub struct Infrastructure(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    source: Source,
    tree: ArcSwap<Value>,
}

#[derive(Debug)]
enum Source {
    Location(String),
    /// [`DEFAULT`], if it is there.
    Default,
    /// Given as it is; there is nothing to read again.
    Tree,
}

impl Infrastructure {
    /// From a file or an `http(s)` address, once.
    pub async fn load(location: &str) -> Result<Self, InfrastructureError> {
        Self::from_source(Source::Location(location.to_owned())).await
    }

    /// At a start: tried as often as the original does. Without a location, [`DEFAULT`] or nothing.
    pub async fn start(location: Option<&str>) -> Result<Self, InfrastructureError> {
        let (tries, pause) = TRIES;
        Self::patiently(location, tries, pause).await
    }

    async fn patiently(location: Option<&str>, tries: u32, pause: Duration) -> Result<Self, InfrastructureError> {
        let mut left = tries.max(1);
        loop {
            let source = location.map_or(Source::Default, |location| Source::Location(location.to_owned()));
            match Self::from_source(source).await {
                Ok(loaded) => return Ok(loaded),
                Err(error) if left > 1 => {
                    left -= 1;
                    tracing::warn!(error = chain(&error), left, "waits for the infrastructure file");
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A tree that is whole already.
    pub fn from_tree(tree: Value) -> Self {
        Self(Arc::new(Shared { source: Source::Tree, tree: ArcSwap::from_pointee(tree) }))
    }

    async fn from_source(source: Source) -> Result<Self, InfrastructureError> {
        let tree = source.read().await?;
        Ok(Self(Arc::new(Shared { source, tree: ArcSwap::from_pointee(tree) })))
    }

    /// The address at a dotted path: the text there, or the `default` of the object there.
    pub fn url(&self, path: &str) -> Result<String, InfrastructureError> {
        let tree = self.0.tree.load();
        let path = || path.to_owned();
        let found = tree::at(&tree, &path()).ok_or_else(|| InfrastructureError::UnknownPath { path: path() })?;
        let address = match found {
            Value::Object(members) => members.get("default").and_then(Value::as_str),
            other => other.as_str(),
        };
        match address {
            Some("") => Err(InfrastructureError::Empty { path: path() }),
            Some(address) => Ok(address.to_owned()),
            None => Err(InfrastructureError::NoAddress { path: path() }),
        }
    }

    pub fn tree(&self) -> Arc<Value> {
        self.0.tree.load_full()
    }

    /// Reads it again. A tree that cannot be used leaves the old one in place.
    pub async fn reload(&self) -> Result<Arc<Value>, InfrastructureError> {
        if !matches!(self.0.source, Source::Tree) {
            self.0.tree.store(Arc::new(self.0.source.read().await?));
        }
        Ok(self.tree())
    }
}

impl Source {
    async fn read(&self) -> Result<Value, InfrastructureError> {
        let (location, is_wanted) = match self {
            Self::Location(location) => (location.as_str(), true),
            Self::Default => (DEFAULT, false),
            Self::Tree => return Ok(Value::Object(Map::new())),
        };
        let bytes = if location.starts_with("http://") || location.starts_with("https://") {
            fetch(location).await?
        } else {
            match file(location).await {
                Err(InfrastructureError::File { source, .. })
                    if !is_wanted && source.kind() == io::ErrorKind::NotFound =>
                {
                    tracing::info!(file = location, "no infrastructure file: nothing can be looked up in it");
                    return Ok(Value::Object(Map::new()));
                }
                read => read?,
            }
        };
        tree::read(&bytes, tree::is_yaml(location), &environment::process)
            .map_err(|source| InfrastructureError::Content { location: shown(location), source })
    }
}

async fn file(location: &str) -> Result<Vec<u8>, InfrastructureError> {
    use tokio::io::AsyncReadExt;
    let failed = |source| InfrastructureError::File { location: location.to_owned(), source };
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(location).await.map_err(failed)?;
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() > LARGEST {
        return Err(InfrastructureError::TooLarge { location: location.to_owned() });
    }
    Ok(bytes)
}

async fn fetch(location: &str) -> Result<Vec<u8>, InfrastructureError> {
    crate::serve::install_tls();
    // The address itself may carry a password, and the error would show it.
    let failed =
        |source: reqwest::Error| InfrastructureError::Fetch { location: shown(location), source: source.without_url() };
    let client = reqwest::Client::builder().timeout(ANSWER).build().map_err(failed)?;
    let response = client.get(location).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let mut stream = response.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.map_err(failed)?);
        if bytes.len() > LARGEST {
            return Err(InfrastructureError::TooLarge { location: shown(location) });
        }
    }
    Ok(bytes)
}

/// Without user, password and query.
fn shown(location: &str) -> String {
    match reqwest::Url::parse(location) {
        Ok(url) if url.has_host() => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        _ => location.to_owned(),
    }
}

#[cfg(test)]
mod tests;
