//! Kernel, limits, clock and disk.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::Finding;
use crate::cli::ps::bytes;
use crate::platform::features;
use crate::telemetry::wall_clock;

/// A database's first start needs some hundred megabytes; below this it is a matter of time.
const DISK_NEEDED: u64 = 2 << 30;
/// Databases and Node together.
const FILES_NEEDED: u64 = 1024;
/// No copy of this program is older, so a clock before it is wrong.
const BUILT_AFTER: &str = "2025-01-01T00:00:00Z";

const LIMITS_HINT: &str = "boot with the unified hierarchy, and run reeve as root or as a unit with Delegate=yes";

pub fn findings() -> Vec<Finding> {
    vec![kernel(), cgroup(), limits(), landlock(), open_files(), clock()]
}

fn kernel() -> Finding {
    match features::kernel() {
        Ok(kernel) if kernel.is_new_enough() => Finding::good("kernel", format!("Linux {}", kernel.release)),
        Ok(kernel) => {
            let (major, minor) = features::KERNEL_NEEDED;
            let hint = format!("{major}.{minor} or newer has everything reeve uses");
            Finding::bad("kernel", format!("Linux {} is too old", kernel.release), hint)
        }
        Err(error) => Finding::weak("kernel", format!("its version cannot be told: {error}"), "is /proc mounted?"),
    }
}

/// The way trees of processes are kept together.
fn cgroup() -> Finding {
    let holding = features::holding();
    match (holding.place, holding.reason) {
        (Some(place), _) => Finding::good("cgroup", format!("{} at {}", holding.rung, place.display())),
        (None, reason) => Finding::weak(
            "cgroup",
            format!("process trees are found by scanning: {}", reason.unwrap_or_default()),
            "run reeve as a systemd unit with Delegate=yes, or as root",
        ),
    }
}

/// Which limits of services hold.
fn limits() -> Finding {
    let limiting = features::limiting();
    let held = limiting.iter().filter_map(|l| Some(format!("{} by {}", l.controller, l.outcome.as_ref().ok()?)));
    let held = held.collect::<Vec<_>>().join(", ");
    let lost = limiting.iter().filter_map(|l| Some(format!("{} not ({})", l.controller, l.outcome.as_ref().err()?)));
    let lost = lost.collect::<Vec<_>>().join(", ");
    match (held.is_empty(), lost.is_empty()) {
        (_, true) => Finding::good("limits", held),
        (true, false) => Finding::weak("limits", format!("not enforced: {lost}"), LIMITS_HINT),
        (false, false) => Finding::weak("limits", format!("{held}; {lost}"), LIMITS_HINT),
    }
}

fn landlock() -> Finding {
    match features::landlock() {
        Some(version) => Finding::good("landlock", format!("version {version}: the kernel can confine services")),
        None => Finding::weak(
            "landlock",
            "not active in this kernel: services are not confined",
            "boot with lsm=landlock,…",
        ),
    }
}

fn open_files() -> Finding {
    match features::open_files() {
        Ok((_, hard)) if hard >= FILES_NEEDED => Finding::good("open files", format!("{hard}")),
        Ok((_, hard)) => Finding::weak("open files", format!("only {hard}"), "raise the hard limit (ulimit -Hn)"),
        Err(error) => Finding::weak("open files", format!("cannot be told: {error}"), "look at /proc/self/limits"),
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
