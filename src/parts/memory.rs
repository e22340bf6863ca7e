//! What programs of the machine said of their version, so that a start need not run them again only to ask.
//!
//! An answer holds for one very file, told by its identity and times, and only where the file is the program: what a script
//! answers may depend on other files. A lost or broken memory costs a question, nothing else.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cache::Cache;
use super::version::Version;
use crate::platform::durable;

/// One answer: who gave it, as it was then, and what it was.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    program: Identity,
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change of content, and of anything.
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A question that may have been answered before.
#[derive(Debug)]
pub(super) struct Question {
    program: Identity,
    file: PathBuf,
}

impl Question {
    /// `None`: what this program says is not to be remembered.
    pub fn new(cache: &Cache, program: &Path, arguments: &[String]) -> Option<Self> {
        let program = Identity::of(program).ok().flatten()?;
        let mut digest = Sha256::new_with_prefix(program.path.as_os_str().as_bytes());
        for argument in arguments {
            digest.update([0]);
            digest.update(argument);
        }
        let key: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { program, file: cache.answer(&key) })
    }

    pub fn recall(&self) -> Option<Version> {
        let answer: Answer = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        (answer.program == self.program).then(|| Version::exact(&answer.version)).flatten()
    }

    pub fn remember(self, cache: &Cache, version: &Version) {
        let answer = Answer { program: self.program, version: version.to_string() };
        let text = serde_json::to_vec(&answer).map_err(io::Error::from);
        let written = text.and_then(|text| cache.make().and_then(|()| durable::write(&self.file, &text, 0o644)));
        if let Err(error) = written {
            tracing::debug!(file = %self.file.display(), %error, "a version is not remembered and will be asked for again");
        }
    }
}

impl Identity {
    /// Of the file behind all links, if it is a program itself.
    fn of(program: &Path) -> io::Result<Option<Self>> {
        let path = program.canonicalize()?;
        let mut file = File::open(&path)?;
        let mut magic = [0; 4];
        file.read_exact(&mut magic)?;
        let meta = file.metadata()?;
        Ok((magic == *b"\x7fELF").then(|| Self {
            path,
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_the_very_program_that_gave_it() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(&dir.path().join("cache"));
        let program = dir.path().join("program");
        let ask = |arguments: &[String]| Question::new(&cache, &program, arguments).unwrap();
        let arguments = ["--version".to_owned()];
        fs::write(&program, b"\x7fELF one").unwrap();
        assert!(ask(&arguments).recall().is_none());
        ask(&arguments).remember(&cache, &Version::exact("17.10").unwrap());
        assert_eq!(ask(&arguments).recall().unwrap().to_string(), "17.10");
        assert!(ask(&["-V".to_owned()]).recall().is_none());
        // As a package manager brings a new one.
        fs::write(dir.path().join("new"), b"\x7fELF two").unwrap();
        fs::rename(dir.path().join("new"), &program).unwrap();
        assert!(ask(&arguments).recall().is_none());
    }

    #[test]
    fn what_a_script_says_is_not_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        fs::write(&script, "#!/bin/sh\ncat version\n").unwrap();
        assert!(Question::new(&Cache::new(dir.path()), &script, &[]).is_none());
    }
}
