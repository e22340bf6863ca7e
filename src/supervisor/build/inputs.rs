//! What a build is made from, told by content: names, permission to execute, bytes. Times do not count.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::spec::PathSet;
use crate::spec::build::SKIPPED;

/// More is a directory of something else, named by mistake; reading all of it would hold up every start.
const MOST_FILES: usize = 50_000;

/// Read at once.
const PIECE: usize = 64 << 10;

/// First in every fingerprint: a change of how they are made makes all of them new.
const FORM: &[u8] = b"reeve build 1";

#[derive(Debug, thiserror::Error)]
pub enum InputsError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("there are more than {MOST_FILES} files")]
    TooMany,
    #[error("the comparison was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl InputsError {
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } => "make it readable, or leave it out: \"!PATH\" among the inputs".to_owned(),
            Self::TooMany => "name what counts more narrowly, or leave directories out with \"!PATH\"".to_owned(),
            Self::Interrupted(_) => "try again".to_owned(),
        }
    }
}

/// The files of a set below `dir`, by name; and the directories that were looked into.
#[derive(Debug, Default)]
pub struct Listed {
    pub files: BTreeMap<String, PathBuf>,
    pub dirs: Vec<PathBuf>,
}

/// Everything that belongs to the set now.
pub fn listed(dir: &Path, set: &PathSet) -> Result<Listed, InputsError> {
    let mut listed = Listed::default();
    for root in set.roots() {
        let root = if root == "." { "" } else { root };
        look(dir, root, set, &mut listed)?;
    }
    Ok(listed)
}

fn look(dir: &Path, name: &str, set: &PathSet, listed: &mut Listed) -> Result<(), InputsError> {
    let path = dir.join(name);
    if !name.is_empty() && set.leaves_out(name) {
        return Ok(());
    }
    // What is not there now may come; its absence is part of the picture.
    let Some(metadata) = there(&path, fs::symlink_metadata(&path))? else { return Ok(()) };
    if !metadata.is_dir() {
        if set.wants(name) {
            listed.files.insert(name.to_owned(), path);
        }
        return if listed.files.len() > MOST_FILES { Err(InputsError::TooMany) } else { Ok(()) };
    }
    let Some(entries) = there(&path, fs::read_dir(&path))? else { return Ok(()) };
    listed.dirs.push(path.clone());
    for entry in entries {
        let entry = entry.map_err(|source| InputsError::Read { path: path.clone(), source })?;
        let own = entry.file_name();
        // Names that are no Unicode cannot be meant by any pattern.
        let Some(own) = own.to_str().filter(|own| !SKIPPED.contains(own)) else { continue };
        let below = if name.is_empty() { own.to_owned() } else { format!("{name}/{own}") };
        look(dir, &below, set, listed)?;
    }
    Ok(())
}

fn there<T>(path: &Path, done: io::Result<T>) -> Result<Option<T>, InputsError> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(InputsError::Read { path: path.to_owned(), source }),
    }
}

/// One text for the content of every file of the set and for `how` it is used. Blocks.
pub fn fingerprint(dir: &Path, set: &PathSet, how: &[String]) -> Result<String, InputsError> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    field(&mut hash, FORM);
    how.iter().for_each(|text| field(&mut hash, text.as_bytes()));
    for (name, path) in listed(dir, set)?.files {
        field(&mut hash, name.as_bytes());
        content(&mut hash, &path, &mut piece)?;
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// With its length before it, so that no two lists of fields read the same.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn content(hash: &mut Sha256, path: &Path, piece: &mut [u8]) -> Result<(), InputsError> {
    let failed = |source| InputsError::Read { path: path.to_owned(), source };
    let Some(metadata) = there(path, fs::symlink_metadata(path))? else { return Ok(()) };
    if metadata.is_symlink() {
        hash.update(b"link");
        let target = fs::read_link(path).map_err(failed)?;
        field(hash, target.to_string_lossy().as_bytes());
        return Ok(());
    }
    if !metadata.is_file() {
        // A pipe or socket holds nothing, and opening one could wait for ever.
        hash.update(b"else");
        return Ok(());
    }
    hash.update(if metadata.permissions().mode() & 0o111 == 0 { b"file" } else { b"exec" });
    let Some(mut file) = there(path, File::open(path))? else { return Ok(()) };
    let mut length = 0_u64;
    loop {
        let count = file.read(piece).map_err(failed)?;
        if count == 0 {
            break;
        }
        hash.update(&piece[..count]);
        length += count as u64;
    }
    hash.update(length.to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(include: &[&str], exclude: &[&str]) -> PathSet {
        let owned = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
        PathSet { include: owned(include), exclude: owned(exclude) }
    }

    fn write(dir: &Path, name: &str, text: &str) {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_files_of_a_set_are_found() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["web/src/a.ts", "web/src/a.test.ts", "web/node_modules/x.js", "web/package.json", "other/b"] {
            write(dir.path(), name, "");
        }
        let names = |set: &PathSet| listed(dir.path(), set).unwrap().files.into_keys().collect::<Vec<_>>();
        assert_eq!(names(&set(&["web"], &["web/**/*.test.ts"])), ["web/package.json", "web/src/a.ts"]);
        assert_eq!(names(&set(&["**/*.json", "other/b", "missing"], &[])), ["other/b", "web/package.json"]);
        assert_eq!(names(&set(&["."], &["web"])), ["other/b"]);
    }

    #[test]
    fn only_content_counts() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "src/a", "one");
        write(dir.path(), "src/b", "two");
        let all = set(&["src"], &[]);
        let now = |how: &str| fingerprint(dir.path(), &all, &[how.to_owned()]).unwrap();
        let first = now("make");
        write(dir.path(), "src/a", "one");
        let old = std::time::SystemTime::UNIX_EPOCH;
        File::options().write(true).open(dir.path().join("src/b")).unwrap().set_modified(old).unwrap();
        assert_eq!(now("make"), first, "times do not count");
        assert_ne!(now("make all"), first, "the command does");
        let mut seen = vec![first];
        let mut differs = |what: &str| {
            let next = now("make");
            assert!(!seen.contains(&next), "{what}");
            seen.push(next);
        };
        write(dir.path(), "src/a", "other");
        differs("content");
        fs::rename(dir.path().join("src/a"), dir.path().join("src/c")).unwrap();
        differs("a name");
        fs::set_permissions(dir.path().join("src/c"), fs::Permissions::from_mode(0o755)).unwrap();
        differs("the permission to execute");
        fs::remove_file(dir.path().join("src/c")).unwrap();
        differs("a file that is gone");
        std::os::unix::fs::symlink("b", dir.path().join("src/link")).unwrap();
        differs("a link");
    }

    #[test]
    fn a_pipe_is_no_trap() {
        let dir = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        fingerprint(dir.path(), &set(&["pipe"], &[]), &[]).unwrap();
    }
}
