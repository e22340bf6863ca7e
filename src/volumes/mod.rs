//! Directories that hold data, and the secrets beside them.
//!
//! Owns where a volume lies, who owns it, the manifest inside it, the lock against a second writer, the crash-safe making
//! of a new one (side directory, sync, rename) and the generated secrets. Never runs a process, never knows what the data
//! means, never deletes data whose manifest does not say that this stack made it. Everything here blocks: callers use the
//! blocking pool.
//!
//! [`prepare`] takes the lock and answers with a [`Volume`] to use or a [`FreshVolume`] to fill; a fresh one becomes a
//! volume by [`FreshVolume::commit`] and vanishes when it is dropped before.

pub mod disk;
mod error;
mod files;
mod format;
mod lock;
mod manifest;
mod prepare;
mod removal;
mod secret_file;
pub mod secrets;
mod volume;

#[cfg(test)]
mod secret_tests;
#[cfg(test)]
mod tests;

pub use disk::Owner;
pub use error::{DiskAction, Retry, VolumeError};
pub(crate) use files::make_parents;
pub use files::{FileError, write_files};
pub use format::data_format;
pub use lock::{Holder, VolumeLock};
pub use manifest::{MANIFEST_NAME, PartVersion, StepDone, VolumeManifest, VolumeState};
pub use prepare::{FreshVolume, PreparedVolume, VolumeRequest, existing, prepare};
pub use removal::{Kept, Removal, remove_all};
pub use secrets::{Secret, SecretError, SecretWarning, Secrets};
pub use volume::{StepRecord, Unrecorded, Volume};
