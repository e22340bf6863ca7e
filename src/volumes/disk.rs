//! Durable and careful file operations.
//!
//! Writes go to a new file that is synced and renamed, so a reader sees the old or the new content, never a part.
//! Nothing here follows a symbolic link in the last component: a service owns its volume and could plant one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

use super::error::{DiskAction, VolumeError};

/// The account that a service's files belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

/// Largest file read as a whole (manifests, secrets); they are a few KiB, more than this is not ours.
const SMALL_FILE_BYTES: u64 = 4 << 20;

/// Creates a directory that must not exist yet, with exactly these permission bits, for its owner.
pub fn create_dir(path: &Path, mode: u32, owner: Option<Owner>) -> Result<(), VolumeError> {
    DirBuilder::new().mode(0o700).create(path).map_err(VolumeError::disk(DiskAction::CreateDirectory, path))?;
    give(path, owner)?;
    set_mode(path, mode)
}

/// Creates a directory of ours and those above it, if missing.
pub fn create_dir_all(path: &Path, mode: u32) -> Result<(), VolumeError> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(VolumeError::disk(DiskAction::CreateDirectory, path))
}

/// Gives a file or directory to its owner; nothing to do when it is theirs.
pub fn give(path: &Path, owner: Option<Owner>) -> Result<(), VolumeError> {
    let Some(owner) = owner else { return Ok(()) };
    let now = fs::symlink_metadata(path).map_err(VolumeError::disk(DiskAction::Read, path))?;
    if now.uid() == owner.uid && now.gid() == owner.gid {
        return Ok(());
    }
    lchown(path, Some(owner.uid), Some(owner.gid)).map_err(VolumeError::disk(DiskAction::ChangeOwner, path))
}

pub fn set_mode(path: &Path, mode: u32) -> Result<(), VolumeError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(VolumeError::disk(DiskAction::ChangeMode, path))
}

/// Reads a small file, or `None` if there is none.
pub fn read_small(path: &Path) -> Result<Option<Vec<u8>>, VolumeError> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(VolumeError::disk(DiskAction::Open, path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES).read_to_end(&mut bytes).map_err(VolumeError::disk(DiskAction::Read, path))?;
    Ok(Some(bytes))
}

/// Replaces a file as a whole, durably: new file, sync, rename, sync of the directory.
pub fn write_durably(path: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> Result<(), VolumeError> {
    replace(path, bytes, mode, owner, true)
}

/// Replaces a file as a whole; not synced, for what is written again before every start.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> Result<(), VolumeError> {
    replace(path, bytes, mode, owner, false)
}

fn replace(path: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>, durable: bool) -> Result<(), VolumeError> {
    let side = side_file(path);
    let result = (|| {
        let mut file = create_new(&side)?;
        file.write_all(bytes).map_err(VolumeError::disk(DiskAction::Write, path))?;
        if let Some(owner) = owner {
            fchown(&file, Some(owner.uid), Some(owner.gid))
                .map_err(VolumeError::disk(DiskAction::ChangeOwner, path))?;
        }
        file.set_permissions(fs::Permissions::from_mode(mode))
            .map_err(VolumeError::disk(DiskAction::ChangeMode, path))?;
        if durable {
            file.sync_all().map_err(VolumeError::disk(DiskAction::Sync, path))?;
        }
        fs::rename(&side, path).map_err(VolumeError::disk(DiskAction::Rename, path))
    })();
    if result.is_err() {
        // What is left is our own half-written file; that it cannot be removed adds nothing to the first error.
        let _ = fs::remove_file(&side);
    }
    result?;
    if durable { sync_dir(parent(path)) } else { Ok(()) }
}

/// The name a file has while it is written.
fn side_file(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".reeve-new");
    path.with_file_name(name)
}

/// A left-over of a killed run may be in the way: it is ours by its name, and writers of one file hold a lock.
fn create_new(path: &Path) -> Result<File, VolumeError> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path).map_err(VolumeError::disk(DiskAction::Remove, path))?;
            open()
        }
        other => other,
    }
    .map_err(VolumeError::disk(DiskAction::Write, path))
}

pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

pub fn sync_dir(path: &Path) -> Result<(), VolumeError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(VolumeError::disk(DiskAction::Sync, path))
}

/// Everything written to the file system of this directory is on disk when it returns.
pub fn sync_tree(path: &Path) -> Result<(), VolumeError> {
    let dir = File::open(path).map_err(VolumeError::disk(DiskAction::Open, path))?;
    nix::unistd::syncfs(&dir).map_err(|errno| VolumeError::disk(DiskAction::Sync, path)(errno.into()))
}

/// Whether a directory holds nothing.
pub fn is_empty(path: &Path) -> Result<bool, VolumeError> {
    let mut entries = fs::read_dir(path).map_err(VolumeError::disk(DiskAction::Read, path))?;
    Ok(entries.next().is_none())
}
