//! The lock against a second writer of a volume.
//!
//! A lock of the kernel (`flock`) on a small file beside the volume, held for as long as the [`VolumeLock`] lives and
//! given back by the kernel however its holder ends. The file names the holder, for the message of who comes second.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{DiskAction, VolumeError};

/// Who holds a lock, as far as can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: Option<u32>,
    pub command: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.pid, &self.command) {
            (Some(pid), Some(command)) => write!(out, "process {pid} ({command})"),
            (Some(pid), None) => write!(out, "process {pid}"),
            _ => out.write_str("another process"),
        }
    }
}

/// The right to write a volume.
#[derive(Debug)]
pub struct VolumeLock {
    file: File,
    path: PathBuf,
}

impl VolumeLock {
    /// Takes the lock of the volume at `volume_path`, or names who has it.
    pub fn take(volume: &str, volume_path: &Path) -> Result<Self, VolumeError> {
        let path = lock_path(volume_path);
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&path)
                .map_err(VolumeError::disk(DiskAction::Open, &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    return Err(VolumeError::Locked {
                        volume: volume.to_owned(),
                        path: volume_path.to_owned(),
                        holder,
                    });
                }
                Err(TryLockError::Error(error)) => return Err(VolumeError::disk(DiskAction::Lock, &path)(error)),
            }
            // The former holder may have removed the file between our open and our lock: then it locks nothing.
            if !is_same(&file, &path) {
                continue;
            }
            let write = |file: &mut File| {
                file.set_len(0)?;
                file.rewind()?;
                writeln!(file, "{}", std::process::id())
            };
            // On a full disk the lock holds all the same; only its holder cannot be named then.
            if let Err(error) = write(&mut file) {
                tracing::debug!(path = %path.display(), %error, "the holder of the lock could not be written down");
            }
            return Ok(Self { file, path });
        }
    }

    /// Gives the lock back and removes its file; for a volume that is removed.
    pub(super) fn remove(self) -> Result<(), VolumeError> {
        let removed = fs::remove_file(&self.path).map_err(VolumeError::disk(DiskAction::Remove, &self.path));
        drop(self.file);
        removed
    }
}

/// `volumes/postgres` is locked by `volumes/.postgres.lock`.
pub(super) fn lock_path(volume_path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(volume_path.file_name().unwrap_or_default());
    name.push(".lock");
    volume_path.with_file_name(name)
}

fn is_same(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    // Only for the message: a holder that cannot be read is "another process".
    let pid = file.take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok());
    let command = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    Holder { pid, command: command.map(|name| name.trim().to_owned()) }
}
