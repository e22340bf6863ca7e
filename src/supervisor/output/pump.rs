//! The two pipes of one run: read until both are at their end, or until nobody wants to wait any longer.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{oneshot, watch};

use super::hub::{ServiceLog, Turn};
use super::line::Stream;
use super::split::Splitter;

/// What the kernel gives a pipe unasked.
const PIPE_BYTES: usize = 64 << 10;
/// What a pipe gets that was once found full. Not sooner: the kernel bounds the sum per user.
const LARGE_PIPE_BYTES: i32 = 1 << 20;
/// After the bound has passed, so many turns take what is in the pipe; a straggler that goes on writing gets no more.
const LAST_TURNS: usize = 16;
/// How long to wait for the log thread itself, which may be in the middle of a write to a slow disk.
const THREAD_PATIENCE: Duration = Duration::from_secs(2);

/// The output of one run. Dropped, it goes on being read to its end.
#[derive(Debug)]
pub struct Attached {
    run: u64,
    cancel: watch::Sender<bool>,
    done: oneshot::Receiver<()>,
}

/// How the pipes of a run were closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Both were at their end.
    End,
    /// Somebody still held one; it was closed under their hands.
    Held,
}

impl Attached {
    pub(super) fn new(run: u64, cancel: watch::Sender<bool>, done: oneshot::Receiver<()>) -> Self {
        Self { run, cancel, done }
    }

    pub fn run(&self) -> u64 {
        self.run
    }

    /// Waits until both pipes are at their end and everything is written, at most `max`; then they are closed, after
    /// what is in them has been taken. Nobody who holds on to a pipe can make this hang.
    pub async fn drained(mut self, max: Duration) -> Drained {
        // An error of `done` means that the thread has ended: nothing is held any more.
        if tokio::time::timeout(max, &mut self.done).await.is_ok() {
            return Drained::End;
        }
        // No receiver: it has just come to its end.
        let _ = self.cancel.send(true);
        if tokio::time::timeout(THREAD_PATIENCE, &mut self.done).await.is_err() {
            tracing::warn!(run = self.run, "the log thread is busy, the last lines of a run follow late");
        }
        Drained::Held
    }
}

/// Reads both pipes of a run.
pub(super) async fn run(
    log: Arc<ServiceLog>,
    pipes: [OwnedFd; 2],
    cancel: watch::Receiver<bool>,
    done: oneshot::Sender<()>,
) {
    let [stdout, stderr] = pipes;
    tokio::join!(
        pump(&log, stdout, Stream::Stdout, cancel.clone()),
        pump(&log, stderr, Stream::Stderr, cancel.clone()),
    );
    // Nobody may be waiting.
    let _ = done.send(());
}

async fn pump(log: &ServiceLog, pipe: OwnedFd, stream: Stream, cancel: watch::Receiver<bool>) {
    let mut splitter = Splitter::default();
    if let Err(error) = read_all(log, pipe, stream, cancel, &mut splitter).await {
        tracing::error!(service = log.name(), stream = stream.name(), %error, "cannot read the output of a service");
    }
    log.end(stream, &mut splitter);
}

async fn read_all(
    log: &ServiceLog,
    pipe: OwnedFd,
    stream: Stream,
    mut cancel: watch::Receiver<bool>,
    splitter: &mut Splitter,
) -> io::Result<()> {
    let mut pipe = Receiver::from_owned_fd(pipe)?;
    let mut capacity = PIPE_BYTES;
    let mut grown = false;
    loop {
        let turn = tokio::select! {
            biased;
            () = cancelled(&mut cancel) => return take_rest(log, &pipe, stream, splitter),
            turn = poll_fn(|context| turn(log, &mut pipe, context, stream, capacity, splitter)) => turn?,
        };
        let Turn::Read { bytes, full } = turn else { return Ok(()) };
        if bytes >= capacity && !grown {
            grown = true;
            capacity = enlarge(&pipe);
        }
        if full {
            // Others get their turn.
            tokio::task::yield_now().await;
        }
    }
}

/// One read, when there is something to read. The buffer is borrowed for this one call only: pipes share it.
fn turn(
    log: &ServiceLog,
    pipe: &mut Receiver,
    context: &mut Context<'_>,
    stream: Stream,
    capacity: usize,
    splitter: &mut Splitter,
) -> Poll<io::Result<Turn>> {
    let turn = log.turn(stream, splitter, |buffer| {
        let size = buffer.len();
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(pipe).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) => Ok((buffer.filled().len(), buffer.filled().len() >= capacity.min(size))),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    });
    match turn {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        turn => Poll::Ready(turn),
    }
}

/// What is in the pipe right now, without waiting.
fn take_rest(log: &ServiceLog, pipe: &Receiver, stream: Stream, splitter: &mut Splitter) -> io::Result<()> {
    for _ in 0..LAST_TURNS {
        let turn = log.turn(stream, splitter, |buffer| Ok((nix::unistd::read(pipe, buffer)?, false)));
        match turn {
            Ok(Turn::Read { .. }) => {}
            Ok(Turn::End) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Comes back when the reader is to stop; never, if nobody can tell it so any more.
async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|cancel| *cancel).await.is_err() {
        std::future::pending().await
    }
}

fn enlarge(pipe: &Receiver) -> usize {
    match fcntl(pipe.as_fd(), FcntlArg::F_SETPIPE_SZ(LARGE_PIPE_BYTES)) {
        Ok(size) => usize::try_from(size).unwrap_or(PIPE_BYTES),
        // The user's share of pipe memory is used up: it stays as it is, and is not asked for again.
        Err(_) => PIPE_BYTES,
    }
}
