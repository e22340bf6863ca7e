//! What is not any more what it was at its start: programs that were replaced under running services, and the files that
//! reeve itself was read from. Looked at when somebody asks, never by itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use super::assembly::{Assembly, lock};
use super::handle::View;
use crate::spec::ServiceId;

/// A program file as it was when a process was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Image {
    /// `None`: there is no such file that can be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            path: path.to_owned(),
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        })
    }

    /// What has become of the file since; `None`: nothing.
    pub fn fate(&self) -> Option<Fate> {
        match Self::of(&self.path) {
            Some(now) if now == *self => None,
            Some(_) => Some(Fate::Replaced(self.path.clone())),
            None => Some(Fate::Gone(self.path.clone())),
        }
    }
}

/// What has become of a program under its running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A restart runs the new one.
    Replaced(PathBuf),
    /// A restart would fail.
    Gone(PathBuf),
}

/// The programs of the running services.
#[derive(Debug, Default)]
pub struct Images(Mutex<BTreeMap<ServiceId, Image>>);

impl Images {
    /// The program is about to be started for this service.
    pub fn note(&self, service: ServiceId, program: &Path) {
        let mut images = lock(&self.0);
        match Image::of(program) {
            Some(image) => images.insert(service, image),
            None => images.remove(&service),
        };
    }
}

/// The files that a stack was read from, with a digest of what they held; one that was not there may come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Sources {
    pub fn note(&mut self, path: &Path, read: &io::Result<Vec<u8>>) {
        self.0.insert(path.to_owned(), digest(read));
    }

    /// Those that hold something else now, have come or have gone.
    pub fn changed(&self) -> Vec<&Path> {
        let differs = |(path, before): &(&PathBuf, &Option<[u8; 32]>)| digest(&fs::read(path)) != **before;
        self.0.iter().filter(differs).map(|(path, _)| path.as_path()).collect()
    }
}

fn digest(read: &io::Result<Vec<u8>>) -> Option<[u8; 32]> {
    read.as_ref().ok().map(|bytes| Sha256::digest(bytes).into())
}

/// What a look at the disk has told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stale {
    /// One for each service of the view, in the same order.
    pub services: Vec<Option<Fate>>,
    /// Of reeve itself, in words.
    pub stack: Vec<String>,
}

/// Reads the disk: not for the loop's thread.
pub fn look(assembly: &Assembly, own: Option<&Image>, sources: &Sources, view: &View) -> Stale {
    let images = lock(&assembly.images.0).clone();
    let fate = |service: &crate::engine::ServiceSnapshot| {
        service.pid?;
        let id = assembly.stack.by_name(&service.name)?.id;
        images.get(&id)?.fate()
    };
    let mut stack = Vec::new();
    let changed: Vec<String> = sources.changed().into_iter().map(|path| shown(path, &assembly.stack.dir)).collect();
    if !changed.is_empty() {
        let verb = if changed.len() == 1 { "has" } else { "have" };
        stack.push(format!(
            "{} {verb} changed since reeve was started: reeve down and reeve up -d put that in force",
            changed.join(" and ")
        ));
    }
    if let Some(Fate::Replaced(path)) = own.and_then(Image::fate) {
        stack.push(format!(
            "{} was replaced since reeve was started: reeve down and reeve up -d run the new one",
            path.display()
        ));
    }
    Stale { services: view.snapshot.services.iter().map(fate).collect(), stack }
}

/// Short for what lies beside the stack's file.
fn shown(path: &Path, dir: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_program_a_changed_one_and_a_missing_one_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        fs::write(&path, "one").unwrap();
        let image = Image::of(&path).unwrap();
        assert_eq!(image.fate(), None);
        let other = dir.path().join("other");
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(image.fate(), Some(Fate::Replaced(path.clone())), "of the same size");
        fs::remove_file(&path).unwrap();
        assert_eq!(image.fate(), Some(Fate::Gone(path)));
    }

    #[test]
    fn a_file_that_changes_comes_or_goes_is_named_and_one_that_is_written_anew_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["same", "changes", "goes"] {
            fs::write(path(name), name).unwrap();
        }
        let mut sources = Sources::default();
        for name in ["same", "changes", "goes", "comes"] {
            sources.note(&path(name), &fs::read(path(name)));
        }
        assert_eq!(sources.changed(), Vec::<&Path>::new());
        fs::write(path("same"), "same").unwrap();
        fs::write(path("changes"), "changed").unwrap();
        fs::write(path("comes"), "").unwrap();
        fs::remove_file(path("goes")).unwrap();
        assert_eq!(sources.changed(), [path("changes"), path("comes"), path("goes")]);
    }
}
