//! What a killed reeve left, dealt with while no reeve runs: its processes are ended, its leases made void, and on demand
//! everything else that the data directory holds of ours is removed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::assemble::{AssembleError, stack_key, take_lock};
use super::journal::{self, Journal};
use super::layout::Layout;
use crate::platform::Containment;
use crate::platform::lock::Lock;

/// A reeve that has answered its last request still writes its logs out.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// A data directory that no reeve runs on, held so that none begins.
#[derive(Debug)]
pub struct Idle {
    layout: Layout,
    _lock: Lock,
}

impl Idle {
    /// Takes the data directory, waiting a moment for a reeve that is about to end. `None`: there is nothing to take.
    pub async fn take(layout: Layout) -> Result<Option<Self>, AssembleError> {
        if !layout.run().is_dir() {
            return Ok(None);
        }
        let began = Instant::now();
        loop {
            match take_lock(&layout) {
                Ok(lock) => return Ok(Some(Self { layout, _lock: lock })),
                Err(AssembleError::AlreadyRunning { .. }) if began.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends what is still running of an earlier reeve, and gives back its cgroups and its socket.
    pub async fn clear(&self, say: &(dyn Fn(&str) + Sync)) -> Result<(), AssembleError> {
        let key = stack_key(&self.layout);
        let containment = Containment::detect(&key);
        let leases = self.layout.leases();
        let stuck = journal::clear_leftovers(&journal::read(&leases), &containment, &key, say).await;
        if !stuck.is_empty() {
            return Err(AssembleError::Stuck(stuck));
        }
        if let Err(error) = containment.close() {
            tracing::warn!(%error, "cannot give back a cgroup");
        }
        Journal::create(&leases).map_err(|source| AssembleError::Journal { path: leases, source })?;
        Ok(())
    }

    /// Removes logs, state, secrets and run files: everything of ours but the volumes. Answers with what was removed.
    pub fn remove_rest(self) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        let layout = &self.layout;
        let mut removed = Vec::new();
        // The lock goes with `run`, so that comes last.
        let rest = [
            layout.logs(),
            layout.services(),
            layout.state(),
            journal::backup(&layout.state()),
            layout.secrets(),
            layout.parts_lock(),
            layout.services_socket(),
            layout.builds(),
            layout.run(),
        ];
        for path in rest {
            match remove(&path) {
                Ok(()) => removed.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((path, error)),
            }
        }
        Ok(removed)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    // What a link points to is not ours.
    if std::fs::symlink_metadata(path)?.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}
