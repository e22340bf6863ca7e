//! Brings a part from one source into the cache: fetched, unpacked, complete, able to run, then renamed into place.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::spec::template::Template;
use crate::spec::{PartSpec, SourceSpec};

use super::archive::{self, Layout};
use super::cache::{Cache, Record, Staging, make_runnable};
use super::download;
use super::error::SourceError;
use super::locate::{self, Answer};
use super::npm::{self, Package};
use super::progress::Phase;
use super::pypi::{self, Wheel};
use super::resolve::PartsEnv;

/// What the downloads of one run share: the HTTP client, and which hosts are known to be out of reach.
#[derive(Debug, Default)]
pub(super) struct Net {
    client: OnceLock<reqwest::Client>,
    unreachable: Mutex<HashSet<String>>,
}

impl Net {
    fn client(&self) -> Result<reqwest::Client, SourceError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = download::http_client()?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    fn refuse_known(&self, url: &reqwest::Url) -> Result<(), SourceError> {
        let hosts = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        match authority(url) {
            host if hosts.contains(&host) => Err(SourceError::KnownUnreachable { host }),
            _ => Ok(()),
        }
    }

    fn remember(&self, url: &reqwest::Url, error: &SourceError) {
        if let SourceError::Connect(cause) = error
            && cause.is_connect()
        {
            self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).insert(authority(url));
        }
    }
}

fn authority(url: &reqwest::Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// Version of the part that a source brings.
pub(super) fn version_of<'a>(part: &'a PartSpec, source: &'a SourceSpec) -> &'a str {
    let provides = match source {
        SourceSpec::Url { provides, .. } | SourceSpec::Npm { provides, .. } | SourceSpec::Pypi { provides, .. } => {
            provides
        }
        SourceSpec::System { .. } => &None,
    };
    provides.as_deref().unwrap_or(&part.version)
}

/// The kind and place of a source, for records and messages.
pub(super) fn place_of(source: &SourceSpec) -> (&'static str, String) {
    match source {
        SourceSpec::Url { url, .. } => ("url", url.to_string()),
        SourceSpec::Npm { package, version, .. } => ("npm", format!("npm {package}@{version}")),
        SourceSpec::Pypi { package, version, .. } => ("pypi", format!("pypi {package}=={version}")),
        SourceSpec::System { package } => ("system", format!("system package {package}")),
    }
}

/// A tree that is complete and able to run, not yet in its place.
#[derive(Debug)]
pub(super) struct Built {
    pub root: PathBuf,
    pub record: Record,
    /// A kept download that is not needed once the part is in place.
    pub download: Option<PathBuf>,
}

/// Brings the part from this source into the staging directory and checks it.
pub(super) async fn build(
    part: &PartSpec,
    source: &SourceSpec,
    env: &PartsEnv,
    cache: &Cache,
    staging: &Arc<Staging>,
) -> Result<Built, SourceError> {
    let dir = staging.fresh("tree").map_err(file_error("make a directory in", env.cache()))?;
    let (kind, place) = place_of(source);
    let say = |phase| env.say(&part.name, phase, &place);
    let mut kept = None;
    let (root, sum) = match source {
        SourceSpec::Url { url, sha256, sha256_url, strip, file, .. } => {
            let url = address(url, part, env)?;
            let sums = sha256_url.as_ref().map(|url| address(url, part, env)).transpose()?;
            let partial = cache.partial(&download::key_of(url.as_str()));
            env.net.refuse_known(&url)?;
            let fetched = fetch(part, env, &url, sha256.as_deref(), sums.as_ref(), &partial).await;
            let sum = fetched.inspect_err(|error| env.net.remember(&url, error))?;
            say(Phase::Unpacking);
            let unpacked = archive::unpack(&partial, &dir, Layout::Strip(*strip), staging).await?;
            name_single_file(&partial, &dir, unpacked, file.as_deref())?;
            kept = Some(partial);
            (dir, format!("sha256-{sum}"))
        }
        SourceSpec::Npm { package, version, subdir, symlinks, integrity, .. } => {
            say(Phase::Fetching);
            let package = Package {
                name: package,
                version,
                subdir,
                symlinks: symlinks.as_deref(),
                integrity: integrity.as_deref(),
            };
            npm::fetch(&package, &dir, &env.path_env).await?
        }
        SourceSpec::Pypi { package, version, sha256, subdir, .. } => {
            say(Phase::Fetching);
            let wheel = Wheel { package, version, sha256, subdir, arch: &env.arch };
            let (root, sum) = pypi::fetch(&wheel, &dir, &env.path_env, staging, || say(Phase::Unpacking)).await?;
            (root, format!("sha256-{sum}"))
        }
        SourceSpec::System { package } => return Err(SourceError::NotInstalled { package: package.clone() }),
    };
    say(Phase::Checking);
    let bin_dir = root.join(&part.bin_dir);
    set_run_bits(part, &root, &bin_dir)?;
    if let Answer::Broken { command, output } =
        locate::ask_version(&part.version_command, &bin_dir, &env.path_env).await
        && env.arch == std::env::consts::ARCH
    {
        if let Some(partial) = &kept {
            download::discard(partial)?;
        }
        return Err(SourceError::CannotRun { command, output });
    }
    let record = Record {
        name: part.name.clone(),
        version: version_of(part, source).to_owned(),
        arch: env.arch.clone(),
        source: kind.to_owned(),
        sum,
    };
    Ok(Built { root, record, download: kept })
}

fn address(template: &Template, part: &PartSpec, env: &PartsEnv) -> Result<reqwest::Url, SourceError> {
    let facts = |name: &str| match name {
        "part.version" => Some(part.version.clone()),
        "part.arch" => Some(env.arch.clone()),
        _ => None,
    };
    download::parse_address(&template.render(&facts).map_err(SourceError::Template)?)
}

/// Downloads and checks; gives the sum that was demanded and met.
async fn fetch(
    part: &PartSpec,
    env: &PartsEnv,
    url: &reqwest::Url,
    pinned: Option<&str>,
    sums: Option<&reqwest::Url>,
    partial: &Path,
) -> Result<String, SourceError> {
    let client = env.net.client()?;
    env.say(&part.name, Phase::Downloading, url.as_str());
    let sum = match (pinned, sums) {
        (Some(pinned), _) => pinned.to_ascii_lowercase(),
        (None, Some(sums)) => {
            let file = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
            download::published_sum(&client, sums, file).await?
        }
        (None, None) => return Err(SourceError::NoSum),
    };
    let report = |bytes, total| env.report(&part.name, Phase::Downloading, url.as_str(), bytes, total);
    download::fetch(&client, url, &sum, partial, &report).await?;
    Ok(sum)
}

/// Gives a single file, downloaded bare or alone in its archive, the name that is wanted.
fn name_single_file(partial: &Path, dir: &Path, unpacked: bool, name: Option<&str>) -> Result<(), SourceError> {
    let Some(name) = name else {
        let empty =
            || SourceError::Archive(io::Error::other("neither a gzipped tar nor a zip, and no `file` is named"));
        return if unpacked { Ok(()) } else { Err(empty()) };
    };
    let target = dir.join(name);
    if !unpacked {
        return fs::copy(partial, &target).map(drop).map_err(file_error("copy to", &target));
    }
    let entries =
        fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(file_error("read", dir))?;
    match entries.as_slice() {
        [only] if only.path().is_file() => fs::rename(only.path(), &target).map_err(file_error("rename to", &target)),
        _ => Ok(()),
    }
}

/// Every named binary must be there and gets the run bit, as do the programs beside them: wheels carry none.
fn set_run_bits(part: &PartSpec, root: &Path, bin_dir: &Path) -> Result<(), SourceError> {
    for binary in &part.binaries {
        let path = root.join(binary);
        if !path.is_file() {
            return Err(SourceError::Incomplete { file: PathBuf::from(binary) });
        }
        make_runnable(&path).map_err(file_error("set the run bit on", &path))?;
    }
    let entries = fs::read_dir(bin_dir).map_err(file_error("read", bin_dir))?;
    for entry in entries {
        let path = entry.map_err(file_error("read", bin_dir))?.path();
        if path.symlink_metadata().is_ok_and(|meta| meta.is_file()) && is_program(&path) {
            make_runnable(&path).map_err(file_error("set the run bit on", &path))?;
        }
    }
    Ok(())
}

fn is_program(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && (magic == *b"\x7fELF" || magic.starts_with(b"#!"))
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::File { action, path, source }
}
