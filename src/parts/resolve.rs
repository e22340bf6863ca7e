//! Where a part is: the operator's path, the cache, the machine, or a source that brings it now.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;

use crate::spec::{PartSpec, SourceSpec};

use super::cache::{Cache, PartLock, Record};
use super::download;
use super::error::{Attempt, PartError, SourceError};
use super::install::{self, Net};
use super::locate::{self, Answer};
use super::lock::{LockEntry, PartsLock};
use super::progress::{Event, Phase, Progress};
use super::version::Requirement;

/// Parts that are brought at once: downloads wait on the line and clients on the processor, four keep both busy. Failed
/// attempts at hosts out of reach take turns as well, three seconds each at most.
const PARALLEL_INSTALLS: usize = 4;
/// How often the lock of a part that another reeve installs is tried again.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// What resolving needs to know of the machine and the run.
pub struct PartsEnv {
    cache: PathBuf,
    pub arch: String,
    /// Never touch the network, nor a client that would.
    pub offline: bool,
    /// The search path, for programs found on the machine and for the package clients.
    pub path_env: OsString,
    pub progress: Arc<dyn Progress>,
    /// The record that sums are held against, `None`: none is kept.
    pub lock: Option<Arc<PartsLock>>,
    pub(super) net: Net,
}

impl PartsEnv {
    pub fn new(cache: impl Into<PathBuf>, path_env: impl Into<OsString>, progress: Arc<dyn Progress>) -> Self {
        Self {
            cache: cache.into(),
            arch: std::env::consts::ARCH.to_owned(),
            offline: false,
            path_env: path_env.into(),
            progress,
            lock: None,
            net: Net::default(),
        }
    }

    pub fn cache(&self) -> &Path {
        &self.cache
    }

    pub(super) fn say(&self, part: &str, phase: Phase, detail: &str) {
        self.report(part, phase, detail, 0, None);
    }

    pub(super) fn report(&self, part: &str, phase: Phase, detail: &str, bytes: u64, total: Option<u64>) {
        self.progress.event(&Event { part, phase, detail, bytes, total });
    }
}

impl fmt::Debug for PartsEnv {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PartsEnv").field("cache", &self.cache).field("arch", &self.arch).finish_non_exhaustive()
    }
}

/// How a part came to be where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The operator named the directory.
    Path,
    /// It was in the cache.
    Cache,
    /// The machine has it.
    System,
    /// Brought just now, from this source.
    Installed { source: String },
}

/// A part that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub name: String,
    /// The real version; empty when a copy on the machine does not tell it.
    pub version: String,
    /// `${part.NAME.dir}`.
    pub dir: PathBuf,
    /// `${part.NAME.bin}`.
    pub bin_dir: PathBuf,
    pub origin: Origin,
}

/// Finds the part, or brings it.
pub async fn resolve(part: &PartSpec, env: &PartsEnv) -> Result<Resolved, PartError> {
    let resolved = resolve_quietly(part, env).await;
    match &resolved {
        Ok(resolved) => env.say(&part.name, Phase::Done, &resolved.dir.display().to_string()),
        Err(error) => env.say(&part.name, Phase::Failed, &error.to_string()),
    }
    resolved
}

/// Resolves all parts, some at once; the results come in the order of the parts. One that fails stops no other.
pub async fn install_all<'a>(
    parts: impl IntoIterator<Item = &'a PartSpec>,
    env: &PartsEnv,
) -> Vec<(&'a PartSpec, Result<Resolved, PartError>)> {
    match Cache::new(&env.cache).clear_leftovers() {
        Ok(cleared) => {
            cleared.iter().for_each(|dir| tracing::debug!(dir = %dir.display(), "leftover of an install removed"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // Each part clears its own leftover again, and then the error counts.
        Err(error) => tracing::debug!(%error, "leftovers of earlier installs could not be looked for"),
    }
    let numbered = futures_util::stream::iter(parts.into_iter().enumerate());
    let resolving = numbered.map(|(at, part)| async move { (at, part, resolve(part, env).await) });
    let mut results: Vec<_> = resolving.buffer_unordered(PARALLEL_INSTALLS).collect().await;
    results.sort_by_key(|(at, ..)| *at);
    results.into_iter().map(|(_, part, result)| (part, result)).collect()
}

async fn resolve_quietly(part: &PartSpec, env: &PartsEnv) -> Result<Resolved, PartError> {
    env.say(&part.name, Phase::Looking, "");
    let requirement = Requirement::parse(part.requires.as_deref().unwrap_or_default())
        .map_err(|source| PartError::Requirement { part: part.name.clone(), source })?;
    if let Some(path) = &part.path {
        return given(part, path, env).await;
    }
    let cache = Cache::new(&env.cache);
    if let Some(resolved) = cached(part, env, &cache)? {
        return Ok(resolved);
    }
    let mut attempts = Vec::new();
    if let Some(found) = locate::find(part, &requirement, env, &mut attempts).await {
        return Ok(Resolved {
            name: part.name.clone(),
            version: found.version.map(|version| version.to_string()).unwrap_or_default(),
            dir: root_above(&found.bin_dir),
            bin_dir: found.bin_dir,
            origin: Origin::System,
        });
    }
    let fetches = part.sources.iter().any(|source| !matches!(source, SourceSpec::System { .. }));
    if env.offline && fetches {
        return Err(PartError::Offline {
            part: part.name.clone(),
            version: part.version.clone(),
            hint: part.hint.clone(),
        });
    }
    if fetches {
        cache.make().map_err(cache_error(part, "make", &env.cache))?;
        let lock = locked(part, env, &cache).await?;
        // Whoever held the lock may have installed it meanwhile.
        if let Some(resolved) = cached(part, env, &cache)? {
            return Ok(resolved);
        }
        if let Some(resolved) = from_sources(part, env, &cache, lock, &mut attempts).await? {
            return Ok(resolved);
        }
    } else {
        attempts.extend(part.sources.iter().filter_map(|source| match source {
            SourceSpec::System { package } => Some(Attempt {
                place: install::place_of(source).1,
                error: SourceError::NotInstalled { package: package.clone() },
            }),
            _ => None,
        }));
    }
    Err(PartError::Unavailable {
        part: part.name.clone(),
        version: part.version.clone(),
        attempts,
        hint: part.hint.clone(),
    })
}

/// A directory that the operator names: laid out as the part, or holding the binaries themselves, or in `bin`.
async fn given(part: &PartSpec, path: &Path, env: &PartsEnv) -> Result<Resolved, PartError> {
    let candidates = [path.join(&part.bin_dir), path.to_owned(), path.join("bin")];
    let Some(bin_dir) = candidates.into_iter().find(|dir| locate::has_binaries(dir, &part.binaries)) else {
        let missing = part.binaries.join(", ");
        return Err(PartError::Path { part: part.name.clone(), path: path.to_owned(), missing });
    };
    let version = match locate::version_of(&part.version_command, &bin_dir, env).await {
        Answer::Ran(Some(version)) => version.to_string(),
        Answer::Ran(None) | Answer::CannotAsk | Answer::Broken { .. } => String::new(),
    };
    Ok(Resolved { name: part.name.clone(), version, dir: path.to_owned(), bin_dir, origin: Origin::Path })
}

/// A whole part in the cache, in a version that one of its sources brings.
fn cached(part: &PartSpec, env: &PartsEnv, cache: &Cache) -> Result<Option<Resolved>, PartError> {
    let mut versions: Vec<&str> = part.sources.iter().map(|source| install::version_of(part, source)).collect();
    versions.push(&part.version);
    for version in versions {
        let dir = cache.part_dir(&part.name, version, &env.arch);
        if let Some(record) = cache.installed(&dir, &part.binaries) {
            check_record(part, env, &record)?;
            keep_record(env, &record)?;
            return Ok(Some(usable(part, &record, dir, Origin::Cache)));
        }
    }
    Ok(None)
}

async fn locked(part: &PartSpec, env: &PartsEnv, cache: &Cache) -> Result<PartLock, PartError> {
    let mut told = false;
    loop {
        if let Some(lock) = cache.try_lock(&part.name, &env.arch).map_err(cache_error(part, "lock", &env.cache))? {
            return Ok(lock);
        }
        if !told {
            env.say(&part.name, Phase::Waiting, "another reeve installs it");
            told = true;
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// Tries the sources in order. A wrong sum is final: the next source must not paper over it.
async fn from_sources(
    part: &PartSpec,
    env: &PartsEnv,
    cache: &Cache,
    lock: PartLock,
    attempts: &mut Vec<Attempt>,
) -> Result<Option<Resolved>, PartError> {
    let staging = cache.stage(&part.name, &env.arch, lock).map_err(cache_error(part, "prepare", &env.cache))?;
    for source in &part.sources {
        let (_, place) = install::place_of(source);
        let built = match install::build(part, source, env, cache, &staging).await {
            Ok(built) => built,
            Err(SourceError::Checksum { expected, actual }) => {
                return Err(PartError::Checksum { part: part.name.clone(), place, expected, actual });
            }
            // The disk is the same for every source.
            Err(SourceError::File { action, path, source }) if source.kind() == io::ErrorKind::StorageFull => {
                return Err(PartError::Cache { part: part.name.clone(), action, path, source });
            }
            Err(error) => {
                attempts.push(Attempt { place, error });
                continue;
            }
        };
        check_record(part, env, &built.record)?;
        let published = cache.publish(built.root, built.record.clone(), staging.clone()).await;
        let dir = published.map_err(|error| final_error(part, error, &env.cache))?;
        keep_record(env, &built.record)?;
        if let Some(partial) = &built.download {
            download::discard(partial).map_err(|error| final_error(part, error, &env.cache))?;
        }
        return Ok(Some(usable(part, &built.record, dir, Origin::Installed { source: place })));
    }
    Ok(None)
}

fn usable(part: &PartSpec, record: &Record, dir: PathBuf, origin: Origin) -> Resolved {
    let bin_dir = if part.bin_dir == "." { dir.clone() } else { dir.join(&part.bin_dir) };
    Resolved { name: part.name.clone(), version: record.version.clone(), dir, bin_dir, origin }
}

/// `/usr` for `/usr/bin`; a directory that is not called `bin` is itself the root.
fn root_above(bin_dir: &Path) -> PathBuf {
    let above = bin_dir.parent().filter(|_| bin_dir.ends_with("bin"));
    above.unwrap_or(bin_dir).to_owned()
}

fn entry(record: &Record) -> LockEntry {
    LockEntry {
        name: record.name.clone(),
        arch: record.arch.clone(),
        source: record.source.clone(),
        version: record.version.clone(),
        sum: record.sum.clone(),
    }
}

fn check_record(part: &PartSpec, env: &PartsEnv, record: &Record) -> Result<(), PartError> {
    let Some(lock) = &env.lock else { return Ok(()) };
    lock.check(&entry(record)).map_err(|mismatch| PartError::Recorded {
        part: part.name.clone(),
        lock: lock.path().to_owned(),
        expected: mismatch.expected,
        actual: record.sum.clone(),
    })
}

fn keep_record(env: &PartsEnv, record: &Record) -> Result<(), PartError> {
    env.lock.as_ref().map_or(Ok(()), |lock| lock.record(entry(record))).map_err(PartError::Lock)
}

fn cache_error(part: &PartSpec, action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PartError {
    let (part, path) = (part.name.clone(), path.to_owned());
    move |source| PartError::Cache { part, action, path, source }
}

fn final_error(part: &PartSpec, error: SourceError, cache: &Path) -> PartError {
    match error {
        SourceError::File { action, path, source } => {
            PartError::Cache { part: part.name.clone(), action, path, source }
        }
        other => cache_error(part, "write to", cache)(io::Error::other(other)),
    }
}
