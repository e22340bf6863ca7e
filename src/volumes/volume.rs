//! A volume in use: its place, its lock, its manifest.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::error::VolumeError;
use super::lock::VolumeLock;
use super::manifest::{StepDone, VolumeManifest, VolumeState};

/// Where done steps are remembered.
pub trait StepRecord: Send + Sync + std::fmt::Debug {
    /// Whether the step was done with this content.
    fn is_done(&self, step: &str, sha256: &str) -> bool;

    /// Remembers it, durably. Blocks.
    fn done(&self, step: &str, sha256: &str) -> Result<(), VolumeError>;
}

/// For a service without a volume: every step is run at every start.
#[derive(Debug, Clone, Copy)]
pub struct Unrecorded;

impl StepRecord for Unrecorded {
    fn is_done(&self, _: &str, _: &str) -> bool {
        false
    }

    fn done(&self, _: &str, _: &str) -> Result<(), VolumeError> {
        Ok(())
    }
}

/// A volume that this process alone may write, for as long as the value lives.
#[derive(Debug)]
pub struct Volume {
    path: PathBuf,
    lock: Mutex<Option<VolumeLock>>,
    manifest: Mutex<VolumeManifest>,
}

impl Volume {
    pub(super) fn new(path: PathBuf, lock: VolumeLock, manifest: VolumeManifest) -> Self {
        Self::with(path, Some(lock), manifest)
    }

    pub(super) fn with(path: PathBuf, lock: Option<VolumeLock>, manifest: VolumeManifest) -> Self {
        Self { path, lock: Mutex::new(lock), manifest: Mutex::new(manifest) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn manifest(&self) -> VolumeManifest {
        self.current().clone()
    }

    /// Hands the lock over to the volume that this side directory becomes.
    pub(super) fn take_lock(&self) -> Option<VolumeLock> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn mark_ready(&self) -> Result<VolumeManifest, VolumeError> {
        self.change(|manifest| manifest.state = VolumeState::Ready)
    }

    /// The manifest changes in memory only once it has changed on disk.
    fn change(&self, change: impl FnOnce(&mut VolumeManifest)) -> Result<VolumeManifest, VolumeError> {
        let mut current = self.current();
        let mut next = current.clone();
        change(&mut next);
        next.write(&self.path)?;
        *current = next.clone();
        Ok(next)
    }

    fn current(&self) -> MutexGuard<'_, VolumeManifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StepRecord for Volume {
    fn is_done(&self, step: &str, sha256: &str) -> bool {
        self.current().steps.get(step).is_some_and(|done| done.sha256 == sha256)
    }

    fn done(&self, step: &str, sha256: &str) -> Result<(), VolumeError> {
        let done = StepDone { sha256: sha256.to_owned(), at: Timestamp::now() };
        self.change(|manifest| {
            manifest.steps.insert(step.to_owned(), done);
        })
        .map(|_| ())
    }
}
