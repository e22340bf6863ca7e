//! One script's process and everything that it starts: held together, watched, cleared away.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::output::{Budget, Frame, FrameError, frame, lines};
use super::{Limits, Report, RunError};
use crate::platform::{self, Child, Credentials, ExitStatus, Rlimit, SpawnPlan, Tree};

/// After the result, so long for what the script did not wait for itself, such as a message on its way.
const LINGER: Duration = Duration::from_secs(10);

/// For killed processes to be gone.
pub const CLEARING: Duration = Duration::from_secs(5);

/// For a frame that was written just before the end to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where the result goes.
const RESULT: i32 = 3;

/// Scripts are the first to go when memory runs out.
const OOM_SCORE: i32 = 500;

/// How to start it.
#[derive(Debug, Clone)]
pub struct Command {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub environment: Vec<(OsString, OsString)>,
    pub directory: PathBuf,
    pub credentials: Option<Credentials>,
}

/// A started process and our ends of its pipes.
#[derive(Debug)]
pub struct Process {
    child: Child,
    tree: Arc<Tree>,
    input: pipe::Sender,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    result: pipe::Receiver,
}

#[derive(Debug)]
struct Pipes {
    input: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    result: OwnedFd,
}

/// Starts it on a thread of its own; the tree is given back when that fails.
pub async fn start(command: Command, tree: io::Result<Tree>, limits: Limits) -> Result<Process, RunError> {
    let told = |error: &dyn std::fmt::Display| RunError::Start(error.to_string());
    let tree = Arc::new(tree.map_err(|error| told(&error))?);
    let held = Arc::clone(&tree);
    let spawned = tokio::task::spawn_blocking(move || spawn(&command, &held, limits)).await;
    let spawned = spawned.map_err(|error| told(&error)).and_then(|spawned| spawned);
    let process = spawned.and_then(|(child, pipes)| {
        let receiver = |fd| pipe::Receiver::from_owned_fd(fd).map_err(|error| told(&error));
        Ok(Process {
            input: pipe::Sender::from_owned_fd(pipes.input).map_err(|error| told(&error))?,
            stdout: receiver(pipes.stdout)?,
            stderr: receiver(pipes.stderr)?,
            result: receiver(pipes.result)?,
            child,
            tree: Arc::clone(&tree),
        })
    });
    if process.is_err() {
        clear(&tree).await;
    }
    process
}

fn spawn(command: &Command, tree: &Tree, limits: Limits) -> Result<(Child, Pipes), RunError> {
    let told = |error: &dyn std::fmt::Display| RunError::Start(error.to_string());
    let pipe = || io::pipe().map(|(reader, writer)| (OwnedFd::from(reader), OwnedFd::from(writer)));
    let (stdin, input) = pipe().map_err(|error| told(&error))?;
    let (stdout, stdout_child) = pipe().map_err(|error| told(&error))?;
    let (stderr, stderr_child) = pipe().map_err(|error| told(&error))?;
    let (result, result_child) = pipe().map_err(|error| told(&error))?;
    let mut plan = SpawnPlan::new(&command.program).args(command.args.iter().cloned());
    plan.env.clone_from(&command.environment);
    let (marker, value) = tree.environment();
    plan.env.push((marker.into(), value.into()));
    plan.cwd = Some(command.directory.clone());
    plan.stdin = Some(stdin);
    plan.stdout = Some(stdout_child);
    plan.stderr = Some(stderr_child);
    plan.fds = vec![(result_child, RESULT)];
    plan.credentials.clone_from(&command.credentials);
    plan.no_new_privileges = true;
    plan.oom_score_adj = Some(OOM_SCORE);
    // Memory that is only set aside, of which Node takes much, does not count; what can be written does.
    let data = Rlimit { resource: libc::RLIMIT_DATA, soft: limits.memory, hard: limits.memory };
    let core = Rlimit { resource: libc::RLIMIT_CORE, soft: 0, hard: 0 };
    plan.rlimits = vec![data, core];
    plan.cgroup = tree.placement();
    plan.join = tree.joins().map_err(|error| told(&error))?;
    let child = platform::spawn(&plan).map_err(|error| told(&error))?;
    tree.set_leader(child.pid, child.start_time);
    Ok((child, Pipes { input, stdout, stderr, result }))
}

/// Why the watch over a run ends.
enum Verdict {
    Framed(Result<Frame, FrameError>),
    Exited(io::Result<ExitStatus>),
    Over(RunError),
    /// Nobody wants the answer any more.
    Unwanted,
}

impl Process {
    /// Gives it its input, hears what it says, and sees it to its end, whatever that is.
    pub async fn attend(
        self,
        input: Vec<u8>,
        label: &str,
        limits: Limits,
        report: Report,
        mut stop: watch::Receiver<bool>,
    ) {
        let Self { mut child, tree, input: mut to, stdout, stderr, mut result } = self;
        let Report { mut answer, _ended, _place } = report;
        let deadline = Instant::now() + limits.time;
        let budget = Budget::new(limits.output);
        let streams = async {
            let written = async {
                // A script that ends before it was read through has its own reasons.
                let _ = to.write_all(&input).await;
                drop(to);
            };
            let out = lines(stdout, &budget, |line| tracing::info!(task = label, stream = "stdout", "{line}"));
            let err = lines(stderr, &budget, |line| tracing::warn!(task = label, stream = "stderr", "{line}"));
            tokio::join!(written, out, err);
        };
        let watched = async {
            let verdict = {
                let mut framed = std::pin::pin!(frame(&mut result, limits.result));
                let verdict = tokio::select! {
                    biased;
                    framed = &mut framed => Verdict::Framed(framed),
                    () = answer.closed() => Verdict::Unwanted,
                    over = over(deadline, limits, &budget, &mut stop) => Verdict::Over(over),
                    status = child.wait() => Verdict::Exited(status),
                };
                // The frame may still be in the pipe, and a process of the script may hold the pipe open.
                match verdict {
                    Verdict::Exited(status) => match tokio::time::timeout(LAST_WORDS, framed).await {
                        Ok(Ok(frame)) => Verdict::Framed(Ok(frame)),
                        _ => Verdict::Exited(status),
                    },
                    other => other,
                }
            };
            let settled = match verdict {
                Verdict::Framed(Ok(Frame::Result(text))) => Some(Ok(text)),
                Verdict::Framed(Ok(Frame::Failure(text))) => Some(Err(RunError::Script(text))),
                Verdict::Framed(Err(FrameError::TooLarge)) => Some(Err(RunError::Result(limits.result))),
                Verdict::Framed(Err(FrameError::Broken | FrameError::Io(_))) => {
                    // The pipe was closed: the end is here, or the script spoiled its own result.
                    let ended = tokio::time::timeout(LAST_WORDS, child.wait()).await.map(ended);
                    let spoiled = || RunError::Ended("what it wrote to descriptor 3 is no result".to_owned());
                    Some(Err(ended.unwrap_or_else(|_| spoiled())))
                }
                Verdict::Exited(status) => Some(Err(ended(status))),
                Verdict::Over(over) => Some(Err(over)),
                Verdict::Unwanted => None,
            };
            let may_linger = matches!(settled, Some(Ok(_)));
            if let Some(settled) = settled {
                // Whoever asked may be gone.
                let _ = answer.send(settled);
            }
            if may_linger {
                tokio::select! {
                    _ = child.wait() => {}
                    _ = over(deadline.min(Instant::now() + LINGER), limits, &budget, &mut stop) => {
                        tracing::info!(task = label, "ended what a script left unfinished");
                    }
                }
            }
        };
        let cleared = Notify::new();
        let attended = async {
            watched.await;
            clear(&tree).await;
            cleared.notify_one();
        };
        let heard = async {
            // Nobody holds the other ends any more when all is cleared; what is in the pipes is soon read.
            let silence = async {
                cleared.notified().await;
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                () = streams => {}
                () = silence => {}
            }
        };
        tokio::join!(attended, heard);
        // Its end may have been seen above already; then there is nothing left to wait for.
        let _ = tokio::time::timeout(CLEARING, child.wait()).await;
    }
}

/// Until one of the limits is reached or the director stops.
async fn over(deadline: Instant, limits: Limits, budget: &Budget, stop: &mut watch::Receiver<bool>) -> RunError {
    tokio::select! {
        () = tokio::time::sleep_until(deadline) => RunError::Time(limits.time),
        () = budget.spent() => RunError::Output(limits.output),
        _ = stop.wait_for(|stop| *stop) => RunError::Stopping,
    }
}

fn ended(status: io::Result<ExitStatus>) -> RunError {
    RunError::Ended(match status {
        Ok(ExitStatus::Code(code)) => format!("exit code {code}"),
        Ok(ExitStatus::Signal { signal: libc::SIGABRT, .. }) => "aborted, perhaps for want of memory".to_owned(),
        Ok(ExitStatus::Signal { signal: libc::SIGKILL, .. }) => "killed, perhaps for want of memory".to_owned(),
        Ok(ExitStatus::Signal { signal, .. }) => format!("signal {signal}"),
        Err(error) => error.to_string(),
    })
}

/// Kills all that is left of a run and waits until it is gone.
async fn clear(tree: &Arc<Tree>) {
    let held = Arc::clone(tree);
    // A look at every process of the machine, where there are no cgroups.
    let killed = tokio::task::spawn_blocking(move || held.kill()).await;
    if let Ok(Err(error)) = killed {
        tracing::warn!(%error, "cannot end the processes of a script");
    }
    match tokio::time::timeout(CLEARING, tree.wait_empty()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "cannot tell whether the processes of a script have ended"),
        Err(_) => {
            for survivor in tree.survivors() {
                tracing::error!(%survivor, "a process of a script cannot be ended");
            }
            return;
        }
    }
    if let Err(error) = tree.remove() {
        tracing::warn!(%error, "cannot give back the group of a script");
    }
}
