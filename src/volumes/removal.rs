//! `down --volumes`: removes what the manifests prove is ours, and tells what stays and why.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk;
use super::error::{DiskAction, VolumeError};
use super::lock::VolumeLock;
use super::manifest::VolumeManifest;

/// Something that was not removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub path: PathBuf,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removal {
    pub removed: Vec<PathBuf>,
    pub kept: Vec<Kept>,
}

/// Removes the volumes of this stack below `<data dir>/volumes` and those at `paths` (volumes with a path of their own).
/// The directory `volumes` itself goes when nothing is left in it. Removes nothing of another stack, nothing without a
/// manifest and nothing that is in use.
pub fn remove_all(data_dir: &Path, paths: &[PathBuf], stack: &str) -> Result<Removal, VolumeError> {
    let mut removal = Removal::default();
    let volumes = data_dir.join("volumes");
    for path in entries(&volumes)?.into_iter().chain(paths.iter().cloned()) {
        match remove_one(&path, stack) {
            Ok(None) => removal.removed.push(path),
            Ok(Some(why)) => removal.kept.push(Kept { path, why }),
            Err(error) => removal.kept.push(Kept { path, why: crate::telemetry::chain(&error) }),
        }
    }
    for leftover in lock_files(&volumes)? {
        // A lock that nobody holds: of a volume whose first start never came to its end.
        if let Some(volume_path) = locked_path(&leftover)
            && !volume_path.exists()
            && let Ok(lock) = VolumeLock::take("", &volume_path)
        {
            lock.remove()?;
        }
    }
    match fs::remove_dir(&volumes) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {}
        Err(error) => return Err(VolumeError::disk(DiskAction::Remove, &volumes)(error)),
    }
    Ok(removal)
}

/// `Ok(Some(why))` when it stays.
fn remove_one(path: &Path, stack: &str) -> Result<Option<String>, VolumeError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some("it is not there".to_owned())),
        Err(error) => return Err(VolumeError::disk(DiskAction::Read, path)(error)),
    };
    if !metadata.is_dir() {
        return Ok(Some("it is not a directory, so reeve did not make it".to_owned()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A side directory is covered by the lock of the volume it was to become.
    let place = match name.strip_prefix('.').and_then(|name| name.split_once(".init-")) {
        Some((volume, _)) => path.with_file_name(volume),
        None => path.to_owned(),
    };
    let is_side = place != path;
    match VolumeManifest::read(path)? {
        None if is_side && disk::is_empty(path)? => {}
        None => return Ok(Some("it holds no manifest of reeve's".to_owned())),
        Some(manifest) if manifest.stack != stack => {
            return Ok(Some(format!("it belongs to the stack {:?}", manifest.stack)));
        }
        Some(_) => {}
    }
    let lock = VolumeLock::take(&name, &place)?;
    // Out of its place first: a removal that is cut short leaves a side directory, never half a volume.
    let side = if is_side {
        path.to_owned()
    } else {
        let side = path.with_file_name(format!(".{name}.init-{}-removed", std::process::id()));
        fs::rename(path, &side).map_err(VolumeError::disk(DiskAction::Rename, path))?;
        side
    };
    fs::remove_dir_all(&side).map_err(VolumeError::disk(DiskAction::Remove, &side))?;
    lock.remove()?;
    Ok(None)
}

fn entries(volumes: &Path) -> Result<Vec<PathBuf>, VolumeError> {
    Ok(list(volumes)?.into_iter().filter(|path| locked_path(path).is_none()).collect())
}

fn lock_files(volumes: &Path) -> Result<Vec<PathBuf>, VolumeError> {
    Ok(list(volumes)?.into_iter().filter(|path| locked_path(path).is_some()).collect())
}

/// The volume that a lock file is for.
fn locked_path(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let volume = name.strip_prefix('.')?.strip_suffix(".lock")?;
    Some(path.with_file_name(volume))
}

fn list(volumes: &Path) -> Result<Vec<PathBuf>, VolumeError> {
    let read = match fs::read_dir(volumes) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(VolumeError::disk(DiskAction::Read, volumes)(error)),
    };
    let mut paths = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(VolumeError::disk(DiskAction::Read, volumes))?;
    paths.sort();
    Ok(paths)
}
