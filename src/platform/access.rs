//! Whether an account can get at a path, told before a service is started and fails for a reason nobody sees.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::spawn::Credentials;

/// The first directory on the way to `path` (itself included) that the account may not pass through. By permission bits
/// alone: access control lists may allow more.
pub fn blocked_at(path: &Path, account: &Credentials) -> Option<PathBuf> {
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    way.into_iter().find(|dir| !passable(dir, account)).map(Path::to_owned)
}

fn passable(dir: &Path, account: &Credentials) -> bool {
    if account.uid == 0 {
        return true;
    }
    // What cannot be looked at, or is not there, is another matter than permission.
    let Ok(metadata) = std::fs::metadata(dir) else { return true };
    if !metadata.is_dir() {
        return true;
    }
    let shift = if metadata.uid() == account.uid {
        6
    } else if metadata.gid() == account.gid || account.groups.contains(&metadata.gid()) {
        3
    } else {
        0
    };
    metadata.mode() >> shift & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_closed_directory_is_named() {
        let root = tempfile::tempdir().unwrap();
        let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        open(root.path(), 0o755);
        let (closed, deep) = (root.path().join("closed"), root.path().join("closed/deep"));
        std::fs::create_dir_all(&deep).unwrap();
        let stranger = Credentials { uid: 54321, gid: 54321, groups: vec![] };
        open(&closed, 0o700);
        assert_eq!(blocked_at(&deep, &stranger), Some(closed.clone()));
        open(&closed, 0o711);
        assert_eq!(blocked_at(&deep, &stranger), None);
        let owner = Credentials { uid: std::fs::metadata(&closed).unwrap().uid(), gid: 1, groups: vec![] };
        open(&closed, 0o077);
        assert_eq!(blocked_at(&deep, &owner).is_some(), owner.uid != 0);
        open(&closed, 0o755);
    }
}
