//! Which stack is meant: the file, its directory and the data directory.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::args::Global;
use super::exit::Exit;
use super::failure::{Failure, Result};
use crate::control::client::Client;
use crate::platform::{Credentials, access, account};

const NAME: &str = "services.toml";
const SYSTEM_FILE: &str = "/etc/reeve/services.toml";
const SYSTEM_DATA: &str = "/var/lib/reeve";
/// Any account that owns nothing here.
const NOBODY: u32 = 65534;

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
        (None, Some(file)) => beside(file.parent().unwrap_or(cwd)),
        (None, None) => return Err(no_file()),
    };
    if let Some(file) = data_dir.ancestors().find(|path| path.exists()).filter(|path| !path.is_dir()) {
        let message = format!("{} cannot be the data directory: {} is a file", data_dir.display(), file.display());
        return Err(Failure::message(Exit::Failed, message).hint("--data-dir names another place"));
    }
    // The same directory by any way leads to the same socket, lock and names.
    let data_dir = data_dir.canonicalize().unwrap_or(data_dir);
    Ok(Place { file, data_dir })
}

/// `.reeve` beside the file. As root, services run as another account, which must be able to get there: in a closed
/// directory (such as root's home) the data goes to a place of its own below the system's.
fn beside(dir: &Path) -> PathBuf {
    let stranger = Credentials { uid: NOBODY, gid: NOBODY, groups: Vec::new() };
    if !account::is_root() || access::blocked_at(dir, &stranger).is_none() {
        return dir.join(".reeve");
    }
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let hash = Sha256::digest(real.as_os_str().as_bytes());
    let name = real.file_name().map_or_else(|| "stack".into(), |name| name.to_string_lossy().into_owned());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Path::new(SYSTEM_DATA).join(format!("{name}-{short}"))
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
    fn a_file_in_the_place_of_the_data_directory_is_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("f"), "").unwrap();
        for dir in ["f", "f/deeper"] {
            let refused = find(&global(&["--data-dir", dir]), root.path(), Path::new("/nowhere")).unwrap_err();
            assert!(refused.lines()[0].ends_with("/f is a file"), "{refused:?}");
        }
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
