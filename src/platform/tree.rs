//! Containment: one run's processes as one thing that can be signalled, killed and waited for.
//!
//! The ladder: own v2 cgroup (also on a hybrid host, without controllers), then subreaper and scan, then the process group.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};

use super::cgroup::{self, Base, Group};
use super::scan::{self, Scan};
use super::{hierarchy, identity, reaper};

/// How well processes can be held together here, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// cgroup v2 with at least one controller.
    CgroupControlled,
    /// cgroup v2 for holding together only.
    Cgroup,
    /// Orphans come to us; members are found by scanning.
    Subreaper,
    /// Only what stays in the leader's process group.
    ProcessGroup,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CgroupControlled => "cgroup v2",
            Self::Cgroup => "cgroup v2 (hybrid, without controllers)",
            Self::Subreaper => "subreaper and scan",
            Self::ProcessGroup => "process group",
        })
    }
}

/// To whom a signal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Leader,
    Tree,
}

/// Somebody who is still there, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    pub pid: i32,
    pub command: String,
    /// Where in the kernel it waits; empty when unknown.
    pub waiting_in: String,
}

impl fmt::Display for Survivor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({})", self.pid, self.command)?;
        if self.waiting_in.is_empty() { Ok(()) } else { write!(f, " waits in {}", self.waiting_in) }
    }
}

/// The rung in use and its place, for one stack.
#[derive(Debug, Clone)]
pub struct Containment {
    rung: Rung,
    base: Option<Base>,
    key: String,
    reason: Option<String>,
}

/// One run's processes.
#[derive(Debug)]
pub struct Tree {
    holder: Holder,
    marker: String,
    /// Unique on this machine.
    name: String,
    leader: OnceLock<(i32, u64)>,
    /// Groups in v1 hierarchies, for limits.
    legacy: Mutex<Vec<PathBuf>>,
}

#[derive(Debug)]
enum Holder {
    Group(Group),
    Scan(Scan),
}

impl Containment {
    /// The best rung that works here, proved by trying it.
    pub fn detect(stack_key: &str) -> Self {
        // Also with a cgroup: whoever leaves nothing behind for init leaves no zombie either.
        let subreaper = reaper::become_subreaper();
        let (base, reason) = match cgroup::find_base() {
            Ok(base) => match Self::prepare(&base, stack_key) {
                Ok(controllers) => (Some(Base { controllers, ..base }), None),
                Err(error) => (None, Some(format!("cannot use {}: {error}", base.path.display()))),
            },
            Err(reason) => (None, Some(reason)),
        };
        let rung = match (&base, subreaper) {
            (Some(base), _) if !base.controllers.is_empty() => Rung::CgroupControlled,
            (Some(_), _) => Rung::Cgroup,
            (None, Ok(())) => Rung::Subreaper,
            (None, Err(_)) => Rung::ProcessGroup,
        };
        Self { rung, base, key: stack_key.to_owned(), reason }
    }

    /// A rung below the best one, for tests and for operators who ask for it.
    pub fn forced(stack_key: &str, rung: Rung) -> Result<Self, String> {
        match rung {
            Rung::CgroupControlled | Rung::Cgroup => {
                let found = Self::detect(stack_key);
                if found.rung <= rung { Ok(found) } else { Err(found.reason.unwrap_or_default()) }
            }
            Rung::Subreaper => {
                reaper::become_subreaper().map_err(|e| e.to_string())?;
                Ok(Self { rung, base: None, key: stack_key.to_owned(), reason: None })
            }
            Rung::ProcessGroup => Ok(Self { rung, base: None, key: stack_key.to_owned(), reason: None }),
        }
    }

    fn prepare(base: &Base, key: &str) -> io::Result<Vec<String>> {
        let path = Self::stack_path(base, key);
        match std::fs::create_dir(&path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        Ok(cgroup::enable(&path, &base.controllers))
    }

    fn stack_path(base: &Base, key: &str) -> PathBuf {
        base.path.join(Self::stack_name(key))
    }

    fn stack_name(key: &str) -> String {
        let hash = Sha256::digest(key.as_bytes());
        let short: String = hash.iter().take(6).map(|b| format!("{b:02x}")).collect();
        format!("reeve-{short}")
    }

    fn hold(&self, holder: Holder, run: &str, marker: String) -> Tree {
        let name = format!("{}-{run}", Self::stack_name(&self.key));
        Tree { holder, marker, name, leader: OnceLock::new(), legacy: Mutex::default() }
    }

    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// Why no better rung is in use.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// v2 controllers that limits can use.
    pub fn controllers(&self) -> &[String] {
        self.base.as_ref().map_or(&[], |b| &b.controllers)
    }

    /// A place for a new run.
    pub fn tree(&self, service: &str, run: u64) -> io::Result<Tree> {
        let marker = format!("{}/{service}/{run}", self.key);
        let holder = match &self.base {
            Some(base) => {
                let path = Self::stack_path(base, &self.key).join(format!("{service}-{run}"));
                Holder::Group(Group::create(path)?)
            }
            None => Holder::Scan(Scan::new(Some(&marker), self.rung == Rung::Subreaper)),
        };
        Ok(self.hold(holder, &format!("{service}-{run}"), marker))
    }

    /// Groups that an earlier reeve of this stack left, by name (`service-run`); empty ones are removed on the way.
    pub fn leftovers(&self) -> Vec<(String, Tree)> {
        let Some(base) = &self.base else { return Vec::new() };
        let mut found = Vec::new();
        for path in cgroup::below(&Self::stack_path(base, &self.key)) {
            let Some(name) = path.file_name().map(|n| n.to_string_lossy().into_owned()) else { continue };
            let Ok(group) = Group::open(path) else { continue };
            let empty = group.is_empty().unwrap_or(false);
            let tree = self.hold(Holder::Group(group), &name, name.clone()).with_legacy();
            if empty && tree.remove().is_ok() {
                continue;
            }
            found.push((name, tree));
        }
        found
    }

    /// Removes the stack's own group when nothing is in it any more.
    pub fn close(&self) -> io::Result<()> {
        let Some(base) = &self.base else { return Ok(()) };
        match std::fs::remove_dir(Self::stack_path(base, &self.key)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// The tree of a run known from a lease: its group if it still exists, else a scan from its leader and marker.
    pub fn reopen(&self, service: &str, run: u64, leader: Option<(i32, u64)>) -> Tree {
        let marker = format!("{}/{service}/{run}", self.key);
        if let Some(base) = &self.base {
            let path = Self::stack_path(base, &self.key).join(format!("{service}-{run}"));
            if let Ok(group) = Group::open(path) {
                let tree = self.hold(Holder::Group(group), &format!("{service}-{run}"), marker).with_legacy();
                if let Some((pid, start)) = leader {
                    tree.set_leader(pid, start);
                }
                return tree;
            }
        }
        let scan = Scan::new(Some(&marker), true);
        let tree = self.hold(Holder::Scan(scan), &format!("{service}-{run}"), marker).with_legacy();
        if let Some((pid, start)) = leader.filter(|(pid, start)| identity::is_same(*pid, *start)) {
            tree.set_leader(pid, start);
        }
        tree
    }
}

impl Tree {
    /// For `SpawnPlan::cgroup`. Cannot fail before the first start; later the directory is opened anew.
    pub fn placement(&self) -> Option<Arc<OwnedFd>> {
        let dir = self.group()?.dir();
        dir.inspect_err(|error| tracing::error!(%error, tree = self.name, "cannot open a cgroup for a further start"))
            .ok()
    }

    /// The variable that every process of this run must carry; the last resort of a scan.
    pub fn environment(&self) -> (&'static str, &str) {
        (scan::MARKER, &self.marker)
    }

    /// The group's directory, if a group holds this run.
    pub fn path(&self) -> Option<&std::path::Path> {
        match &self.holder {
            Holder::Group(group) => Some(&group.path),
            Holder::Scan(_) => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn legacy(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.legacy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_legacy(&self, group: PathBuf) {
        let mut legacy = self.legacy();
        if !legacy.contains(&group) {
            legacy.push(group);
        }
    }

    #[cfg(test)]
    pub(super) fn legacy_paths(&self) -> Vec<PathBuf> {
        self.legacy().clone()
    }

    fn with_legacy(self) -> Self {
        hierarchy::existing(&self.name).into_iter().for_each(|group| self.add_legacy(group));
        self
    }

    /// For `SpawnPlan::join`: the groups of limits that one clone cannot place a child in.
    pub fn joins(&self) -> io::Result<Vec<OwnedFd>> {
        self.legacy().iter().map(|group| hierarchy::entrance(group)).collect()
    }

    pub(super) fn group(&self) -> Option<&Group> {
        match &self.holder {
            Holder::Group(group) => Some(group),
            Holder::Scan(_) => None,
        }
    }

    /// Must be told after every start, before anything else is asked.
    pub fn set_leader(&self, pid: i32, start_time: u64) {
        // A second leader of one run only matters to the scan.
        let _first = self.leader.set((pid, start_time));
        match &self.holder {
            Holder::Scan(scan) => scan.add_leader(pid, start_time),
            Holder::Group(group) => group.close_dir(),
        }
    }

    /// How many processes the signal reached.
    pub fn signal(&self, scope: Scope, signal: i32) -> io::Result<usize> {
        if scope == Scope::Leader {
            let Some((pid, start)) = self.leader.get() else { return Ok(0) };
            return Ok(usize::from(identity::signal_exact(*pid, *start, signal)?));
        }
        let members: Vec<(i32, u64)> = match &self.holder {
            Holder::Scan(scan) => scan.members().iter().map(|s| (s.pid, s.start_time)).collect(),
            Holder::Group(group) => {
                group.pids().into_iter().filter_map(|p| Some((p, identity::start_time(p)?))).collect()
            }
        };
        let mut reached = 0;
        for (pid, start) in members {
            reached += usize::from(identity::signal_exact(pid, start, signal)?);
        }
        Ok(reached)
    }

    pub fn kill(&self) -> io::Result<()> {
        match &self.holder {
            Holder::Group(group) => group.kill(),
            Holder::Scan(scan) => scan.kill(),
        }
    }

    /// With a cgroup: one read.
    pub fn is_empty(&self) -> io::Result<bool> {
        match &self.holder {
            Holder::Group(group) => group.is_empty(),
            Holder::Scan(scan) => Ok(scan.members().is_empty()),
        }
    }

    pub async fn wait_empty(&self) -> io::Result<()> {
        match &self.holder {
            Holder::Group(group) => group.wait_empty().await,
            Holder::Scan(scan) => scan.wait_empty().await,
        }
    }

    /// Kills whoever is left, if anybody is, and waits until nobody is.
    pub async fn clear(&self) -> io::Result<()> {
        match &self.holder {
            Holder::Group(group) if group.is_empty().unwrap_or(false) => Ok(()),
            Holder::Group(group) => {
                group.kill()?;
                group.wait_empty().await
            }
            Holder::Scan(scan) => scan.clear().await,
        }
    }

    pub fn pids(&self) -> Vec<i32> {
        match &self.holder {
            Holder::Group(group) => group.pids(),
            Holder::Scan(scan) => scan.members().iter().map(|s| s.pid).collect(),
        }
    }

    pub fn survivors(&self) -> Vec<Survivor> {
        let describe = |pid| Survivor { pid, command: identity::command(pid), waiting_in: identity::waiting_in(pid) };
        self.pids().into_iter().map(describe).collect()
    }

    /// Gives the place back; only when empty.
    pub fn remove(&self) -> io::Result<()> {
        for group in self.legacy().iter() {
            hierarchy::remove(group)?;
        }
        self.group().map_or(Ok(()), Group::remove)
    }
}
