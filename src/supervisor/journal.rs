//! What a later reeve must know: which processes are ours, and what an operator wants stopped.
//!
//! *Leases* are lines appended to `run/leases`, one when a process has been started and one when its tree is gone. They are
//! not synced: a crash of reeve leaves the page cache, and a crash of the machine ends the processes as well, which the
//! boot id tells. *State* (`state.json`) is what must survive a reboot, so it is written durably, with a copy of the one
//! before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::platform::{Child, Containment, Scope, Tree, durable, identity, scan};
use crate::spec::{StopScope, StopSpec};

/// Version of `state.json`.
const STATE_VERSION: u32 = 1;

/// A killed tree that is not empty after this long is told and left.
const KILL_BOUND: Duration = Duration::from_secs(10);

/// What the children of a leader that obeyed its stop signal get at most.
const CHILDREN_GRACE: Duration = Duration::from_secs(2);

/// How often it is looked whether a leader, which is no child of ours, has ended.
const LEADER_LOOK: Duration = Duration::from_millis(50);

/// One line of the leases file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    Spawned(Lease),
    Gone { service: String, run: u64 },
}

/// A process that was ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub boot_id: String,
    pub service: String,
    pub run: u64,
    pub pid: i32,
    /// Clock ticks since boot; with the pid and the boot id it names one process for ever.
    pub start_time: u64,
    pub signal: i32,
    pub whole_tree: bool,
    pub grace_ms: u64,
}

/// The leases file, open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Lines of this turn of the loop, for one write.
    pending: Vec<u8>,
    path: PathBuf,
    boot_id: String,
}

impl Journal {
    /// Begins anew: what the old file told has been dealt with.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).write(true).truncate(true).mode(0o600).open(path)?;
        drop(file);
        let file = File::options().append(true).open(path)?;
        Ok(Self { file, pending: Vec::new(), path: path.to_owned(), boot_id: identity::boot_id()?.to_owned() })
    }

    pub fn spawned(&mut self, service: &str, run: u64, child: &Child, stop: &StopSpec) {
        self.append(&Line::Spawned(Lease {
            boot_id: self.boot_id.clone(),
            service: service.to_owned(),
            run,
            pid: child.pid,
            start_time: child.start_time,
            signal: stop.signal,
            whole_tree: stop.scope == StopScope::Group,
            grace_ms: u64::try_from(stop.grace.as_millis()).unwrap_or(u64::MAX),
        }));
    }

    pub fn gone(&mut self, service: &str, run: u64) {
        self.append(&Line::Gone { service: service.to_owned(), run });
    }

    fn append(&mut self, line: &Line) {
        match serde_json::to_writer(&mut self.pending, line) {
            Ok(()) => self.pending.push(b'\n'),
            Err(error) => tracing::warn!(path = %self.path.display(), %error, "a lease cannot be written"),
        }
    }

    /// Writes what was noted. A lease that cannot be written is told and not fatal: cgroup and marker still lead to the
    /// process.
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        if let Err(error) = self.file.write_all(&self.pending) {
            tracing::warn!(path = %self.path.display(), %error, "leases cannot be written");
        }
        self.pending.clear();
    }
}

/// The leases of this boot that were not given back. A line cut short by a crash is the last one and tells nothing.
pub fn read(path: &Path) -> Vec<Lease> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let boot_id = identity::boot_id().unwrap_or_default();
    let mut open = BTreeMap::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Spawned(lease)) => {
                open.insert((lease.service.clone(), lease.run), lease);
            }
            Ok(Line::Gone { service, run }) => {
                open.remove(&(service, run));
            }
            Err(_) => {}
        }
    }
    open.into_values().filter(|lease| lease.boot_id == boot_id).collect()
}

/// Something of an earlier reeve that still runs.
struct Leftover {
    name: String,
    tree: Tree,
    lease: Option<Lease>,
}

/// Ends everything that an earlier reeve of this stack left running, by lease, by cgroup and by marker, in order: the stop
/// signal, its grace, then the kill. A process that is not ours (another start time, no marker) is never touched. Answers
/// with the names of what could not be ended.
pub async fn clear_leftovers(
    leases: &[Lease],
    containment: &Containment,
    key: &str,
    say: &(dyn Fn(&str) + Sync),
) -> Vec<String> {
    let found = leftovers(leases, containment, key);
    if !found.is_empty() {
        let names: BTreeSet<&str> = found.iter().map(|leftover| leftover.name.as_str()).collect();
        say(&format!(
            "an earlier reeve left processes running, they are stopped: {}",
            names.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    let ended = futures_util::future::join_all(found.iter().map(end)).await;
    found.iter().zip(ended).filter(|(_, ended)| !ended).map(|(leftover, _)| leftover.name.clone()).collect()
}

fn leftovers(leases: &[Lease], containment: &Containment, key: &str) -> Vec<Leftover> {
    let mut known: BTreeSet<(String, u64)> = BTreeSet::new();
    let mut found = Vec::new();
    for lease in leases {
        known.insert((lease.service.clone(), lease.run));
        let tree = containment.reopen(&lease.service, lease.run, Some((lease.pid, lease.start_time)));
        found.push(Leftover { name: lease.service.clone(), tree, lease: Some(lease.clone()) });
    }
    for (service, run) in marked(key) {
        if known.insert((service.clone(), run)) {
            let tree = containment.reopen(&service, run, None);
            found.push(Leftover { name: service, tree, lease: None });
        }
    }
    for (name, tree) in containment.leftovers() {
        let of_lease = name.rsplit_once('-').and_then(|(service, run)| Some((service.to_owned(), run.parse().ok()?)));
        if of_lease.is_none_or(|run| !known.contains(&run)) {
            found.push(Leftover { name, tree, lease: None });
        }
    }
    found.retain(|leftover| {
        let empty = leftover.tree.is_empty().unwrap_or(false);
        if empty {
            give_back(&leftover.tree);
        }
        !empty
    });
    found
}

/// Runs of this stack that processes of ours still carry in their environment: for the case that the leases are lost.
fn marked(key: &str) -> Vec<(String, u64)> {
    let wanted = format!("{}={key}/", scan::MARKER);
    let mut runs = BTreeSet::new();
    for process in identity::processes() {
        let Ok(environ) = std::fs::read(format!("/proc/{}/environ", process.pid)) else { continue };
        for entry in environ.split(|byte| *byte == 0) {
            let run = std::str::from_utf8(entry)
                .ok()
                .and_then(|entry| entry.strip_prefix(wanted.as_str()))
                .and_then(|rest| rest.rsplit_once('/'))
                .and_then(|(service, run)| Some((service.to_owned(), run.parse().ok()?)));
            runs.extend(run);
        }
    }
    runs.into_iter().collect()
}

/// Whether nothing is left of it.
async fn end(leftover: &Leftover) -> bool {
    let tree = &leftover.tree;
    if let Some(lease) = &leftover.lease {
        let scope = if lease.whole_tree { Scope::Tree } else { Scope::Leader };
        match tree.signal(scope, lease.signal) {
            // Its leader has gone: nobody is there to hear a stop signal.
            Ok(0) => {}
            Ok(_) => {
                if obeyed(tree, lease).await {
                    give_back(tree);
                    return true;
                }
            }
            Err(error) => tracing::warn!(service = %leftover.name, %error, "cannot signal a left process"),
        }
    }
    if let Err(error) = tree.kill() {
        tracing::warn!(service = %leftover.name, %error, "cannot kill a left process");
    }
    match tokio::time::timeout(KILL_BOUND, tree.wait_empty()).await {
        Ok(Ok(())) => {
            give_back(tree);
            true
        }
        _ => false,
    }
}

/// Whether the whole tree ends within the grace. What a leader that has ended leaves behind gets a short time only, as in
/// any other stop.
async fn obeyed(tree: &Tree, lease: &Lease) -> bool {
    let mut deadline = tokio::time::Instant::now() + Duration::from_millis(lease.grace_ms);
    let mut leader = true;
    loop {
        let look = deadline.min(tokio::time::Instant::now() + LEADER_LOOK);
        match tokio::time::timeout_at(look, tree.wait_empty()).await {
            Ok(empty) => return empty.is_ok(),
            Err(_) if tokio::time::Instant::now() >= deadline => return false,
            Err(_) => {}
        }
        let gone = || identity::stat(lease.pid).is_none_or(|s| s.is_dead() || s.start_time != lease.start_time);
        if leader && gone() {
            leader = false;
            deadline = deadline.min(tokio::time::Instant::now() + CHILDREN_GRACE);
        }
    }
}

fn give_back(tree: &Tree) {
    if let Err(error) = tree.remove() {
        tracing::warn!(%error, "cannot give back a cgroup");
    }
}

/// What must survive a reboot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Services stopped by hand.
    pub stopped_by_hand: Vec<String>,
    /// Ports chosen for `auto`, by `service.port`.
    pub auto_ports: BTreeMap<String, u16>,
}

#[derive(Serialize, Deserialize)]
struct StateFile {
    schema_version: u32,
    stopped_by_hand: Vec<String>,
    #[serde(default)]
    auto_ports: BTreeMap<String, u16>,
}

impl State {
    /// The state, from the copy when the file itself cannot be used; and what a person should know about that.
    pub fn read(path: &Path) -> (Self, Vec<String>) {
        let copy = backup(path);
        let (problem, fallback) = match Self::parse(path) {
            Ok(Some(state)) => return (state, Vec::new()),
            Ok(None) => (None, Self::parse(&copy)),
            Err(problem) => (Some(problem), Self::parse(&copy)),
        };
        let mut warnings: Vec<String> =
            problem.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
        let state = match fallback {
            Ok(Some(state)) => {
                warnings.push(format!("the copy {} is used in its place", copy.display()));
                state
            }
            Ok(None) => {
                if problem.is_some() {
                    warnings.push("it starts anew: services stopped by hand will start again".to_owned());
                }
                Self::default()
            }
            Err(second) => {
                warnings.push(format!("{}: {second}", copy.display()));
                warnings.push("it starts anew: services stopped by hand will start again".to_owned());
                Self::default()
            }
        };
        (state, warnings)
    }

    fn parse(path: &Path) -> Result<Option<Self>, String> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot be read: {error}")),
        };
        if bytes.is_empty() {
            return Err("is empty".to_owned());
        }
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| format!("is broken: {error}"))?;
        match value["schema_version"].as_u64() {
            Some(version) if version > STATE_VERSION.into() => {
                return Err(format!("was written by a newer reeve (version {version}, known is {STATE_VERSION})"));
            }
            _ => {}
        }
        let file: StateFile = serde_json::from_value(value).map_err(|error| format!("is broken: {error}"))?;
        Ok(Some(Self { stopped_by_hand: file.stopped_by_hand, auto_ports: file.auto_ports }))
    }

    /// Durably: when it returns, a power cut changes nothing any more. A second copy is written after the first, so that
    /// at every moment one of them is whole.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let file = StateFile {
            schema_version: STATE_VERSION,
            stopped_by_hand: self.stopped_by_hand.clone(),
            auto_ports: self.auto_ports.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        durable::write(path, &bytes, 0o600)?;
        durable::write(&backup(path), &bytes, 0o600)
    }
}

pub(super) fn backup(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".bak");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_cannot_be_used_is_told_and_the_copy_taken() {
        // semantics case 66
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        let state = State { stopped_by_hand: vec!["nodered".to_owned()], auto_ports: [("a.b".to_owned(), 4)].into() };
        for broken in
            [&b""[..], b"{\"schema_version\": 1, \"stop", b"{\"schema_version\": 99, \"other\": 1}", b"\xff\xfe"]
        {
            state.write(&path).unwrap();
            assert_eq!(State::read(&path), (state.clone(), vec![]));
            std::fs::write(&path, broken).unwrap();
            let (read, warnings) = State::read(&path);
            assert_eq!(read, state);
            assert_eq!(warnings.len(), 2, "{warnings:?}");
        }
        std::fs::write(backup(&path), b"{").unwrap();
        let (read, warnings) = State::read(&path);
        assert_eq!(read, State::default());
        assert!(warnings.iter().any(|warning| warning.contains("starts anew")), "{warnings:?}");
    }

    #[test]
    fn leases_of_another_boot_or_given_back_are_void() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("leases");
        let lease = |service: &str, boot_id: &str| Lease {
            boot_id: boot_id.to_owned(),
            service: service.to_owned(),
            run: 1,
            pid: 1,
            start_time: 1,
            signal: 15,
            whole_tree: false,
            grace_ms: 1000,
        };
        let own = identity::boot_id().unwrap();
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&Line::Spawned(lease("kept", own)));
        journal.append(&Line::Spawned(lease("old", "another-boot")));
        journal.append(&Line::Spawned(lease("gone", own)));
        journal.gone("gone", 1);
        journal.flush();
        journal.file.write_all(b"{\"kind\":\"spawned\",\"boo").unwrap();
        assert_eq!(read(&path), vec![lease("kept", own)]);
    }
}
