//! Why a volume cannot be used, and whether trying again can help.

use std::io;
use std::path::PathBuf;

use super::lock::Holder;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Soon, by itself.
    Transient,
    /// Not quickly; something outside must change (space, permissions).
    Lasting,
    /// Never without a person.
    Permanent,
}

/// What was being done to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskAction {
    CreateDirectory,
    Open,
    Read,
    Write,
    Sync,
    Rename,
    Remove,
    ChangeOwner,
    ChangeMode,
    Lock,
}

impl std::fmt::Display for DiskAction {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            DiskAction::CreateDirectory => "create the directory",
            DiskAction::Open => "open",
            DiskAction::Read => "read",
            DiskAction::Write => "write",
            DiskAction::Sync => "bring to disk",
            DiskAction::Rename => "rename into place",
            DiskAction::Remove => "remove",
            DiskAction::ChangeOwner => "change the owner of",
            DiskAction::ChangeMode => "change the permissions of",
            DiskAction::Lock => "lock",
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    #[error("volume {volume} ({}) is in use by {holder}", path.display())]
    Locked { volume: String, path: PathBuf, holder: Holder },
    #[error("{} is not empty and was not made by reeve, so volume {volume} cannot use it", path.display())]
    NotOurs { volume: String, path: PathBuf },
    #[error("{} is not a directory, so volume {volume} cannot use it", path.display())]
    NotADirectory { volume: String, path: PathBuf },
    #[error("{} is a mount point; volume {volume} cannot be put in its place", path.display())]
    MountPoint { volume: String, path: PathBuf },
    #[error("volume {volume} ({}) belongs to the stack {found:?}, this is {wanted:?}", path.display())]
    OtherStack { volume: String, path: PathBuf, found: String, wanted: String },
    #[error("volume {volume} ({}) holds data of {found}, the service is {wanted} now", path.display())]
    OtherSoftware { volume: String, path: PathBuf, found: String, wanted: String },
    #[error(
        "volume {volume} ({}) holds data of version {found}{}, the service is of version {wanted} now",
        path.display(),
        part.as_ref().map(|part| format!(" (made by {part})")).unwrap_or_default()
    )]
    OtherVersion { volume: String, path: PathBuf, found: String, part: Option<String>, wanted: String },
    #[error("volume {volume} ({}) belongs to uid {found}, the service runs as uid {wanted}", path.display())]
    OtherOwner { volume: String, path: PathBuf, found: u32, wanted: u32 },
    #[error("the manifest {} was written by a newer reeve (format {format}, known is {known})", path.display())]
    NewerManifest { path: PathBuf, format: u32, known: u32 },
    #[error("the manifest {} is broken", path.display())]
    BrokenManifest {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot {action} {}", path.display())]
    Disk {
        action: DiskAction,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl VolumeError {
    pub fn retry(&self) -> Retry {
        match self {
            VolumeError::Disk { source, .. } => match source.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR | libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EBUSY) => {
                    Retry::Transient
                }
                _ => Retry::Lasting,
            },
            VolumeError::OtherOwner { .. } => Retry::Lasting,
            VolumeError::Locked { .. }
            | VolumeError::NotOurs { .. }
            | VolumeError::NotADirectory { .. }
            | VolumeError::MountPoint { .. }
            | VolumeError::OtherStack { .. }
            | VolumeError::OtherSoftware { .. }
            | VolumeError::OtherVersion { .. }
            | VolumeError::NewerManifest { .. }
            | VolumeError::BrokenManifest { .. } => Retry::Permanent,
        }
    }

    /// What a person can do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            VolumeError::Locked { .. } => {
                "stop the other stack first (`reeve down` where it was started), or give this one a volume of its own"
                    .to_owned()
            }
            VolumeError::NotOurs { path, .. } => format!(
                "choose another `path` for the volume, or move {} away; reeve fills only new or empty directories",
                path.display()
            ),
            VolumeError::NotADirectory { path, .. } => format!("move {} away or choose another `path`", path.display()),
            VolumeError::MountPoint { path, .. } => {
                format!("use a directory below it: path = \"{}/data\"", path.display())
            }
            VolumeError::OtherStack { .. } => {
                "use another data directory, or the stack's former name in [stack]".to_owned()
            }
            VolumeError::OtherSoftware { found, .. } => {
                format!("run {found} again to reach the data and export it, or start with a new volume (another name)")
            }
            VolumeError::OtherVersion { found, volume, .. } => format!(
                "set the part back to version {found}, export the data, then start the new version on a new volume \
                 and import it there; the volume {volume} is left as it is"
            ),
            VolumeError::OtherOwner { path, wanted, .. } => {
                format!("give it to the account: chown -R {wanted} {}", path.display())
            }
            VolumeError::NewerManifest { .. } => "use that newer reeve".to_owned(),
            VolumeError::BrokenManifest { path, .. } => {
                format!("the data is left alone; bring the former manifest back: cp {0}.bak {0}", path.display())
            }
            VolumeError::Disk { source, path, .. } => return disk_hint(source, path),
        })
    }

    pub(super) fn disk(action: DiskAction, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| VolumeError::Disk { action, path, source }
    }
}

fn disk_hint(source: &io::Error, path: &std::path::Path) -> Option<String> {
    Some(match source.raw_os_error()? {
        libc::ENOSPC | libc::EDQUOT => format!("no space is left: free some on the file system of {}", path.display()),
        libc::EROFS => "the file system is read-only: remount it writable or choose another --data-dir".to_owned(),
        libc::EACCES | libc::EPERM => {
            format!("check who owns {} and its permissions, or choose another --data-dir", path.display())
        }
        libc::EIO => "the disk reports errors: look at `dmesg`".to_owned(),
        _ => return None,
    })
}
