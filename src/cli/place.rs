//! Which stack is meant: the file, its directory and the data directory.

use std::path::{Path, PathBuf};

use super::args::Global;
use super::exit::Exit;
use super::failure::{Failure, Result};
use crate::control::client::Client;

const NAME: &str = "services.toml";
const SYSTEM_FILE: &str = "/etc/reeve/services.toml";
const SYSTEM_DATA: &str = "/var/lib/reeve";

/// A stack's place on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Absent when only a data directory was named.
    pub file: Option<PathBuf>,
    pub data_dir: PathBuf,
}

impl Place {
    pub fn find(global: &Global) -> Result<Self> {
        let cwd = std::env::current_dir()
            .map_err(|error| anyhow::Error::new(error).context("cannot tell the current directory"))?;
        find(global, &cwd, Path::new(SYSTEM_FILE))
    }

    pub fn file(&self) -> Result<&Path> {
        self.file.as_deref().ok_or_else(no_file)
    }

    pub fn client(&self) -> Result<Client> {
        Ok(Client::connect(&self.data_dir)?)
    }

    pub fn logs(&self) -> PathBuf {
        self.data_dir.join("logs")
    }
}

fn no_file() -> Failure {
    Failure::message(Exit::ConfigInvalid, format!("no {NAME} here or in a directory above, and no {SYSTEM_FILE}"))
        .hint("reeve init writes one, --file names one elsewhere")
}

fn find(global: &Global, cwd: &Path, system: &Path) -> Result<Place> {
    let file = match &global.file {
        Some(file) => Some(cwd.join(file)),
        None => cwd
            .ancestors()
            .map(|dir| dir.join(NAME))
            .find(|file| file.is_file())
            .or_else(|| system.is_file().then(|| system.to_owned())),
    };
    let data_dir = match (&global.data_dir, &file) {
        (Some(dir), _) => cwd.join(dir),
        (None, Some(file)) if file == system => PathBuf::from(SYSTEM_DATA),
        (None, Some(file)) => file.parent().unwrap_or(cwd).join(".reeve"),
        (None, None) => return Err(no_file()),
    };
    // The same directory by any way leads to the same socket, lock and names.
    let data_dir = data_dir.canonicalize().unwrap_or(data_dir);
    Ok(Place { file, data_dir })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn global(args: &[&str]) -> Global {
        let args = ["reeve", "ps"].iter().chain(args);
        super::super::args::Cli::try_parse_from(args).unwrap().global()
    }

    #[test]
    fn the_file_is_looked_for_upwards_then_in_the_system() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let deep = root.join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let system = root.join("etc.toml");
        assert_eq!(find(&global(&[]), &deep, &system).unwrap_err().exit, Exit::ConfigInvalid);
        std::fs::write(&system, "").unwrap();
        assert_eq!(find(&global(&[]), &deep, &system).unwrap().data_dir, Path::new(SYSTEM_DATA));
        std::fs::write(root.join(NAME), "").unwrap();
        let found = find(&global(&[]), &deep, &system).unwrap();
        assert_eq!((found.file, found.data_dir), (Some(root.join(NAME)), root.join(".reeve")));
    }

    #[test]
    fn a_data_directory_alone_is_enough_to_talk() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let found = find(&global(&["--data-dir", "d"]), &root, Path::new("/nowhere/services.toml")).unwrap();
        assert_eq!((found.file.clone(), found.data_dir.clone()), (None, root.join("d")));
        assert_eq!(found.file().unwrap_err().exit, Exit::ConfigInvalid);
    }
}
