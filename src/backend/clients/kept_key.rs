//! A key that the set-up leaves in a file, at some time while we run.
//!
//! Owns when the file is read: its stamp is looked at before each call, which costs a microsecond, so that a new key holds
//! from the next call on and nobody has to be told. Never writes the file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::serve::Secret;

/// Which file it was, and when it was written.
type Stamp = (u64, i64, i64, u64);

#[derive(Debug)]
pub struct KeptKey {
    path: PathBuf,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// `None`: nothing can be read there, or it was refused.
    key: Option<Secret>,
}

impl KeptKey {
    pub fn new(path: PathBuf) -> Self {
        Self { path, seen: Mutex::default() }
    }

    /// The key as it is now.
    pub fn current(&self) -> Option<Secret> {
        let Some(stamp) = stamp(&self.path) else {
            *self.lock() = None;
            return None;
        };
        let mut seen = self.lock();
        if let Some(seen) = seen.as_ref().filter(|seen| seen.stamp == stamp) {
            return seen.key.clone();
        }
        let key = match fs::read_to_string(&self.path) {
            Ok(text) => Some(text.trim()).filter(|key| !key.is_empty()).map(Secret::new),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "the kept key cannot be read");
                None
            }
        };
        seen.insert(Seen { stamp, key }).key.clone()
    }

    /// It is not accepted: from now on it is not used, until there is another. Whether there was one.
    pub fn give_up(&self) -> bool {
        self.lock().as_mut().is_some_and(|seen| seen.key.take().is_some())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_from_when_it_is_there_until_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let kept = KeptKey::new(path.clone());
        assert_eq!((kept.current(), kept.give_up()), (None, false));
        fs::write(&path, "one\n").unwrap();
        assert_eq!(kept.current(), Some(Secret::new("one")));
        assert!(kept.give_up() && !kept.give_up());
        assert_eq!(kept.current(), None, "the same file is not tried again");
        fs::write(dir.path().join("new"), "another").unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        assert_eq!(kept.current(), Some(Secret::new("another")));
    }
}
