//! Finds a part that the machine already has, and asks a program for its version.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::spec::PartSpec;

use super::cache::Cache;
use super::client;
use super::error::{Attempt, SourceError};
use super::memory::Question;
use super::resolve::PartsEnv;
use super::version::{Requirement, Version};

/// A program that has not said its version by then does not count.
const VERSION_TIMEOUT: Duration = Duration::from_secs(15);

/// What asking for the version gave.
#[derive(Debug)]
pub(super) enum Answer {
    /// The program ran and printed this version, if one could be read.
    Ran(Option<Version>),
    /// The program that would have to be run is not part of this directory nor on the search path.
    CannotAsk,
    /// It was started and failed.
    Broken { command: String, output: String },
}

/// A copy on the machine that satisfies the requirement.
#[derive(Debug)]
pub(super) struct Found {
    pub bin_dir: PathBuf,
    pub version: Option<Version>,
}

/// The first directory of the search path and the well-known places that has every binary in a version that will do.
/// Copies that will not do are added to the attempts.
pub(super) async fn find(
    part: &PartSpec,
    requirement: &Requirement,
    env: &PartsEnv,
    attempts: &mut Vec<Attempt>,
) -> Option<Found> {
    let mut directories: Vec<PathBuf> = std::env::split_paths(&env.path_env).filter(|dir| dir.is_absolute()).collect();
    directories.extend(part.well_known.iter().flat_map(|pattern| expand(pattern)));
    let mut seen = Vec::new();
    for bin_dir in directories {
        if !has_binaries(&bin_dir, &part.binaries) || seen.contains(&bin_dir) {
            continue;
        }
        seen.push(bin_dir.clone());
        let wanted = part.requires.clone().unwrap_or_default();
        let error = match version_of(&part.version_command, &bin_dir, env).await {
            Answer::Ran(Some(version)) if requirement.allows(&version) => {
                return Some(Found { bin_dir, version: Some(version) });
            }
            Answer::Ran(Some(version)) => SourceError::Version { found: version.to_string(), wanted },
            Answer::Ran(None) | Answer::CannotAsk if part.requires.is_none() => {
                return Some(Found { bin_dir, version: None });
            }
            Answer::Ran(None) | Answer::CannotAsk => SourceError::NoVersion { wanted },
            Answer::Broken { command, output } => SourceError::CannotRun { command, output },
        };
        attempts.push(Attempt { place: bin_dir.display().to_string(), error });
    }
    None
}

/// Whether every binary, by its bare name, lies in the directory.
pub(super) fn has_binaries(dir: &Path, binaries: &[String]) -> bool {
    !binaries.is_empty()
        && binaries.iter().all(|binary| Path::new(binary).file_name().is_some_and(|name| is_usable(&dir.join(name))))
}

/// A script for an interpreter (`red.js`) needs no run bit.
fn is_usable(file: &Path) -> bool {
    is_runnable(file) || (file.extension().is_some() && file.is_file())
}

/// A regular file with a run bit, links followed.
pub(super) fn is_runnable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What the version command says, or has said before: a start is not kept waiting for an answer that is known.
pub(super) async fn version_of(command: &[String], bin_dir: &Path, env: &PartsEnv) -> Answer {
    let Some((program, arguments)) = command.split_first() else { return Answer::Ran(None) };
    let cache = Cache::new(env.cache());
    let question =
        program_in(bin_dir, program, &env.path_env).and_then(|program| Question::new(&cache, &program, arguments));
    if let Some(version) = question.as_ref().and_then(Question::recall) {
        return Answer::Ran(Some(version));
    }
    let answer = ask_version(command, bin_dir, &env.path_env).await;
    if let (Some(question), Answer::Ran(Some(version))) = (question, &answer) {
        question.remember(&cache, version);
    }
    answer
}

/// A program is looked for beside the part's others first.
fn program_in(bin_dir: &Path, program: &str, path_env: &OsStr) -> Option<PathBuf> {
    let own = bin_dir.join(program);
    is_runnable(&own).then_some(own).or_else(|| client::on_path(program, path_env))
}

/// Runs the version command, with `bin_dir` as its working directory.
pub(super) async fn ask_version(command: &[String], bin_dir: &Path, path_env: &OsStr) -> Answer {
    let Some((program, arguments)) = command.split_first() else { return Answer::Ran(None) };
    let Some(file) = program_in(bin_dir, program, path_env) else { return Answer::CannotAsk };
    let mut child = Command::new(&file);
    child.args(arguments).current_dir(bin_dir).env("PATH", path_env).env("LC_ALL", "C");
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let command = command.join(" ");
    match tokio::time::timeout(VERSION_TIMEOUT, child.output()).await {
        Err(_) => Answer::Broken { command, output: format!("nothing for {} s", VERSION_TIMEOUT.as_secs()) },
        Ok(Err(error)) => Answer::Broken { command, output: error.to_string() },
        Ok(Ok(output)) => {
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            let version = Version::first_in(&text);
            if output.status.success()
                || (output.status.code().is_some_and(|code| code < 126) && !output.stdout.is_empty())
            {
                return Answer::Ran(version);
            }
            let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("nothing");
            Answer::Broken { command, output: format!("{first} ({})", output.status) }
        }
    }
}

/// Directories that match a pattern in which `*` stands for any text within one component; the highest name first, so
/// that `/usr/lib/postgresql/*/bin` gives 17 before 15.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for component in pattern.split('/').filter(|component| !component.is_empty()) {
        let Some((head, tail)) = component.split_once('*') else {
            found.iter_mut().for_each(|dir| dir.push(component));
            continue;
        };
        found = found.iter().flat_map(|dir| matching(dir, head, tail)).collect();
    }
    found.retain(|dir| dir.is_dir());
    found
}

fn matching(dir: &Path, head: &str, tail: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail))
        .collect();
    names.sort_by(|a, b| Version::first_in(b).cmp(&Version::first_in(a)).then_with(|| b.cmp(a)));
    names.into_iter().map(|name| dir.join(name)).collect()
}
