//! The parts cache on disk: names, the lock of a part, the staging directory, the rename into place.
//!
//! `<cache>/<name>-<version>-<arch>/` is always whole: it is renamed there from `.staging-<name>-<arch>/`, which only the
//! holder of `.lock-<name>-<arch>` may touch. So whoever gets the lock knows that an old staging directory is a leftover.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::SourceError;

const LOCK_PREFIX: &str = ".lock-";
const STAGING_PREFIX: &str = ".staging-";
const PARTIAL_PREFIX: &str = ".partial-";
const ANSWER_PREFIX: &str = ".version-";
/// Written into every installed part: what it is and where it came from.
const RECORD_FILE: &str = ".reeve-part.json";

/// The cache of this account: `/var/lib/reeve/parts` for root, below the XDG cache directory otherwise.
pub fn default_cache(root: bool, environment: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if root {
        return Some(PathBuf::from("/var/lib/reeve/parts"));
    }
    let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("reeve/parts"))
}

/// What an installed part says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub name: String,
    pub version: String,
    pub arch: String,
    pub source: String,
    pub sum: String,
}

/// Paths of the cache.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    root: PathBuf,
}

impl Cache {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn part_dir(&self, name: &str, version: &str, arch: &str) -> PathBuf {
        self.root.join(format!("{name}-{version}-{arch}"))
    }

    /// Where a download that was cut off is kept, named after its address.
    pub fn partial(&self, key: &str) -> PathBuf {
        self.root.join(format!("{PARTIAL_PREFIX}{key}"))
    }

    /// What a program of the machine said of its version.
    pub fn answer(&self, key: &str) -> PathBuf {
        self.root.join(format!("{ANSWER_PREFIX}{key}"))
    }

    /// The cache directory itself. Root's is readable by every account, as are the directories made on the way to it:
    /// services run as another account.
    pub fn make(&self) -> io::Result<()> {
        let missing: Vec<&Path> = self.root.ancestors().take_while(|dir| !dir.exists()).collect();
        fs::create_dir_all(&self.root)?;
        if nix::unistd::geteuid().is_root() {
            for made in missing {
                fs::set_permissions(made, fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(())
    }

    /// The lock of a part, if nobody else holds it.
    pub fn try_lock(&self, name: &str, arch: &str) -> io::Result<Option<PartLock>> {
        let path = self.root.join(format!("{LOCK_PREFIX}{name}-{arch}"));
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(PartLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A fresh staging directory; a leftover of an install that was killed is removed first.
    pub fn stage(&self, name: &str, arch: &str, lock: PartLock) -> io::Result<Arc<Staging>> {
        let dir = self.root.join(format!("{STAGING_PREFIX}{name}-{arch}"));
        remove_tree(&dir)?;
        fs::create_dir(&dir)?;
        Ok(Arc::new(Staging { dir, _lock: lock }))
    }

    /// Removes staging directories whose installer is gone; one that is being filled has its lock held.
    pub fn clear_leftovers(&self) -> io::Result<Vec<PathBuf>> {
        let mut cleared = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(key) = name.to_str().and_then(|name| name.strip_prefix(STAGING_PREFIX)) else { continue };
            let lock = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(self.root.join(format!("{LOCK_PREFIX}{key}")))?;
            if lock.try_lock().is_ok() {
                remove_tree(&entry.path())?;
                cleared.push(entry.path());
            }
        }
        Ok(cleared)
    }

    /// The record of a part in the cache; `None` when it is not there or lacks a file.
    pub fn installed(&self, dir: &Path, binaries: &[String]) -> Option<Record> {
        let record: Record = serde_json::from_slice(&fs::read(dir.join(RECORD_FILE)).ok()?).ok()?;
        binaries.iter().all(|binary| dir.join(binary).is_file()).then_some(record)
    }

    /// Writes the record, brings everything to disk and renames the finished tree to its place.
    pub async fn publish(&self, root: PathBuf, record: Record, staging: Arc<Staging>) -> Result<PathBuf, SourceError> {
        let cache = self.clone();
        let published = tokio::task::spawn_blocking(move || cache.publish_blocking(&root, &record, &staging));
        published.await.map_err(SourceError::Task)?
    }

    fn publish_blocking(&self, root: &Path, record: &Record, staging: &Staging) -> Result<PathBuf, SourceError> {
        let target = self.part_dir(&record.name, &record.version, &record.arch);
        let failed = |action: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| SourceError::File { action, path, source }
        };
        let record_path = root.join(RECORD_FILE);
        let text = serde_json::to_vec_pretty(record).map_err(io::Error::from).map_err(failed("write", &record_path))?;
        File::create(&record_path).and_then(|mut file| file.write_all(&text)).map_err(failed("write", &record_path))?;
        open_to_everyone(root).map_err(failed("set permissions below", root))?;
        let cache = File::open(&self.root).map_err(failed("open", &self.root))?;
        nix::unistd::syncfs(&cache).map_err(io::Error::from).map_err(failed("bring to disk", &self.root))?;
        if target.symlink_metadata().is_ok() {
            // A part that lost a file since: out of the way, and gone with the staging directory.
            let old = staging.dir.join(".replaced");
            fs::rename(&target, &old).map_err(failed("move away", &target))?;
        }
        fs::rename(root, &target).map_err(failed("rename into place", &target))?;
        cache.sync_all().map_err(failed("bring to disk", &self.root))?;
        Ok(target)
    }
}

/// Held while a part is looked at and installed; the kernel lets go of it when the process ends.
#[derive(Debug)]
pub(super) struct PartLock {
    _file: File,
}

/// Where a part is put together; removed with all that is left in it, and only then is the lock let go. Work on a
/// blocking thread holds it too: such work goes on for a while after its future was dropped.
#[derive(Debug)]
pub(super) struct Staging {
    dir: PathBuf,
    _lock: PartLock,
}

impl Staging {
    /// A new empty directory for one attempt, an earlier one of the same name removed.
    pub fn fresh(&self, name: &str) -> io::Result<PathBuf> {
        let dir = self.dir.join(name);
        remove_tree(&dir)?;
        fs::create_dir(&dir)?;
        Ok(dir)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now (a client that is just dying still writes) is removed by the next install.
        if let Err(error) = remove_tree(&self.dir) {
            tracing::debug!(dir = %self.dir.display(), %error, "staging directory is left for the next install");
        }
    }
}

/// Removes a tree; one that is not there is removed already.
fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Directories 0755, files 0644 or, with a run bit, 0755, whatever the archive or the umask said.
fn open_to_everyone(root: &Path) -> io::Result<()> {
    fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            open_to_everyone(&entry.path())?;
        } else if kind.is_file() {
            let mode = entry.metadata()?.permissions().mode();
            let wanted = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
            if mode & 0o7777 != wanted {
                fs::set_permissions(entry.path(), fs::Permissions::from_mode(wanted))?;
            }
        }
    }
    Ok(())
}

/// Sets the run bit on a file.
pub(super) fn make_runnable(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_lies_where_the_account_keeps_such_things() {
        let with = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(default_cache(true, with(&[("HOME", "/root")])), path("/var/lib/reeve/parts"));
        assert_eq!(default_cache(false, with(&[("HOME", "/home/a")])), path("/home/a/.cache/reeve/parts"));
        let both = with(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/x")]);
        assert_eq!(default_cache(false, both), path("/x/reeve/parts"));
        let relative = with(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "x")]);
        assert_eq!(default_cache(false, relative), path("/home/a/.cache/reeve/parts"));
        assert_eq!(default_cache(false, with(&[])), None);
    }

    #[test]
    fn the_staging_directory_of_a_living_install_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path());
        let staging = cache.stage("tool", "any", cache.try_lock("tool", "any").unwrap().unwrap()).unwrap();
        assert!(cache.try_lock("tool", "any").unwrap().is_none());
        assert_eq!(cache.clear_leftovers().unwrap(), [] as [PathBuf; 0]);
        let held = staging.clone();
        drop(staging);
        assert!(dir.path().join(".staging-tool-any").is_dir(), "work on a blocking thread still needs it");
        drop(held);
        assert!(!dir.path().join(".staging-tool-any").exists());
        assert!(cache.try_lock("tool", "any").unwrap().is_some());
    }
}
