//! `parts.lock`: which version of each part was brought, from which kind of source, with which sum.
//!
//! A sum that is recorded must match when the same version is brought again. Written atomically, sorted, readable.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

const FORMAT: u32 = 1;

/// A part as it was brought.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockEntry {
    pub name: String,
    pub arch: String,
    /// `url`, `npm` or `pypi`.
    pub source: String,
    pub version: String,
    /// `sha256-<hex>` of the file, or the integrity that npm gives.
    pub sum: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockFile {
    format: u32,
    #[serde(default, rename = "part", skip_serializing_if = "Vec::is_empty")]
    parts: Vec<LockEntry>,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} cannot be understood; it can be removed and is then written anew")]
    Parse {
        path: PathBuf,
        #[source]
        source: toml_edit::de::Error,
    },
    #[error("{path} has format {format}, this reeve knows {FORMAT}")]
    Format { path: PathBuf, format: u32 },
    #[error("cannot put {path} into text")]
    Serialize {
        path: PathBuf,
        #[source]
        source: toml_edit::ser::Error,
    },
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A recorded sum that differs from the one at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub expected: String,
}

/// The record, shared by the installs that run at once. An entry is found by name, architecture and source.
#[derive(Debug)]
pub struct PartsLock {
    path: PathBuf,
    entries: Mutex<BTreeMap<(String, String, String), LockEntry>>,
}

impl PartsLock {
    /// Reads the file; one that is not there is an empty record.
    pub fn load(path: &Path) -> Result<Self, LockError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => format!("format = {FORMAT}"),
            Err(source) => return Err(LockError::Read { path: path.to_owned(), source }),
        };
        let file: LockFile =
            toml_edit::de::from_str(&text).map_err(|source| LockError::Parse { path: path.to_owned(), source })?;
        if file.format != FORMAT {
            return Err(LockError::Format { path: path.to_owned(), format: file.format });
        }
        let entries = file.parts.into_iter().map(|entry| (key(&entry), entry)).collect();
        Ok(Self { path: path.to_owned(), entries: Mutex::new(entries) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All entries, sorted.
    pub fn entries(&self) -> Vec<LockEntry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether the sum is the one that was recorded for the same version, if one was.
    pub(super) fn check(&self, entry: &LockEntry) -> Result<(), Mismatch> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(&key(entry)) {
            Some(known) if known.version == entry.version && known.sum != entry.sum => {
                Err(Mismatch { expected: known.sum.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Records a part and writes the file, when that changes anything.
    pub(super) fn record(&self, entry: LockEntry) -> Result<(), LockError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.get(&key(&entry)) == Some(&entry) {
            return Ok(());
        }
        entries.insert(key(&entry), entry);
        let file = LockFile { format: FORMAT, parts: entries.values().cloned().collect() };
        let text = toml_edit::ser::to_string_pretty(&file)
            .map_err(|source| LockError::Serialize { path: self.path.clone(), source })?;
        let text = format!("# Written by reeve: the parts that were brought and their sums.\n{text}");
        write_atomically(&self.path, text.as_bytes())
            .map_err(|source| LockError::Write { path: self.path.clone(), source })
    }
}

fn key(entry: &LockEntry) -> (String, String, String) {
    (entry.name.clone(), entry.arch.clone(), entry.source.clone())
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, sum: &str) -> LockEntry {
        LockEntry {
            name: name.into(),
            arch: "x86_64".into(),
            source: "url".into(),
            version: "1.0".into(),
            sum: sum.into(),
        }
    }

    #[test]
    fn what_is_recorded_is_sorted_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/parts.lock");
        let lock = PartsLock::load(&path).unwrap();
        lock.record(entry("zebra", "sha256-1")).unwrap();
        lock.record(entry("ant", "sha256-2")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.find("ant").unwrap() < text.find("zebra").unwrap(), "{text}");
        assert_eq!(PartsLock::load(&path).unwrap().entries(), [entry("ant", "sha256-2"), entry("zebra", "sha256-1")]);
        let files: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(files.len(), 1, "no temporary file is left");
    }

    #[test]
    fn another_sum_for_the_same_version_is_a_mismatch_and_for_another_version_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let lock = PartsLock::load(&dir.path().join("parts.lock")).unwrap();
        lock.record(entry("ant", "sha256-1")).unwrap();
        assert_eq!(lock.check(&entry("ant", "sha256-1")), Ok(()));
        assert_eq!(lock.check(&entry("ant", "sha256-2")), Err(Mismatch { expected: "sha256-1".into() }));
        assert_eq!(lock.check(&LockEntry { version: "1.1".into(), ..entry("ant", "sha256-2") }), Ok(()));
    }

    #[test]
    fn a_broken_record_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parts.lock");
        for broken in ["", "format = 1\n[[part]]\nname = 3", "no toml ["] {
            fs::write(&path, broken).unwrap();
            assert!(matches!(PartsLock::load(&path), Err(LockError::Parse { .. })), "{broken:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), broken);
        }
        fs::write(&path, "format = 9").unwrap();
        assert!(matches!(PartsLock::load(&path), Err(LockError::Format { format: 9, .. })));
    }
}
