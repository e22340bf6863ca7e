//! Everything that one life of reeve holds on to: the stack as it will run, its facts, its places and its machinery.
//!
//! Made once by [`super::assemble`], read by the loop and its tasks, dropped at the end with the lock on the data
//! directory. Decides nothing about services.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use tokio_util::task::TaskTracker;

use super::accounts::Account;
use super::build::Builds;
use super::facts::StackFacts;
use super::journal::{Journal, State};
use super::layout::Layout;
use super::output::{LogHub, LogSink};
use super::sockets::Sockets;
use super::stale::Images;
use crate::engine::{Failure, RunId};
use crate::platform::lock::Lock;
use crate::platform::notify::Systemd;
use crate::platform::{Child, Containment, Credentials, Tree, access, limits};
use crate::spec::{ServiceId, ServiceSpec, StackSpec};
use crate::volumes::PartVersion;

/// For helpers of an earlier reeve: a half-done init is thrown away anyhow.
const HELPER_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Debug)]
pub struct Assembly {
    pub stack: StackSpec,
    pub layout: Layout,
    pub facts: StackFacts,
    pub containment: Containment,
    pub logs: LogHub,
    pub sinks: Vec<LogSink>,
    pub state: State,
    pub systemd: Systemd,
    /// Ports that we listen on ourselves, for services.
    pub sockets: Sockets,
    /// Services that cannot be had on this machine, and why.
    pub unavailable: BTreeMap<ServiceId, Failure>,
    /// reeve's own environment, as far as services may get it.
    pub environment: BTreeMap<String, String>,
    /// Accounts of the services, when reeve is root; by name.
    pub accounts: BTreeMap<String, Account>,
    /// The preset that each service runs by, where an alternative took the place of the first choice.
    pub chosen: BTreeMap<ServiceId, String>,
    /// What this machine cannot enforce, in words, by service.
    pub limits: Mutex<BTreeMap<String, Vec<limits::Enforcement>>>,
    pub builds: Builds,
    pub images: Images,
    /// Helpers whose processes are not gone yet.
    pub(super) helpers: TaskTracker,
    pub(super) journal: Mutex<Journal>,
    pub(super) _lock: Lock,
}

impl Assembly {
    pub fn sink(&self, service: ServiceId) -> &LogSink {
        &self.sinks[service.index()]
    }

    pub fn unavailable(&self, service: ServiceId) -> Option<&Failure> {
        self.unavailable.get(&service)
    }

    /// The account a service runs as; `None`: reeve's own.
    pub fn account(&self, spec: &ServiceSpec) -> Result<Option<&Account>, String> {
        if self.accounts.is_empty() {
            return Ok(None);
        }
        let name = spec.user.as_deref().unwrap_or(&self.stack.user);
        match self.accounts.get(name) {
            Some(account) => Ok(Some(account)),
            None => Err(format!("there is no account {name}, which {} runs as", spec.name)),
        }
    }

    /// The directory of `services.toml` where the service's account may enter it, its run directory otherwise.
    pub fn default_cwd(&self, spec: &ServiceSpec, credentials: Option<&Credentials>) -> PathBuf {
        let open = match credentials {
            None => true,
            Some(credentials) => access::blocked_at(&self.stack.dir, credentials).is_none(),
        };
        if open {
            return self.stack.dir.clone();
        }
        let run_dir = self.layout.service(&spec.name);
        if run_dir.is_dir() { run_dir } else { PathBuf::from("/") }
    }

    /// Name and version of the part that writes a service's data: the first it needs.
    pub fn part_version(&self, spec: &ServiceSpec) -> Option<PartVersion> {
        let name = spec.parts.first()?;
        let part = self.facts.parts.get(name)?;
        Some(PartVersion { name: name.clone(), version: part.version.clone() })
    }

    /// Puts the limits of a service on its tree, and remembers which of them hold.
    pub fn apply_limits(&self, spec: &ServiceSpec, tree: &Tree) {
        let asked = super::limits::asked(&spec.limits);
        if asked.is_empty() {
            return;
        }
        let enforced = limits::apply(tree, &asked);
        lock(&self.limits).insert(spec.name.clone(), enforced);
    }

    /// Written with the rest of this turn of the loop.
    pub fn journal_spawn(&self, spec: &ServiceSpec, run: RunId, child: &Child) {
        lock(&self.journal).spawned(&spec.name, run.0, child, &spec.stop);
    }

    /// A helper is asked to end like a service, but not for long.
    pub fn journal_helper(&self, name: &str, run: RunId, child: &Child) {
        let stop = crate::spec::StopSpec { grace: HELPER_GRACE, ..Default::default() };
        let mut journal = lock(&self.journal);
        journal.spawned(name, run.0, child, &stop);
        journal.flush();
    }

    pub fn journal_gone(&self, service: ServiceId, run: RunId) {
        lock(&self.journal).gone(&self.stack.service(service).name, run.0);
    }

    pub fn journal_helper_gone(&self, name: &str, run: RunId) {
        let mut journal = lock(&self.journal);
        journal.gone(name, run.0);
        journal.flush();
    }

    pub fn journal_flush(&self) {
        lock(&self.journal).flush();
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
