//! Everything that must be there before a service is spawned: its volumes, files, ports, and its command filled in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::assemble::{holder, is_free};
use super::assembly::Assembly;
use super::build::{Builder, Logged};
use super::environment::{environment, wants_notify};
use super::exec::ServiceRunner;
use super::facts::ServiceFacts;
use super::probe::Rendered;
use super::probes;
use super::run::Message;
use crate::bootstrap;
use crate::engine::{Failure, FailureKind, RunId};
use crate::platform::notify::NotifySocket;
use crate::platform::{Credentials, Rlimit};
use crate::spec::{Facts, ProbeAction, RenderError, ServiceId, ServiceSpec, Template};
use crate::volumes::{self, Owner, PreparedVolume, Retry, StepRecord, Unrecorded, Volume, VolumeRequest};

/// A service that can be spawned, and what it needs while it runs. Dropped with the run: its volumes' locks go with it.
#[derive(Debug)]
pub struct Prepared {
    pub program: PathBuf,
    pub argv: Vec<OsString>,
    pub env: BTreeMap<String, String>,
    pub cwd: PathBuf,
    pub run_dir: PathBuf,
    pub credentials: Option<Credentials>,
    pub owner: Option<Owner>,
    pub rlimits: Vec<Rlimit>,
    pub readiness: Option<Rendered>,
    pub liveness: Option<Rendered>,
    pub log_pattern: Option<regex::bytes::Regex>,
    /// Where done steps are recorded: the first volume, or nowhere.
    pub record: Arc<dyn StepRecord>,
    /// Held for their locks.
    _volumes: Vec<Arc<Volume>>,
    notify: Mutex<Option<NotifySocket>>,
}

impl Prepared {
    /// The environment as it is handed to the kernel.
    pub fn environment(&self, marker: (&str, &str)) -> Vec<(OsString, OsString)> {
        let own = std::iter::once((marker.0.into(), marker.1.into()));
        self.env.iter().map(|(name, value)| (name.into(), value.into())).chain(own).collect()
    }

    pub fn take_notify(&self) -> Option<NotifySocket> {
        self.notify.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The same without the disk, for a service that needs none: at once, on the loop. `None`: it takes [`prepare`].
pub fn at_once(assembly: &Assembly, service: ServiceId) -> Option<Result<Prepared, Failure>> {
    let spec = assembly.stack.service(service);
    if assembly.unavailable(service).is_some() {
        return Some(Err(assembly.unavailable(service)?.clone()));
    }
    let disk = !spec.volumes.is_empty() || !spec.files.is_empty() || !spec.builds.is_empty() || needs_run_dir(spec);
    (!disk).then(|| {
        check_ports(assembly, spec)?;
        let (env, credentials) = surroundings(assembly, spec)?;
        finish(assembly, spec, env, credentials, Vec::new(), None)
    })
}

/// Makes what is missing. `cancelled` firing ends it early, with nothing half made.
pub async fn prepare(
    assembly: &Arc<Assembly>,
    service: ServiceId,
    run: RunId,
    outbox: mpsc::Sender<Message>,
    mut cancelled: oneshot::Receiver<()>,
) -> Result<Prepared, Failure> {
    let spec = assembly.stack.service(service);
    check_ports(assembly, spec)?;
    let workshop = Logged { assembly: Arc::clone(assembly), service, run, outbox };
    tokio::select! {
        built = build(assembly, spec, &workshop) => built?,
        _ = &mut cancelled => {
            assembly.builds.tell(service, None);
            return Err(transient("the build was called off"));
        }
    }
    let (env, credentials) = surroundings(assembly, spec)?;
    let owner = credentials.as_ref().map(|account| Owner { uid: account.uid, gid: account.gid });
    make_run_dir(assembly, spec, owner)?;

    let mut held = Vec::new();
    for (role, name) in &spec.volumes {
        let request = volume_request(assembly, spec, name, owner)?;
        let prepared = blocking(move || volumes::prepare(&request)).await?.map_err(|error| volume_failure(&error))?;
        let volume = match prepared {
            PreparedVolume::Ready(volume) => volume,
            PreparedVolume::Fresh(fresh) => {
                if let Some(init) = spec.init.as_ref().filter(|init| init.volume == *role) {
                    let work = initialise(assembly, spec, run, init, &fresh, &env, credentials.as_ref());
                    tokio::select! {
                        result = work => result?,
                        _ = &mut cancelled => return Err(transient("the preparation was called off")),
                    }
                }
                blocking(move || fresh.commit()).await?.map_err(|error| volume_failure(&error))?
            }
        };
        held.push(Arc::new(volume));
    }

    let (files, assembly_) = (spec.files.clone(), Arc::clone(assembly));
    blocking(move || {
        let spec = assembly_.stack.service(service);
        let run_dir = assembly_.layout.service(&spec.name);
        let facts = ServiceFacts { stack: &assembly_.facts, service: spec, run_dir: &run_dir };
        volumes::write_files(&files, &facts, owner)
    })
    .await?
    .map_err(|error| Failure {
        kind: kind(error.retry()),
        message: crate::telemetry::chain(&error),
        hint: None,
    })?;

    let notify = match wants_notify(spec) {
        true => Some(bind_notify(assembly, spec, owner)?),
        false => None,
    };
    finish(assembly, spec, env, credentials, held, notify)
}

/// What the service is built from may have changed since its last start.
async fn build(assembly: &Assembly, spec: &ServiceSpec, workshop: &Logged) -> Result<(), Failure> {
    let Some(force) = assembly.builds.force(spec.id).filter(|_| !spec.builds.is_empty()) else { return Ok(()) };
    let run_dir = assembly.layout.service(&spec.name);
    let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &run_dir };
    let builder = Builder { facts, environment: &assembly.environment, force, workshop };
    let built = builder.build().await;
    assembly.builds.tell(spec.id, None);
    assembly.builds.is_built(spec.id);
    built.map(drop)
}

async fn initialise(
    assembly: &Arc<Assembly>,
    spec: &ServiceSpec,
    run: RunId,
    init: &crate::spec::InitSpec,
    fresh: &volumes::FreshVolume,
    env: &BTreeMap<String, String>,
    credentials: Option<&Credentials>,
) -> Result<(), Failure> {
    let run_dir = assembly.layout.service(&spec.name);
    let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &run_dir };
    let runner = ServiceRunner::new(Arc::clone(assembly), spec.name.clone(), run, "init", credentials.cloned());
    let redact = |text: &str| assembly.facts.secrets.redact(text);
    let context = bootstrap::Context {
        service: &spec.name,
        facts: &facts,
        env,
        cwd: fresh.dir(),
        owner: credentials.map(|account| Owner { uid: account.uid, gid: account.gid }),
        runner: &runner,
        redact: &redact,
    };
    bootstrap::run_init(&context, init, fresh).await.map_err(|error| Failure {
        kind: kind(error.retry()),
        message: crate::telemetry::chain(&error),
        hint: error.hint(),
    })
}

/// The environment and the account of a service.
fn surroundings(
    assembly: &Assembly,
    spec: &ServiceSpec,
) -> Result<(BTreeMap<String, String>, Option<Credentials>), Failure> {
    let run_dir = assembly.layout.service(&spec.name);
    let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &run_dir };
    let account = assembly.account(spec).map_err(|message| Failure {
        kind: FailureKind::Lasting,
        message,
        hint: Some("create the account, or name another one with `user`".to_owned()),
    })?;
    let env = environment(&facts, &assembly.environment, account).map_err(|error| unrenderable(&error))?;
    Ok((env, account.map(|account| account.credentials.clone())))
}

fn finish(
    assembly: &Assembly,
    spec: &ServiceSpec,
    env: BTreeMap<String, String>,
    credentials: Option<Credentials>,
    volumes: Vec<Arc<Volume>>,
    notify: Option<NotifySocket>,
) -> Result<Prepared, Failure> {
    let run_dir = assembly.layout.service(&spec.name);
    let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &run_dir };
    let cwd = match &spec.cwd {
        Some(cwd) => assembly.stack.dir.join(render(cwd, &facts)?),
        None => assembly.default_cwd(spec, credentials.as_ref()),
    };
    let argv = render_all(&spec.command, &facts)?;
    let program = find_program(argv.first().map_or("", String::as_str), &env, &cwd)?;
    let owner = credentials.as_ref().map(|account| Owner { uid: account.uid, gid: account.gid });
    let record: Arc<dyn StepRecord> = match volumes.first() {
        Some(volume) => volume.clone(),
        None => Arc::new(Unrecorded),
    };
    Ok(Prepared {
        program,
        argv: argv.into_iter().map(OsString::from).collect(),
        readiness: probes::render_action(&spec.readiness.action, &facts)?,
        liveness: match &spec.liveness {
            Some(liveness) => probes::render_action(&liveness.action, &facts)?,
            None => None,
        },
        log_pattern: match &spec.readiness.action {
            ProbeAction::Log { pattern } => Some(regex::bytes::Regex::new(pattern).map_err(|error| Failure {
                kind: FailureKind::Permanent,
                message: format!("the log pattern of {} is not a regular expression: {error}", spec.name),
                hint: None,
            })?),
            _ => None,
        },
        rlimits: super::limits::rlimits(&spec.limits),
        env,
        cwd,
        run_dir,
        credentials,
        owner,
        record,
        _volumes: volumes,
        notify: Mutex::new(notify),
    })
}

/// A program without a slash is looked for in the service's own `PATH`; a relative one starts at its directory.
pub fn find_program(program: &str, env: &BTreeMap<String, String>, cwd: &Path) -> Result<PathBuf, Failure> {
    if program.contains('/') {
        return Ok(cwd.join(program));
    }
    let path = env.get("PATH").map_or("", String::as_str);
    for dir in path.split(':').filter(|dir| !dir.is_empty()) {
        let candidate = cwd.join(dir).join(program);
        if nix::unistd::access(&candidate, nix::unistd::AccessFlags::X_OK).is_ok() && candidate.is_file() {
            return Ok(candidate);
        }
    }
    Err(Failure {
        kind: FailureKind::Lasting,
        message: format!("cannot run {program}: not found in PATH ({path})"),
        hint: Some("install it, or give its full path in `command`".to_owned()),
    })
}

fn volume_request(
    assembly: &Assembly,
    spec: &ServiceSpec,
    name: &str,
    owner: Option<Owner>,
) -> Result<VolumeRequest, Failure> {
    let path = assembly.facts.volumes.get(name).cloned().ok_or_else(|| transient(&format!("no volume {name}")))?;
    let part = assembly.part_version(spec);
    let data_format = match &spec.data_format {
        Some(format) => {
            let run_dir = assembly.layout.service(&spec.name);
            let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &run_dir };
            volumes::data_format(format, |part| facts.fact(&format!("part.{part}.version")))
        }
        None => None,
    };
    Ok(VolumeRequest {
        stack: assembly.stack.name.clone(),
        volume: name.to_owned(),
        service: spec.name.clone(),
        preset: spec.preset.clone(),
        data_format,
        part,
        path,
        mode: assembly.stack.volumes.get(name).map_or(0o700, |volume| volume.mode),
        owner,
    })
}

/// The port may have been taken since the last run; its own dying instance has gone by now. Those that we listen on
/// ourselves are taken here, once.
fn check_ports(assembly: &Assembly, spec: &ServiceSpec) -> Result<(), Failure> {
    let is_socket = |name: &str| spec.ports.iter().any(|port| port.socket && port.name == name);
    let mut sockets = Vec::new();
    for (name, address) in assembly.facts.ports.get(&spec.name).into_iter().flatten() {
        if is_socket(name) {
            sockets.push((name.as_str(), *address));
        } else if !is_free(*address) {
            return Err(port_taken(spec, name, *address));
        }
    }
    assembly.sockets.open(spec.id, &sockets).map_err(|(name, address, error)| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            return port_taken(spec, name, address);
        }
        Failure {
            kind: FailureKind::Lasting,
            message: format!("cannot listen on {address} ({name} of {}): {error}", spec.name),
            hint: Some(format!("give {} another `host` or `port`", spec.name)),
        }
    })
}

fn port_taken(spec: &ServiceSpec, name: &str, address: std::net::SocketAddr) -> Failure {
    let holder = holder(address);
    Failure {
        kind: FailureKind::Transient,
        message: format!("port {} ({name} of {}) is held by {holder}", address.port(), spec.name),
        hint: Some(format!("end it, or move {} with `ports` or `--port-offset`", spec.name)),
    }
}

fn needs_run_dir(spec: &ServiceSpec) -> bool {
    let uses = |template: &Template| template.facts().any(|fact| fact == "self.run_dir");
    wants_notify(spec) || spec.preset.is_some() || spec.command.iter().chain(spec.env.values()).any(uses)
}

fn make_run_dir(assembly: &Assembly, spec: &ServiceSpec, owner: Option<Owner>) -> Result<(), Failure> {
    let dir = assembly.layout.service(&spec.name);
    volumes::disk::create_dir_all(&dir, 0o700)
        .and_then(|()| volumes::disk::give(&dir, owner))
        .map_err(|error| volume_failure(&error))
}

fn bind_notify(assembly: &Assembly, spec: &ServiceSpec, owner: Option<Owner>) -> Result<NotifySocket, Failure> {
    let path = assembly.layout.service(&spec.name).join("notify");
    NotifySocket::bind(&path, owner.map(|owner| (owner.uid, owner.gid))).map_err(|error| Failure {
        kind: FailureKind::Lasting,
        message: format!("cannot make the notify socket {}: {error}", path.display()),
        hint: Some("a shorter --data-dir helps when the path is too long".to_owned()),
    })
}

pub(super) fn render(template: &Template, facts: &dyn Facts) -> Result<String, Failure> {
    template.render(facts).map_err(|error| unrenderable(&error))
}

pub(super) fn render_all(templates: &[Template], facts: &dyn Facts) -> Result<Vec<String>, Failure> {
    templates.iter().map(|template| render(template, facts)).collect()
}

fn unrenderable(error: &RenderError) -> Failure {
    let hint = error.name.strip_prefix("part.").and_then(|rest| rest.split('.').next());
    Failure {
        kind: FailureKind::Permanent,
        message: error.to_string(),
        hint: hint.map(|part| format!("`reeve install` brings the part {part}; `reeve doctor` tells what is missing")),
    }
}

pub(super) fn volume_failure(error: &volumes::VolumeError) -> Failure {
    Failure { kind: kind(error.retry()), message: crate::telemetry::chain(error), hint: error.hint() }
}

pub(super) fn kind(retry: Retry) -> FailureKind {
    match retry {
        Retry::Transient => FailureKind::Transient,
        Retry::Lasting => FailureKind::Lasting,
        Retry::Permanent => FailureKind::Permanent,
    }
}

pub(super) fn transient(message: &str) -> Failure {
    Failure { kind: FailureKind::Transient, message: message.to_owned(), hint: None }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| transient(&format!("the preparation was interrupted: {error}")))
}
