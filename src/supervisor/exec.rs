//! Helpers of a service: init and bootstrap steps, hooks and exec probes, each in a process tree of its own.
//!
//! They run as the service's account. Their lease is written like that of a leader, so that what a killed reeve leaves is
//! cleared by the next; whoever drops one kills it.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitStatus as StdStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::assembly::Assembly;
use super::launch;
use super::output::LogSink;
use super::prepare::{Prepared, find_program};
use super::probe::{ExecRunner, Executed};
use crate::bootstrap::{CommandLine, Process, Runner, Work};
use crate::engine::RunId;
use crate::platform::{Child, Credentials, ExitStatus, SpawnPlan, Tree};
use crate::spec::StopScope;

/// Output kept of a helper: the end of it, for `why`.
const OUTPUT_BYTES: usize = 4 << 10;

/// A logged helper is at its end long before; then nobody waits for its pipes any longer.
const LOGGED_BOUND: Duration = Duration::from_secs(24 * 3600);

/// Helpers of all services are numbered, so that two at once never share a tree.
static HELPERS: AtomicU64 = AtomicU64::new(1);

/// Runs helpers of one service.
#[derive(Debug)]
pub struct ServiceRunner {
    assembly: Arc<Assembly>,
    service: String,
    run: RunId,
    /// What the helper is for, part of its tree's name: `init`, `probe`.
    purpose: &'static str,
    credentials: Option<Credentials>,
    /// Where the output goes line by line; unless set, only its end is kept.
    log: Option<LogSink>,
    umask: Option<u32>,
}

impl ServiceRunner {
    pub fn new(
        assembly: Arc<Assembly>,
        service: String,
        run: RunId,
        purpose: &'static str,
        credentials: Option<Credentials>,
    ) -> Self {
        Self { assembly, service, run, purpose, credentials, log: None, umask: None }
    }

    /// The same, with its output in a log and its files made under this mask.
    pub fn logged(self, log: LogSink, umask: u32) -> Self {
        Self { log: Some(log), umask: Some(umask), ..self }
    }

    pub(super) async fn start(&self, line: CommandLine) -> io::Result<Helper> {
        let cwd = line.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
        let program = find_program(&line.program, &line.env, &cwd)
            .map_err(|failure| io::Error::new(io::ErrorKind::NotFound, failure.message))?;
        let number = HELPERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.{}{number}", self.service, self.purpose);
        let (assembly, run, credentials) = (Arc::clone(&self.assembly), self.run, self.credentials.clone());
        let (stdin, umask, is_logged) = (line.stdin.clone(), self.umask, self.log.is_some());
        let (input, given) = match &stdin {
            Some(_) => {
                let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
                nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
                (Some(reader), Some(writer))
            }
            None => (None, None),
        };
        let (runtime, token) = (Handle::current(), assembly.helpers.token());
        let spawned = tokio::task::spawn_blocking(move || {
            let tree = assembly.containment.tree(&name, run.0)?;
            let (reader, writer) = launch::output_pipe()?;
            let (errors, own_errors) = match is_logged {
                true => launch::output_pipe().map(|(reader, writer)| (Some(reader), writer))?,
                false => (None, writer.try_clone()?),
            };
            let mut plan = SpawnPlan::new(program);
            plan.argv = std::iter::once(&line.program).chain(&line.args).map(Into::into).collect();
            let (marker, value) = tree.environment();
            let env = line.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            plan.env = env.chain([(marker, value)]).map(|(name, value)| (name.into(), value.into())).collect();
            plan.cwd = Some(cwd);
            plan.stdin = input;
            plan.stderr = Some(own_errors);
            plan.stdout = Some(writer);
            plan.credentials = credentials;
            plan.umask = umask;
            plan.cgroup = tree.placement();
            match crate::platform::spawn(&plan) {
                Ok(child) => {
                    tree.set_leader(child.pid, child.start_time);
                    assembly.journal_helper(&name, run, &child);
                    let held = Some(Held { assembly, tree, name, run, _token: token });
                    Ok((child, Place { held, runtime }, reader, errors))
                }
                Err(error) => {
                    launch::give_back(&tree);
                    let kind = match error.errno {
                        libc::ENOENT => io::ErrorKind::NotFound,
                        libc::EACCES => io::ErrorKind::PermissionDenied,
                        _ => io::ErrorKind::Other,
                    };
                    Err(io::Error::new(kind, error))
                }
            }
        });
        let (child, place, reader, errors) = spawned.await.map_err(io::Error::other)??;
        let output = Arc::new(Mutex::new(Vec::new()));
        let drain = match (errors, &self.log) {
            (Some(errors), Some(log)) => {
                let attached = log.attach(self.run.0, reader, errors);
                tokio::spawn(async move {
                    let _how = attached.drained(LOGGED_BOUND).await;
                })
            }
            _ => tokio::spawn(keep_end(reader, Arc::clone(&output))),
        };
        if let (Some(writer), Some(bytes)) = (given, stdin) {
            // A helper that does not read its input to the end is no error: its exit code tells.
            drop(tokio::spawn(feed(writer, bytes)));
        }
        Ok(Helper { child, status: None, place, output, drain })
    }
}

/// The tree of a helper, under the name of its lease. Cleared in the end, whatever becomes of who waits for it.
struct Place {
    held: Option<Held>,
    runtime: Handle,
}

struct Held {
    assembly: Arc<Assembly>,
    tree: Tree,
    name: String,
    run: RunId,
    /// The end of the supervisor waits for it.
    _token: TaskTrackerToken,
}

impl Place {
    fn signal(&self, scope: StopScope, signal: i32) -> io::Result<()> {
        match &self.held {
            Some(held) => held.tree.signal(launch::tree_scope(scope), signal).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Kills what is left of the tree and gives it back, in a task of its own that nobody can cut short.
    fn clear(&mut self) -> Option<JoinHandle<()>> {
        self.held.take().map(|held| self.runtime.spawn(held.clear()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _detached = self.clear();
    }
}

impl Held {
    async fn clear(self) {
        if let Err(error) = self.tree.clear().await {
            tracing::warn!(%error, "cannot clear the processes of a helper");
        }
        self.assembly.journal_helper_gone(&self.name, self.run);
        launch::give_back(&self.tree);
    }
}

/// A helper under way. Dropping it kills it.
pub(super) struct Helper {
    child: Child,
    status: Option<ExitStatus>,
    place: Place,
    output: Arc<Mutex<Vec<u8>>>,
    drain: JoinHandle<()>,
}

impl Helper {
    pub(super) async fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let status = self.child.wait().await?;
        self.status = Some(status);
        Ok(status)
    }

    /// Kills what is left of the tree and gives it back.
    pub(super) async fn clear(&mut self) {
        if let Some(clearing) = self.place.clear()
            && let Err(error) = clearing.await
        {
            tracing::error!(%error, "the processes of a helper were not seen to their end");
        }
        if self.status.is_none() {
            // Killed just now; a status that cannot be had has been logged by nobody yet.
            if let Err(error) = self.end().await {
                tracing::warn!(pid = self.child.pid, %error, "cannot learn how a helper ended");
            }
        }
        // Whatever it wrote last is in the pipe; nobody writes to it any more.
        if tokio::time::timeout(Duration::from_millis(500), &mut self.drain).await.is_err() {
            self.drain.abort();
        }
    }

    fn said(&self) -> Vec<u8> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.drain.abort();
    }
}

impl Runner for ServiceRunner {
    fn spawn(&self, line: CommandLine) -> Work<'_, io::Result<Box<dyn Process>>> {
        Box::pin(async move { Ok(Box::new(self.start(line).await?) as Box<dyn Process>) })
    }
}

impl Process for Helper {
    fn wait(&mut self) -> Work<'_, io::Result<StdStatus>> {
        Box::pin(async move {
            Ok(StdStatus::from_raw(match self.end().await? {
                ExitStatus::Code(code) => (code & 0xff) << 8,
                ExitStatus::Signal { signal, core } => signal | if core { 0x80 } else { 0 },
            }))
        })
    }

    fn signal(&mut self, signal: i32, scope: StopScope) -> io::Result<()> {
        self.place.signal(scope, signal)
    }

    fn kill(&mut self) -> Work<'_, ()> {
        Box::pin(self.clear())
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.said()).into_owned()
    }
}

/// Runs the exec probe of one run, with what was prepared for it.
#[derive(Debug)]
pub struct ProbeRunner {
    runner: ServiceRunner,
    prepared: Arc<Prepared>,
}

impl ProbeRunner {
    pub fn new(assembly: Arc<Assembly>, service: String, run: RunId, prepared: Arc<Prepared>) -> Self {
        let runner = ServiceRunner::new(assembly, service, run, "probe", prepared.credentials.clone());
        Self { runner, prepared }
    }

    /// The runner for steps and hooks of the same run.
    pub fn line(&self, command: &[String]) -> CommandLine {
        CommandLine {
            program: command.first().cloned().unwrap_or_default(),
            args: command.iter().skip(1).cloned().collect(),
            env: self.prepared.env.clone(),
            cwd: Some(self.prepared.cwd.clone()),
            stdin: None,
        }
    }
}

impl ExecRunner for ProbeRunner {
    fn run<'a>(
        &'a self,
        command: &'a [String],
        timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Executed, String>> + Send + 'a>> {
        Box::pin(async move {
            let mut helper = self.runner.start(self.line(command)).await.map_err(|error| error.to_string())?;
            let exit = match tokio::time::timeout(timeout, helper.end()).await {
                Ok(Ok(status)) => Some(launch::exit(status)),
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => None,
            };
            helper.clear().await;
            Ok(Executed { exit, output: helper.said() })
        })
    }
}

/// Reads to the end and keeps the last few KiB.
async fn keep_end(pipe: OwnedFd, end: Arc<Mutex<Vec<u8>>>) {
    let Ok(mut pipe) = Receiver::from_owned_fd(pipe) else { return };
    let mut buffer = [0; OUTPUT_BYTES];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
                end.extend_from_slice(&buffer[..count]);
                let excess = end.len().saturating_sub(OUTPUT_BYTES);
                end.drain(..excess);
            }
        }
    }
}

async fn feed(pipe: OwnedFd, bytes: Vec<u8>) {
    let Ok(mut pipe) = Sender::from_owned_fd(pipe) else { return };
    if let Err(error) = pipe.write_all(&bytes).await {
        tracing::debug!(%error, "a helper did not read its input to the end");
    }
}
