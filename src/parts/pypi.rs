//! The source `pypi`: a wheel fetched by the pip client and unpacked; Python is not needed to run what is in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::process::Command;

use super::archive::{self, Layout};
use super::cache::Staging;
use super::client;
use super::download;
use super::error::SourceError;

/// Platform tags to ask for when the wheel is for another machine than this.
const FOREIGN_PLATFORMS: [&str; 5] =
    ["manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux1"];

/// What to fetch.
#[derive(Debug)]
pub(super) struct Wheel<'a> {
    pub package: &'a str,
    pub version: &'a str,
    pub sha256: &'a str,
    pub subdir: &'a str,
    pub arch: &'a str,
}

/// Fetches the wheel into `dir` and unpacks it; gives the root of the part and the wheel's sum.
pub(super) async fn fetch(
    wheel: &Wheel<'_>,
    dir: &Path,
    path_env: &OsStr,
    staging: &Arc<Staging>,
    unpacking: impl FnOnce(),
) -> Result<(PathBuf, String), SourceError> {
    let mut command = pip(path_env).ok_or(SourceError::NoClient { client: "pip", package: "python3-pip" })?;
    let downloads = dir.join("download");
    let tree = dir.join("tree");
    for made in [&downloads, &tree] {
        fs::create_dir(made).map_err(|source| SourceError::File { action: "make", path: made.clone(), source })?;
    }
    command.args(["download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet"]);
    command.args(["--disable-pip-version-check", "--retries", "1"]);
    if wheel.arch != std::env::consts::ARCH {
        for platform in FOREIGN_PLATFORMS {
            command.arg("--platform").arg(format!("{platform}_{}", wheel.arch));
        }
    }
    command.arg("--dest").arg(&downloads).arg(format!("{}=={}", wheel.package, wheel.version));
    command.env("PATH", path_env).current_dir(dir);
    client::run("pip", &mut command).await?;

    let file = only_wheel(&downloads)?;
    let sum = download::sha256_of(&file).await?;
    if !sum.eq_ignore_ascii_case(wheel.sha256) {
        return Err(SourceError::Checksum { expected: wheel.sha256.to_owned(), actual: sum });
    }
    unpacking();
    archive::unpack(&file, &tree, Layout::Wheel, staging).await?;
    let root = tree.join(wheel.subdir);
    if !root.is_dir() {
        return Err(SourceError::Incomplete { file: PathBuf::from(wheel.subdir) });
    }
    Ok((root, sum))
}

/// pip, by one of its names.
fn pip(path_env: &OsStr) -> Option<Command> {
    client::PIP.iter().find_map(|name| client::on_path(name, path_env)).map(Command::new)
}

fn only_wheel(dir: &Path) -> Result<PathBuf, SourceError> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|source| SourceError::File { action: "read", path: dir.to_owned(), source })?;
    entries
        .into_iter()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| SourceError::ClientResult { client: "pip", expected: "wheel".to_owned() })
}
