//! What a script sees of the director's environment: a few names, and those that the operator lists.
//!
//! The director's own secrets (the address of the log collection, for one) are not among them.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What programs need to find their way about, and what scripts of the original read.
const NAMES: &[&str] = &[
    "PATH",
    "HOME",
    "TZ",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "NODE_ENV",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "GOV_INFRASTRUCTURE",
];

/// Names under which Node is installed.
const NODE: &[&str] = &["node", "nodejs"];

/// The variables of a script, from ours: the usual names and the listed ones.
pub fn environment(listed: &[String], own: impl Fn(&str) -> Option<OsString>) -> Vec<(OsString, OsString)> {
    let names = NAMES.iter().copied().chain(listed.iter().map(String::as_str));
    let mut found: Vec<(OsString, OsString)> = Vec::new();
    for name in names {
        let Some(value) = own(name) else { continue };
        if found.iter().all(|(known, _)| known != name) {
            found.push((name.into(), value));
        }
    }
    found
}

/// The executable: the one that was named, or the first of that name in the search path.
pub fn find_node(named: Option<&Path>, path: Option<OsString>) -> Option<PathBuf> {
    if let Some(named) = named.filter(|named| named.components().count() > 1) {
        return is_executable(named).then(|| std::path::absolute(named).ok()).flatten();
    }
    let names: Vec<&Path> = named.map_or_else(|| NODE.iter().map(Path::new).collect(), |named| vec![named]);
    let path = path?;
    let directories: Vec<PathBuf> = std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect();
    let candidates = names.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
    candidates.into_iter().find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_seen_that_was_not_listed() {
        let own = |name: &str| (name != "TZ").then(|| OsString::from(format!("value of {name}")));
        let seen = environment(&["SENDGRID_API_KEY".to_owned(), "PATH".to_owned()], own);
        let names: Vec<_> = seen.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert!(names.contains(&"SENDGRID_API_KEY") && names.contains(&"HOME") && !names.contains(&"TZ"));
        assert!(!names.contains(&"GOV_LOG_MONGODB_URI"));
        assert_eq!(names.iter().filter(|name| **name == "PATH").count(), 1);
    }

    #[test]
    fn node_is_found_by_name_or_by_path() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nodejs");
        std::fs::write(&file, "").unwrap();
        let path = || Some(dir.path().as_os_str().to_owned());
        assert_eq!(find_node(None, path()), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_node(None, path()).as_deref(), Some(file.as_path()));
        assert_eq!(find_node(Some(&file), None).as_deref(), Some(file.as_path()));
        assert_eq!(find_node(Some(Path::new("nodejs")), path()).as_deref(), Some(file.as_path()));
        assert_eq!(find_node(Some(Path::new("node")), path()), None);
        assert_eq!(find_node(Some(&dir.path().join("absent")), path()), None);
    }
}
