//! cgroup v1: the hierarchies of single controllers, used for limits only where v2 has no controllers (hybrid hosts).
//!
//! Groups are made below our own, so that limits which hold for us keep holding for what we start.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Our own group in the v1 hierarchy of a controller, or why there is none to be used.
pub fn own_group(controller: &str) -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"));
    let found = locate(controller, &read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?);
    let path = found.ok_or_else(|| format!("no {controller} controller"))?;
    let writable = nix::unistd::access(&path, nix::unistd::AccessFlags::W_OK);
    writable.map_err(|e| format!("{} is not writable: {}", path.display(), e.desc()))?;
    Ok(path)
}

fn locate(controller: &str, mounts: &str, own: &str) -> Option<PathBuf> {
    let has = |list: &str| list.split(',').any(|word| word == controller);
    let (left, _) = mounts.lines().filter_map(|line| line.split_once(" - ")).find(|(_, right)| {
        let mut words = right.split(' ');
        words.next() == Some("cgroup") && words.nth(1).is_some_and(has)
    })?;
    let mut fields = left.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let path = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        has(controllers).then_some(path)
    })?;
    // In a container only a part of the hierarchy may be mounted; what lies outside cannot be reached.
    let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
    Some(Path::new(point).join(below))
}

/// Makes the group and writes its files; a group that cannot hold the limit is not left behind.
pub fn limit(controller: &str, name: &str, files: &[(&str, String)]) -> Result<PathBuf, String> {
    let path = own_group(controller)?.join(name);
    match fs::create_dir(&path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(format!("cannot make {}: {e}", path.display()));
        }
        _ => {}
    }
    for (file, text) in files {
        if let Err(error) = fs::write(path.join(file), text) {
            let text = format!("cannot write {}: {error}", path.join(file).display());
            return Err(match fs::remove_dir(&path) {
                Ok(()) => text,
                Err(error) => format!("{text}; cannot remove the group again: {error}"),
            });
        }
    }
    Ok(path)
}

/// Where a process writes `0` to move itself.
pub fn entrance(group: &Path) -> io::Result<OwnedFd> {
    Ok(fs::OpenOptions::new().write(true).open(group.join("cgroup.procs"))?.into())
}

/// Groups of that name in every hierarchy that limits may use: of a run that an earlier reeve started.
pub fn existing(name: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = super::limits::CONTROLLERS
        .iter()
        .filter_map(|controller| Some(own_group(controller).ok()?.join(name)))
        .filter(|path| path.is_dir())
        .collect();
    found.dedup();
    found
}

/// Removes an empty group; one that is gone is fine.
pub fn remove(group: &Path) -> io::Result<()> {
    match fs::remove_dir(group) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 /docker/a /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_own_group_is_found_in_joined_and_partly_mounted_hierarchies() {
        let own = "4:memory:/docker/a/x\n1:cpu,cpuacct:/system/r:1\n0::/y\n";
        let at = |controller| locate(controller, MOUNTS, own);
        assert_eq!(at("cpu"), Some(PathBuf::from("/sys/fs/cgroup/cpu,cpuacct/system/r:1")));
        assert_eq!(at("memory"), Some(PathBuf::from("/sys/fs/cgroup/memory/x")));
        assert_eq!(at("pids"), None);
        assert_eq!(locate("memory", MOUNTS, "4:memory:/elsewhere\n"), Some(PathBuf::from("/sys/fs/cgroup/memory/")));
    }
}
