//! Going on with what is written: woken by the kernel when a log changes, through rotations, without polling.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher as _};

use super::line::LogLine;
use super::reader::LogReader;

/// So many lines are taken from one service before the others get their turn.
const BATCH: usize = 4096;

/// Follows several logs. Lines that come close together are put in the order of their times.
pub struct Follow {
    readers: Vec<LogReader>,
    /// The directory that is watched, by identity: one that was made anew is another one.
    watched: Vec<Option<(u64, u64)>>,
    watcher: notify::RecommendedWatcher,
    changes: mpsc::Receiver<()>,
    ready: VecDeque<LogLine>,
    /// A batch was full: there may be more without any further change.
    more: bool,
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Follow").field("readers", &self.readers).finish_non_exhaustive()
    }
}

impl Follow {
    /// Goes on where the readers ended. `root` is `logs/`; it must exist, the directories of services need not.
    pub fn start(root: &Path, readers: Vec<LogReader>) -> io::Result<Self> {
        // One waiting change is as good as many: each look takes everything there is.
        let (sender, changes) = mpsc::sync_channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is what we do ourselves: it would wake us for ever. Errors (an overflown queue) are a reason to look.
            if event.map_or(true, |event| !event.kind.is_access()) {
                // Full: a change is waiting already. Gone: nobody follows any more.
                let _ = sender.try_send(());
            }
        })
        .map_err(to_io)?;
        watcher.watch(root, RecursiveMode::NonRecursive).map_err(to_io)?;
        let watched = vec![None; readers.len()];
        Ok(Self { readers, watched, watcher, changes, ready: VecDeque::new(), more: true })
    }

    /// The next line; waits for it, at most `timeout` (for ever without one). `None`: the time is over.
    pub fn next_line(&mut self, timeout: Option<Duration>) -> io::Result<Option<LogLine>> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            if !self.more && !self.wait(deadline)? {
                return Ok(None);
            }
            self.collect()?;
        }
    }

    fn wait(&self, deadline: Option<Instant>) -> io::Result<bool> {
        let ended = || io::Error::other("the watch on the logs has ended");
        match deadline {
            None => self.changes.recv().map(|()| true).map_err(|_| ended()),
            Some(deadline) => match self.changes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(()) => Ok(true),
                Err(RecvTimeoutError::Timeout) => Ok(false),
                Err(RecvTimeoutError::Disconnected) => Err(ended()),
            },
        }
    }

    /// Takes what is new in every log.
    fn collect(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        self.more = false;
        for (reader, watched) in self.readers.iter_mut().zip(&mut self.watched) {
            let found = reader.dir.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
            if found != *watched {
                if watched.take().is_some() {
                    // It may be gone from there already.
                    let _ = self.watcher.unwatch(&reader.dir);
                }
                // Not there (yet): the root tells when it comes.
                if found.is_some() {
                    self.watcher.watch(&reader.dir, RecursiveMode::NonRecursive).map_err(to_io)?;
                    *watched = found;
                }
            }
            let mut taken = 0;
            loop {
                match reader.next_line()? {
                    Some(line) => {
                        lines.push(line);
                        taken += 1;
                        if taken == BATCH {
                            self.more = true;
                            break;
                        }
                    }
                    None if reader.turn_over()? => {}
                    None => break,
                }
            }
        }
        // Stable: lines of one service with the same time keep their order.
        lines.sort_by_key(|line| line.wall);
        self.ready.extend(lines);
        Ok(())
    }
}

fn to_io(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        notify::ErrorKind::PathNotFound => io::Error::new(io::ErrorKind::NotFound, error),
        _ => io::Error::other(error),
    }
}
