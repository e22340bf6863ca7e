//! From a prepared service to a running leader: its tree, its pipes, its process.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::sync::mpsc;

use super::assembly::Assembly;
use super::prepare::Prepared;
use super::run::Message;
use crate::engine::{Exit, Failure, FailureKind, RunId};
use crate::platform::descriptors::set_aside;
use crate::platform::{Child, ExitStatus, Scope, SpawnError, SpawnPlan, Stage, Tree};
use crate::spec::{ServiceId, ServiceSpec, StopScope};

/// A leader that runs its program.
#[derive(Debug)]
pub struct Launched {
    pub child: Child,
    pub tree: Tree,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// Starts the leader on the blocking pool, at once: a clone waits until the program's file has been read, and while the
/// loop still prepares one service, the one before it is being started. The answer goes to the loop.
pub fn launch(
    assembly: Arc<Assembly>,
    service: ServiceId,
    run: RunId,
    prepared: Arc<Prepared>,
    outbox: mpsc::Sender<Message>,
) {
    // Not awaited: the work itself answers, also when it panics.
    drop(tokio::task::spawn_blocking(move || {
        let work = || launch_now(&assembly, assembly.stack.service(service), run, &prepared);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(transient("the start was interrupted by a fault of reeve's own".to_owned(), None)));
        // Fails only when the loop has ended, and the tree with its leader goes with the message.
        let _ = outbox.blocking_send(Message::Launched { service, run, result: result.map(Box::new) });
    }));
}

fn launch_now(assembly: &Assembly, spec: &ServiceSpec, run: RunId, prepared: &Prepared) -> Result<Launched, Failure> {
    let tree = assembly
        .containment
        .tree(&spec.name, run.0)
        .map_err(|error| transient(format!("cannot make the process group of {}: {error}", spec.name), None))?;
    assembly.apply_limits(spec, &tree);
    match start(assembly, spec, prepared, &tree) {
        Ok((child, stdout, stderr)) => Ok(Launched { child, tree, stdout, stderr }),
        Err(failure) => {
            give_back(&tree);
            Err(failure)
        }
    }
}

fn start(
    assembly: &Assembly,
    spec: &ServiceSpec,
    prepared: &Prepared,
    tree: &Tree,
) -> Result<(Child, OwnedFd, OwnedFd), Failure> {
    let no_pipe = |error: io::Error| transient(format!("cannot make the output pipes of {}: {error}", spec.name), None);
    let (stdout, stdout_child) = output_pipe().map_err(no_pipe)?;
    let (stderr, stderr_child) = output_pipe().map_err(no_pipe)?;
    let mut plan = SpawnPlan::new(&prepared.program);
    plan.argv = prepared.argv.clone();
    plan.env = prepared.environment(tree.environment());
    plan.cwd = Some(prepared.cwd.clone());
    plan.stdout = Some(stdout_child);
    plan.stderr = Some(stderr_child);
    plan.sockets = assembly.sockets.of(spec.id);
    if plan.sockets.is_empty() && spec.ports.iter().any(|port| port.socket) {
        // Asked off between its preparation and now.
        return Err(transient(format!("{} is not wanted any more", spec.name), None));
    }
    plan.credentials = prepared.credentials.clone();
    plan.umask = Some(spec.umask);
    plan.rlimits = prepared.rlimits.clone();
    plan.nice = spec.limits.nice.map(i32::from);
    plan.oom_score_adj = spec.limits.oom_score_adj.map(i32::from);
    plan.cgroup = tree.placement();
    plan.join = tree
        .joins()
        .map_err(|error| transient(format!("cannot open the places that limit {}: {error}", spec.name), None))?;
    // Before, so that one which is replaced at this very moment counts as replaced.
    assembly.images.note(spec.id, &prepared.program);
    let child = crate::platform::spawn(&plan).map_err(|error| failure(&error))?;
    tree.set_leader(child.pid, child.start_time);
    Ok((child, stdout, stderr))
}

/// To whom a stop signal goes. `group` means everybody of the service, whatever group they made for themselves.
pub(super) fn tree_scope(scope: StopScope) -> Scope {
    match scope {
        StopScope::Leader => Scope::Leader,
        StopScope::Group => Scope::Tree,
    }
}

/// The place of a tree that nothing is left of.
pub(super) fn give_back(tree: &Tree) {
    if let Err(error) = tree.remove() {
        tracing::warn!(%error, "cannot give back a cgroup");
    }
}

/// A pipe whose read end never blocks us and whose ends nobody inherits by accident.
pub(super) fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let reader = set_aside(reader);
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, writer))
}

/// Waits for the leader's end.
pub async fn wait(mut child: Child) -> Exit {
    match child.wait().await {
        Ok(status) => exit(status),
        Err(error) => {
            // Somebody else took its status; that it has ended is all that can be known.
            tracing::error!(pid = child.pid, %error, "cannot learn how a process ended");
            Exit::Code(-1)
        }
    }
}

pub(super) fn exit(status: ExitStatus) -> Exit {
    match status {
        ExitStatus::Code(code) => Exit::Code(code),
        ExitStatus::Signal { signal, core } => Exit::Signal { signal, core_dumped: core },
    }
}

/// Why it was not started, and whether trying again soon makes sense (semantics cases 15 and 16).
pub(super) fn failure(error: &SpawnError) -> Failure {
    let kind = if error.is_transient() { FailureKind::Transient } else { FailureKind::Lasting };
    let hint = match error.stage {
        Stage::Exec if error.errno == libc::ENOENT => Some("check `command` in services.toml, or install the program"),
        Stage::Exec if error.errno == libc::EACCES => {
            Some("the file must be executable, and every directory above it open, for the service's account")
        }
        Stage::Directory => Some("`cwd` must exist and be open for the service's account"),
        _ => None,
    };
    Failure { kind, message: error.to_string(), hint: hint.map(str::to_owned) }
}

fn transient(message: String, hint: Option<&str>) -> Failure {
    Failure { kind: FailureKind::Transient, message, hint: hint.map(str::to_owned) }
}
