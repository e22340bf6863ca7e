//! Kernel, limits, clock and disk.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use super::Finding;
use crate::cli::ps::bytes;
use crate::telemetry::wall_clock;

/// A database's first start needs some hundred megabytes; below this it is a matter of time.
const DISK_NEEDED: u64 = 2 << 30;
/// Databases and Node together.
const FILES_NEEDED: u64 = 1024;
/// No copy of this program is older, so a clock before it is wrong.
const BUILT_AFTER: &str = "2025-01-01T00:00:00Z";

pub fn findings() -> Vec<Finding> {
    vec![kernel(), cgroup(), landlock(), open_files(), clock()]
}

fn kernel() -> Finding {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match version >= (5, 9) {
        true => Finding::good("kernel", format!("Linux {release}")),
        false => {
            Finding::bad("kernel", format!("Linux {release} is too old"), "5.9 or newer has everything reeve uses")
        }
    }
}

/// The way trees of processes are kept together.
fn cgroup() -> Finding {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = own.lines().find_map(|line| line.strip_prefix("0::"));
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let root = roots.into_iter().map(Path::new).find(|root| root.join("cgroup.procs").exists());
    let (Some(path), Some(root)) = (path, root) else {
        return Finding::weak(
            "cgroup",
            "no cgroup v2: process trees are found by scanning, memory limits are not enforced",
            "boot with the unified hierarchy",
        );
    };
    let dir = root.join(path.trim_start_matches('/'));
    let dir = if dir.is_dir() { dir } else { root.to_owned() };
    let writable = nix::unistd::access(&dir, nix::unistd::AccessFlags::W_OK).is_ok();
    let controllers = std::fs::read_to_string(dir.join("cgroup.controllers")).unwrap_or_default();
    match (writable, controllers.contains("memory")) {
        (true, true) => Finding::good("cgroup", format!("v2 at {}, with limits", dir.display())),
        (true, false) => Finding::weak(
            "cgroup",
            format!(
                "v2 at {} without controllers: trees are kept together, memory limits are not enforced",
                dir.display()
            ),
            "the unified hierarchy has controllers",
        ),
        (false, _) => Finding::weak(
            "cgroup",
            format!("{} is not ours to write: process trees are found by scanning", dir.display()),
            "run reeve as a systemd unit with Delegate=yes, or as root",
        ),
    }
}

fn landlock() -> Finding {
    let modules = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    match modules.split(',').any(|module| module.trim() == "landlock") {
        true => Finding::good("landlock", "the kernel can confine services"),
        false => Finding::weak(
            "landlock",
            "not active in this kernel (or not to be seen): services are not confined",
            "boot with lsm=landlock,…",
        ),
    }
}

fn open_files() -> Finding {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard >= FILES_NEEDED => Finding::good("limits", format!("{hard} open files")),
        Ok((_, hard)) => {
            Finding::weak("limits", format!("only {hard} open files"), "raise the hard limit (ulimit -Hn)")
        }
        Err(error) => Finding::weak("limits", format!("cannot be told: {error}"), "look at /proc/self/limits"),
    }
}

fn clock() -> Finding {
    let now = wall_clock();
    let is_plausible = BUILT_AFTER.parse::<jiff::Timestamp>().is_ok_and(|built| now > built);
    match is_plausible {
        true => Finding::good("clock", format!("{now:.0}")),
        false => {
            Finding::bad("clock", format!("{now:.0} cannot be right"), "set the clock: certificates and logs need it")
        }
    }
}

pub fn data_dir(data_dir: &Path) -> Vec<Finding> {
    let Some(existing) = data_dir.ancestors().find(|path| path.exists()) else { return Vec::new() };
    let mut findings = vec![disk(existing)];
    if nix::unistd::access(existing, nix::unistd::AccessFlags::W_OK).is_err() {
        let message = format!("{} cannot be written", existing.display());
        findings.push(Finding::bad("permissions", message, "use --data-dir, or run as its owner"));
    }
    for name in ["secrets.env", "run/reeve.sock"] {
        let path = data_dir.join(name);
        let Ok(data) = std::fs::symlink_metadata(&path) else { continue };
        let mode = data.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let message = format!("{} has mode {mode:o}: others can reach it", path.display());
            findings.push(Finding::bad("permissions", message, format!("chmod 600 {}", path.display())));
        }
        let own = nix::unistd::geteuid().as_raw();
        if data.uid() != own && own != 0 {
            let message = format!("{} belongs to user {}, not to us", path.display(), data.uid());
            findings.push(Finding::bad("permissions", message, "ask as that user or as root"));
        }
    }
    if !findings.iter().any(|finding| finding.about == "permissions") {
        findings.push(Finding::good("permissions", format!("{} is ours", existing.display())));
    }
    findings
}

fn disk(path: &Path) -> Finding {
    match nix::sys::statvfs::statvfs(path) {
        Ok(stat) => {
            let free = stat.blocks_available().saturating_mul(stat.fragment_size());
            let message = format!("{} free at {}", bytes(free), path.display());
            match free >= DISK_NEEDED {
                true => Finding::good("disk", message),
                false => Finding::weak("disk", message, "free some space, or use --data-dir elsewhere"),
            }
        }
        Err(error) => {
            Finding::weak("disk", format!("free space at {} cannot be told: {error}", path.display()), "look with df")
        }
    }
}
