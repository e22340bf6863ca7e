//! Making a volume ready for use: lock it, look at what is there, begin a new one in a side directory.
//!
//! A new volume is filled as `.<name>.init-<pid>-<random>` beside its place, with a manifest that says so from the start;
//! then everything is brought to disk and renamed. Whatever moment reeve is killed at, the next run finds either no
//! volume and a side directory to throw away, or a whole one.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{self, Owner};
use super::error::{DiskAction, VolumeError};
use super::lock::VolumeLock;
use super::manifest::{MANIFEST_NAME, PartVersion, VolumeManifest, VolumeState};
use super::volume::{StepRecord, Volume};

/// Which volume is wanted, and what for.
#[derive(Debug, Clone)]
pub struct VolumeRequest {
    pub stack: String,
    pub volume: String,
    pub service: String,
    pub preset: Option<String>,
    /// Resolved by [`super::data_format`].
    pub data_format: Option<String>,
    pub part: Option<PartVersion>,
    /// Where it lies: `<data dir>/volumes/<name>`, or the operator's own directory.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Who it is given to; `None` leaves it with reeve's own account.
    pub owner: Option<Owner>,
}

/// What [`prepare`] found.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once for each start and taken apart at once")]
pub enum PreparedVolume {
    /// It was there, made for this service.
    Ready(Volume),
    /// There was none: fill it, then [`FreshVolume::commit`].
    Fresh(FreshVolume),
}

/// The manifest of the volume at this place, without locking it: to choose, among alternatives, the one whose data is
/// there already.
pub fn existing(path: &Path) -> Result<Option<VolumeManifest>, VolumeError> {
    VolumeManifest::read(path)
}

/// Locks the volume, throws away what a killed run began, and answers with the volume or a fresh one to fill.
pub fn prepare(request: &VolumeRequest) -> Result<PreparedVolume, VolumeError> {
    disk::create_dir_all(disk::parent(&request.path), 0o711)?;
    let lock = VolumeLock::take(&request.volume, &request.path)?;
    discard_leftovers(request)?;
    match fs::symlink_metadata(&request.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => FreshVolume::begin(request, lock),
        Err(error) => Err(VolumeError::disk(DiskAction::Read, &request.path)(error)),
        Ok(_) => open(request, lock),
    }
}

fn open(request: &VolumeRequest, lock: VolumeLock) -> Result<PreparedVolume, VolumeError> {
    // The operator's own directory may be a link; ours never is.
    let metadata = fs::metadata(&request.path).map_err(VolumeError::disk(DiskAction::Read, &request.path))?;
    if !metadata.is_dir() {
        return Err(VolumeError::NotADirectory { volume: request.volume.clone(), path: request.path.clone() });
    }
    let Some(manifest) = VolumeManifest::read(&request.path)? else {
        if !disk::is_empty(&request.path)? {
            return Err(VolumeError::NotOurs { volume: request.volume.clone(), path: request.path.clone() });
        }
        return FreshVolume::begin(request, lock);
    };
    check(request, &manifest)?;
    if let Some(owner) = request.owner
        && metadata.uid() != owner.uid
    {
        return Err(VolumeError::OtherOwner {
            volume: request.volume.clone(),
            path: request.path.clone(),
            found: metadata.uid(),
            wanted: owner.uid,
        });
    }
    if metadata.mode() & 0o7777 != request.mode {
        disk::set_mode(&request.path, request.mode)?;
    }
    writable(request)?;
    Ok(PreparedVolume::Ready(Volume::new(request.path.clone(), lock, manifest)))
}

/// Whether the data can be used by this service as it is now.
fn check(request: &VolumeRequest, manifest: &VolumeManifest) -> Result<(), VolumeError> {
    let (volume, path) = (request.volume.clone(), request.path.clone());
    if manifest.stack != request.stack {
        let (found, wanted) = (manifest.stack.clone(), request.stack.clone());
        return Err(VolumeError::OtherStack { volume, path, found, wanted });
    }
    match (&manifest.preset, &request.preset) {
        (Some(found), Some(wanted)) if found != wanted => {
            return Err(VolumeError::OtherSoftware { volume, path, found: found.clone(), wanted: wanted.clone() });
        }
        _ => {}
    }
    match (&manifest.data_format, &request.data_format) {
        (Some(found), Some(wanted)) if found != wanted => Err(VolumeError::OtherVersion {
            volume,
            path,
            found: found.clone(),
            part: manifest.part.as_ref().map(ToString::to_string),
            wanted: wanted.clone(),
        }),
        _ => Ok(()),
    }
}

/// A read-only or full file system is told now, with its name, and not by whatever the service makes of it.
fn writable(request: &VolumeRequest) -> Result<(), VolumeError> {
    let probe = request.path.join(".reeve-write-test");
    disk::write_whole(&probe, b"", 0o600, None)?;
    fs::remove_file(&probe).map_err(VolumeError::disk(DiskAction::Remove, &probe))
}

/// A volume that is being made. Dropped before [`FreshVolume::commit`], it is removed again.
#[derive(Debug)]
pub struct FreshVolume {
    side: PathBuf,
    place: PathBuf,
    volume: Arc<Volume>,
    mode: u32,
    committed: bool,
}

impl FreshVolume {
    fn begin(request: &VolumeRequest, lock: VolumeLock) -> Result<PreparedVolume, VolumeError> {
        refuse_mount_point(request)?;
        let side = side_dir(&request.path)?;
        fault("before-side-directory");
        disk::create_dir(&side, 0o700, None)?;
        fault("before-marker");
        let manifest = VolumeManifest::new(request);
        let begun = manifest.write(&side).and_then(|()| disk::give(&side, request.owner));
        if let Err(error) = begun {
            remove_side(&side);
            return Err(error);
        }
        fault("after-marker");
        let volume = Arc::new(Volume::new(side.clone(), lock, manifest));
        let place = request.path.clone();
        Ok(PreparedVolume::Fresh(FreshVolume { side, place, volume, mode: request.mode, committed: false }))
    }

    /// The side directory: what goes into the volume is made here.
    pub fn dir(&self) -> &Path {
        &self.side
    }

    /// Where steps of the init are recorded.
    pub fn record(&self) -> Arc<dyn StepRecord> {
        self.volume.clone()
    }

    /// Brings everything to disk and renames it into place. No process may write to it any more.
    pub fn commit(mut self) -> Result<Volume, VolumeError> {
        disk::set_mode(&self.side, self.mode)?;
        fault("before-ready");
        let manifest = self.volume.mark_ready()?;
        fault("before-sync");
        disk::sync_tree(&self.side)?;
        fault("before-rename");
        // Replaces an empty directory, and fails when something has appeared in it since.
        fs::rename(&self.side, &self.place).map_err(VolumeError::disk(DiskAction::Rename, &self.place))?;
        self.committed = true;
        fault("after-rename");
        disk::sync_dir(disk::parent(&self.place))?;
        Ok(Volume::with(self.place.clone(), self.volume.take_lock(), manifest))
    }
}

impl Drop for FreshVolume {
    fn drop(&mut self) {
        if !self.committed {
            remove_side(&self.side);
        }
    }
}

fn refuse_mount_point(request: &VolumeRequest) -> Result<(), VolumeError> {
    let Ok(metadata) = fs::metadata(&request.path) else { return Ok(()) };
    let parent = disk::parent(&request.path);
    let above = fs::metadata(parent).map_err(VolumeError::disk(DiskAction::Read, parent))?;
    if metadata.dev() == above.dev() {
        return Ok(());
    }
    Err(VolumeError::MountPoint { volume: request.volume.clone(), path: request.path.clone() })
}

fn side_prefix(path: &Path) -> String {
    format!(".{}.init-", path.file_name().unwrap_or_default().to_string_lossy())
}

fn side_dir(path: &Path) -> Result<PathBuf, VolumeError> {
    let random =
        getrandom::u32().map_err(|error| VolumeError::disk(DiskAction::CreateDirectory, path)(error.into()))?;
    Ok(path.with_file_name(format!("{}{}-{random:08x}", side_prefix(path), std::process::id())))
}

/// Removes the side directories of runs that were killed. Their makers are dead: we hold the volume's lock.
fn discard_leftovers(request: &VolumeRequest) -> Result<(), VolumeError> {
    let (parent, prefix) = (disk::parent(&request.path), side_prefix(&request.path));
    for entry in fs::read_dir(parent).map_err(VolumeError::disk(DiskAction::Read, parent))? {
        let entry = entry.map_err(VolumeError::disk(DiskAction::Read, parent))?;
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        let path = entry.path();
        if is_leftover(&path, request) {
            tracing::info!(path = %path.display(), "removing what an interrupted first start left behind");
            fs::remove_dir_all(&path).map_err(VolumeError::disk(DiskAction::Remove, &path))?;
        } else if fs::remove_dir(&path).is_err() {
            tracing::warn!(path = %path.display(), "left alone: it looks like an interrupted first start, but lacks our mark");
        }
    }
    Ok(())
}

/// Ours, by the manifest that every side directory holds from its beginning. A kill before the manifest was whole leaves
/// at most the file it was being written to.
fn is_leftover(side: &Path, request: &VolumeRequest) -> bool {
    match VolumeManifest::read(side) {
        Ok(Some(manifest)) => manifest.stack == request.stack && manifest.volume == request.volume,
        Ok(None) => only_half_a_manifest(side),
        Err(_) => false,
    }
}

fn only_half_a_manifest(side: &Path) -> bool {
    let half = format!(".{MANIFEST_NAME}.reeve-new");
    fs::read_dir(side).is_ok_and(|entries| {
        entries.into_iter().all(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy() == half))
    })
}

fn remove_side(side: &Path) {
    if let Err(error) = fs::remove_dir_all(side)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %side.display(), %error, "an unfinished volume could not be removed; the next start tries again");
    }
}

/// A place where the tests kill the process.
#[cfg(test)]
fn fault(point: &str) {
    super::tests::fault(point);
}

#[cfg(not(test))]
fn fault(_: &str) {}

#[cfg(test)]
pub(super) const FAULTS: [&str; 7] = [
    "before-side-directory",
    "before-marker",
    "after-marker",
    "before-ready",
    "before-sync",
    "before-rename",
    "after-rename",
];

impl VolumeState {
    pub fn is_ready(self) -> bool {
        self == VolumeState::Ready
    }
}
