//! From a loaded stack to an [`Assembly`]: directories, lock, accounts, parts, secrets, leftovers, ports.
//!
//! Everything that can be refused before a process is started is refused here, in one place and with its reason.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Mutex;

use tokio_util::task::TaskTracker;

use super::accounts::{AccountsError, accounts};
use super::assembly::Assembly;
use super::build::{Builds, Policy as BuildPolicy};
use super::facts::{PartFacts, StackFacts};
use super::journal::{self, Journal, State};
use super::layout::Layout;
use super::output::LogHub;
use super::selection;
use super::stale::Images;
use crate::parts::PartsEnv;
use crate::platform::Containment;
use crate::platform::account;
use crate::platform::lock::{Lock, LockError};
use crate::platform::notify::Systemd;
use crate::platform::ports::{self, PortHolder};
use crate::spec::StackSpec;
use crate::volumes::{SecretError, Secrets, VolumeError, disk};

/// What the caller decides.
#[derive(Debug)]
pub struct Options {
    pub parts: PartsEnv,
    /// reeve's own environment.
    pub environment: BTreeMap<String, String>,
    /// The same over `.env`: where secrets may be given.
    pub given: BTreeMap<String, String>,
    /// reeve's own binary.
    pub reeve: PathBuf,
    /// Where services will find the control API.
    pub control: PathBuf,
    pub build: BuildPolicy,
}

/// Why a stack is not started. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    #[error("reeve{} runs this stack already", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    AlreadyRunning { pid: Option<i32> },
    #[error("cannot lock {}", path.display())]
    Lock {
        path: PathBuf,
        #[source]
        source: LockError,
    },
    #[error("cannot make the data directory ready")]
    Directory(#[source] VolumeError),
    #[error(transparent)]
    Account(AccountsError),
    #[error("cannot read the generated secrets")]
    Secrets(#[source] SecretError),
    #[error("cannot start the log thread")]
    Logs(#[source] std::io::Error),
    #[error("cannot open {}", path.display())]
    Journal {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot remember the chosen ports in {}", path.display())]
    State {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("processes that an earlier reeve left cannot be ended: {}", .0.join(", "))]
    Stuck(Vec<String>),
    #[error("{}", .0.join("\n"))]
    PortsTaken(Vec<String>),
    #[error("no free port could be found for {service}")]
    NoPort {
        service: String,
        #[source]
        source: std::io::Error,
    },
    #[error("a start-up task was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl AssembleError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AlreadyRunning { .. } => Some("reeve up -d starts what is missing, reeve down stops it".to_owned()),
            Self::Directory(error) => error.hint(),
            Self::Secrets(error) => error.hint(),
            Self::PortsTaken(_) => Some("end the holder, or move the stack with --port-offset N".to_owned()),
            Self::Account(error) => Some(error.hint()),
            _ => None,
        }
    }
}

/// Puts together everything that the stack needs before the first service is started. `say` gets lines for people.
pub async fn assemble(
    mut stack: StackSpec,
    layout: Layout,
    options: Options,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Assembly, AssembleError> {
    make_directories(&layout).map_err(AssembleError::Directory)?;
    let lock = take_lock(&layout)?;
    let (mut state, warnings) = State::read(&layout.state());
    warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    let accounts = accounts(&stack, &layout.services(), say).map_err(AssembleError::Account)?;

    let volumes = volume_paths(&stack, &layout);
    let (path, wanted) = (layout.secrets(), stack.secrets.values().cloned().collect::<Vec<_>>());
    let given = options.given;
    let opened = tokio::task::spawn_blocking(move || Secrets::open(&path, &wanted, |name| given.get(name).cloned()));
    // Hashes of new secrets take a while, and so does asking the parts for their versions: both at once.
    let selection = selection::select(&mut stack, &volumes, &options.parts, say).await;
    let (secrets, warnings) = opened.await?.map_err(AssembleError::Secrets)?;
    warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));

    if let Err(error) = crate::platform::reaper::become_subreaper() {
        say(&format!("warning: orphans cannot be adopted ({error}); what leaves its group may escape"));
    }
    let key = stack_key(&layout);
    let containment = Containment::detect(&key);
    let leases = layout.leases();
    let stuck = journal::clear_leftovers(&journal::read(&leases), &containment, &key, say).await;
    if !stuck.is_empty() {
        return Err(AssembleError::Stuck(stuck));
    }
    let journal = Journal::create(&leases).map_err(|source| AssembleError::Journal { path: leases, source })?;

    let ports = choose_ports(&stack, &mut state, &layout)?;
    let logs = LogHub::start(layout.logs(), stack.log_total_bytes).map_err(AssembleError::Logs)?;
    let sinks: Vec<_> = stack.services.iter().map(|service| logs.sink(&service.name, &service.logs)).collect();
    for (service, places) in &selection.tried {
        places.iter().for_each(|place| sinks[service.index()].note(place));
    }
    let facts = StackFacts {
        name: stack.name.clone(),
        mode: stack.mode.clone(),
        dir: stack.dir.clone(),
        data_dir: layout.data_dir().to_owned(),
        reeve: options.reeve,
        control: options.control,
        ports,
        volumes,
        parts: selection.parts,
        secrets,
    };
    Ok(Assembly {
        stack,
        layout,
        facts,
        containment,
        logs,
        sinks,
        state,
        systemd: Systemd::from_environment(),
        sockets: super::sockets::Sockets::default(),
        unavailable: selection.unavailable,
        environment: options.environment,
        accounts,
        chosen: selection.chosen,
        limits: Mutex::default(),
        builds: Builds::new(options.build),
        images: Images::default(),
        helpers: TaskTracker::new(),
        journal: Mutex::new(journal),
        _lock: lock,
    })
}

/// Makes the data directory. As root, services reach their volumes and run directories through ours, so those are open
/// for passing through.
pub fn make_directories(layout: &Layout) -> Result<(), VolumeError> {
    let passage = if account::is_root() { 0o711 } else { 0o700 };
    disk::create_dir_all(layout.data_dir(), passage)?;
    for (dir, mode) in
        [(layout.run(), 0o700), (layout.logs(), 0o700), (layout.services(), passage), (layout.volumes(), passage)]
    {
        disk::create_dir_all(&dir, mode)?;
    }
    Ok(())
}

pub(super) fn take_lock(layout: &Layout) -> Result<Lock, AssembleError> {
    let path = layout.lock();
    Lock::acquire(&path).map_err(|error| match error {
        LockError::Held { holder, .. } => AssembleError::AlreadyRunning { pid: holder },
        source => AssembleError::Lock { path, source },
    })
}

/// Where each volume lies.
pub fn volume_paths(stack: &StackSpec, layout: &Layout) -> BTreeMap<String, PathBuf> {
    let path = |name: &str, own: &Option<PathBuf>| match own {
        Some(path) => stack.dir.join(path),
        None => layout.volumes().join(name),
    };
    stack.volumes.iter().map(|(name, volume)| (name.clone(), path(name, &volume.path))).collect()
}

/// Names trees of this stack apart from those of every other: the data directory, which only one reeve can hold.
pub fn stack_key(layout: &Layout) -> String {
    layout.data_dir().to_string_lossy().into_owned()
}

/// Fixed ports are checked, all of them before anything starts; automatic ones are chosen once and remembered.
fn choose_ports(
    stack: &StackSpec,
    state: &mut State,
    layout: &Layout,
) -> Result<BTreeMap<String, Vec<(String, SocketAddr)>>, AssembleError> {
    let mut chosen = BTreeMap::new();
    let mut taken = Vec::new();
    let mut remembered = state.auto_ports.clone();
    // Held until all are chosen, so that no two get the same.
    let mut held = Vec::new();
    for service in &stack.services {
        let mut own = Vec::new();
        for port in &service.ports {
            let key = format!("{}.{}", service.name, port.name);
            let address = match port.number {
                Some(number) => SocketAddr::new(port.host, number),
                None => {
                    let before = remembered.get(&key).map(|number| SocketAddr::new(port.host, *number));
                    match before.filter(|address| is_free(*address)) {
                        Some(address) => address,
                        None => {
                            let no_port = |source| AssembleError::NoPort { service: service.name.clone(), source };
                            let listener = TcpListener::bind((port.host, 0)).map_err(no_port)?;
                            let address = listener.local_addr().map_err(no_port)?;
                            held.push(listener);
                            address
                        }
                    }
                }
            };
            if port.number.is_none() {
                remembered.insert(key, address.port());
            } else if !is_free(address) {
                taken.push(format!(
                    "port {} ({} of {}) is held by {}",
                    address.port(),
                    port.name,
                    service.name,
                    holder(address)
                ));
            }
            own.push((port.name.clone(), address));
        }
        if !own.is_empty() {
            chosen.insert(service.name.clone(), own);
        }
    }
    if !taken.is_empty() {
        return Err(AssembleError::PortsTaken(taken));
    }
    if remembered != state.auto_ports {
        state.auto_ports = remembered;
        let path = layout.state();
        state.write(&path).map_err(|source| AssembleError::State { path, source })?;
    }
    Ok(chosen)
}

/// An address that cannot be tried is left to the service, which will say more.
pub(super) fn is_free(address: SocketAddr) -> bool {
    ports::is_free(address).unwrap_or(true)
}

/// Who has a port, in words.
pub(super) fn holder(address: SocketAddr) -> String {
    match ports::holder(address.port()) {
        Some(PortHolder { pid: Some(pid), command }) => format!("process {pid} ({command})"),
        _ => "a process of another account".to_owned(),
    }
}

/// Facts of an installed part.
pub(super) fn part_facts(part: &crate::parts::Resolved) -> PartFacts {
    PartFacts { dir: part.dir.clone(), bin: part.bin_dir.clone(), version: part.version.clone() }
}
