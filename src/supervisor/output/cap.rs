//! The rotated files of all services, and the cap on their sum.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Name of the file that is written to.
pub const CURRENT: &str = "current";
/// What the names of rotated files end with.
pub const SUFFIX: &str = ".log";

/// Knows every rotated file below the log directory, also of services that are no longer declared.
#[derive(Debug)]
pub struct Archive {
    root: PathBuf,
    cap: u64,
    services: BTreeMap<String, Files>,
    total: u64,
}

#[derive(Debug, Default)]
struct Files {
    /// Oldest first.
    rotated: VecDeque<Rotated>,
    current: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rotated {
    name: String,
    size: u64,
}

impl Files {
    fn sum(&self) -> u64 {
        self.current + self.rotated.iter().map(|file| file.size).sum::<u64>()
    }
}

impl Archive {
    /// Takes stock of what is there. A directory that cannot be read counts as empty; writing will tell.
    pub fn load(root: &Path, cap: u64) -> Self {
        let mut archive = Self { root: root.to_owned(), cap, services: BTreeMap::new(), total: 0 };
        for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
            let Ok(service) = entry.file_name().into_string() else { continue };
            let Ok(rotated) = rotated_files(&entry.path()) else { continue };
            let size = |name: &str| entry.path().join(name).metadata().map_or(0, |meta| meta.len());
            let rotated = rotated.into_iter().map(|name| Rotated { size: size(&name), name }).collect();
            let files = Files { rotated, current: size(CURRENT) };
            archive.total += files.sum();
            archive.services.insert(service, files);
        }
        archive
    }

    /// Bytes of all logs together.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// A name for the next rotated file: the time, and always behind the last one, also when the clock went back.
    pub fn next_name(&self, service: &str, now: Timestamp) -> String {
        let name = file_name(now);
        let last = self.services.get(service).and_then(|files| files.rotated.back());
        match last {
            Some(last) if last.name >= name => {
                let base = last.name.strip_suffix(SUFFIX).unwrap_or(&last.name);
                format!("{base}+{SUFFIX}")
            }
            _ => name,
        }
    }

    /// The current file of the service has this size now.
    pub fn set_current(&mut self, service: &str, size: u64) {
        let files = match self.services.get_mut(service) {
            Some(files) => files,
            None => self.services.entry(service.to_owned()).or_default(),
        };
        self.total = self.total - files.current + size;
        files.current = size;
        if self.total > self.cap {
            self.enforce();
        }
    }

    /// The current file has become this one.
    pub fn rotated(&mut self, service: &str, name: String, size: u64, max_files: u32) {
        let files = self.services.entry(service.to_owned()).or_default();
        self.total = self.total - files.current + size;
        files.current = 0;
        files.rotated.push_back(Rotated { name, size });
        let keep = max_files.saturating_sub(1) as usize;
        while self.services.get(service).is_some_and(|files| files.rotated.len() > keep) {
            self.remove_oldest(service);
        }
        self.enforce();
    }

    /// The oldest rotated file of the noisiest service goes first; current files are never touched.
    fn enforce(&mut self) {
        while self.total > self.cap {
            let noisiest = self
                .services
                .iter()
                .filter(|(_, files)| !files.rotated.is_empty())
                .max_by_key(|(_, files)| files.sum())
                .map(|(service, _)| service.clone());
            let Some(service) = noisiest else { return };
            self.remove_oldest(&service);
        }
    }

    fn remove_oldest(&mut self, service: &str) {
        let Some(file) = self.services.get_mut(service).and_then(|files| files.rotated.pop_front()) else { return };
        self.total -= file.size;
        let path = self.root.join(service).join(&file.name);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove an old log file"),
        }
    }
}

fn file_name(now: Timestamp) -> String {
    let text = format!("{now:.9}");
    let name: String = text.chars().filter(|c| *c != ':' && *c != '-').collect();
    format!("{name}{SUFFIX}")
}

/// Names of the rotated files of one service, oldest first.
pub fn rotated_files(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        if let Ok(name) = entry?.file_name().into_string()
            && name.ends_with(SUFFIX)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
