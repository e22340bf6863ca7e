//! Starts a package client (npm, pip), which uses its user's own configuration of registries and mirrors.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::error::SourceError;
use crate::spec::{PartSpec, SourceSpec};

/// Longest that a client may work on one part: node-red is 280 packages, on a slow line some minutes.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(900);
/// By their names.
pub(super) const NPM: [&str; 1] = ["npm"];
pub(super) const PIP: [&str; 2] = ["pip3", "pip"];
/// Last lines of a client's complaint that are worth showing.
const COMPLAINT_LINES: usize = 6;

/// The package client that this part cannot be brought without, when this machine has none such.
pub fn lacking_client(part: &PartSpec, path_env: &OsStr) -> Option<&'static str> {
    let names = |source: &SourceSpec| match source {
        SourceSpec::Npm { .. } => NPM.as_slice(),
        SourceSpec::Pypi { .. } => PIP.as_slice(),
        SourceSpec::Url { .. } | SourceSpec::System { .. } => [].as_slice(),
    };
    let mut sources = part.sources.iter().filter(|source| !matches!(source, SourceSpec::System { .. })).map(names);
    let lacking = |names: &[&'static str]| match names.iter().any(|name| on_path(name, path_env).is_some()) {
        true => None,
        false => names.first().copied(),
    };
    let first = lacking(sources.next()?)?;
    sources.all(|names| lacking(names).is_some()).then_some(first)
}

/// Runs the client to its end; what it says on failure becomes part of the error, without credentials.
pub(super) async fn run(client: &'static str, command: &mut Command) -> Result<String, SourceError> {
    let finished =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).output();
    let output = tokio::time::timeout(CLIENT_TIMEOUT, finished)
        .await
        .map_err(|_| SourceError::ClientTimeout { client, seconds: CLIENT_TIMEOUT.as_secs() })?
        .map_err(|source| SourceError::ClientStart { client, source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
    Err(SourceError::Client {
        client,
        status: output.status.to_string(),
        output: last_lines(&String::from_utf8_lossy(complaint)),
    })
}

/// The end of a text on one line, user and password in addresses blotted out.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let start = lines.len().saturating_sub(COMPLAINT_LINES);
    without_credentials(&lines[start..].join(" | "))
}

/// `https://user:password@host` becomes `https://***@host`.
pub(super) fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        clean.push_str(head);
        let end = tail.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '|')).unwrap_or(tail.len());
        match tail[..end].rfind('@') {
            Some(sign) => {
                clean.push_str("***");
                rest = &tail[sign..];
            }
            None => rest = tail,
        }
    }
    clean.push_str(rest);
    clean
}

/// A program on the given search path.
pub(super) fn on_path(program: &str, path_env: &OsStr) -> Option<std::path::PathBuf> {
    std::env::split_paths(path_env)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(program))
        .find(|file| super::locate::is_runnable(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_addresses_never_reach_an_error() {
        for (text, clean) in [
            (
                "error at https://me:pass@registry.example/x and more",
                "error at https://***@registry.example/x and more",
            ),
            ("http://a.example/x@1.0 https://t@b.example", "http://a.example/x@1.0 https://***@b.example"),
            ("http://u:p@ss@h.example/", "http://***@h.example/"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(without_credentials(text), clean);
        }
    }
}
