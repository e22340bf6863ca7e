//! What was built last, by service: a small file beside what was built.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::platform::durable;

/// A file of another version is as good as none: everything is built once more.
const VERSION: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// Build → fingerprint of what it was made from.
    builds: BTreeMap<String, String>,
}

impl Record {
    /// What cannot be read is not known, and is built anew.
    pub fn read(path: &Path) -> Self {
        let known = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        known.filter(|record| record.version == VERSION).unwrap_or_default()
    }

    pub fn of(&self, build: &str) -> Option<&str> {
        self.builds.get(build).map(String::as_str)
    }

    pub fn forget(&mut self, build: &str) {
        self.builds.remove(build);
    }

    pub fn remember(&mut self, build: &str, fingerprint: String) {
        self.builds.insert(build.to_owned(), fingerprint);
    }

    pub fn write(&mut self, path: &Path) -> io::Result<()> {
        self.version = VERSION;
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        durable::write(path, &text, 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_and_forgets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.json");
        let mut record = Record::read(&path);
        assert_eq!(record.of("bundle"), None);
        record.remember("bundle", "abc".to_owned());
        record.remember("deps", "def".to_owned());
        record.write(&path).unwrap();
        let mut record = Record::read(&path);
        assert_eq!((record.of("bundle"), record.of("deps")), (Some("abc"), Some("def")));
        record.forget("bundle");
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path).of("bundle"), None);
        for broken in ["{", "{\"version\": 9, \"builds\": {\"deps\": \"x\"}}"] {
            std::fs::write(&path, broken).unwrap();
            assert_eq!(Record::read(&path).of("deps"), None, "{broken}");
        }
    }
}
