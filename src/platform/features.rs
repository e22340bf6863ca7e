//! What this machine offers, for people who ask what to expect. Only looks, changes nothing.

use std::io;
use std::path::PathBuf;

use nix::sys::resource::{Resource, getrlimit};

use super::tree::Rung;
use super::{cgroup, hierarchy, limits};

/// Linux from which everything that is needed is there (`pidfd`, `clone3`, `close_range`).
pub const KERNEL_NEEDED: (u32, u32) = (5, 9);

/// The running kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    pub release: String,
    pub version: (u32, u32),
}

impl Kernel {
    pub fn is_new_enough(&self) -> bool {
        self.version >= KERNEL_NEEDED
    }
}

pub fn kernel() -> io::Result<Kernel> {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let release = text.trim().to_owned();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Ok(Kernel { release, version })
}

/// How process trees are held together here, as far as looking tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub rung: Rung,
    /// The cgroup in use.
    pub place: Option<PathBuf>,
    /// Why it is not a cgroup.
    pub reason: Option<String>,
}

pub fn holding() -> Holding {
    match cgroup::locate() {
        Ok(path) => {
            let controlled = !cgroup::available(&path).is_empty();
            let rung = if controlled { Rung::CgroupControlled } else { Rung::Cgroup };
            Holding { rung, place: Some(path), reason: None }
        }
        Err(reason) => Holding { rung: Rung::Subreaper, place: None, reason: Some(reason) },
    }
}

/// Which mechanism can hold limits of a controller (`memory`, `cpu`, `pids`), or why none can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limiting {
    pub controller: &'static str,
    pub outcome: Result<&'static str, String>,
}

pub fn limiting() -> Vec<Limiting> {
    let unified = cgroup::locate().map(|path| cgroup::available(&path)).unwrap_or_default();
    let look = |controller: &'static str| {
        let outcome = if unified.iter().any(|c| c == controller) {
            Ok(limits::UNIFIED)
        } else {
            hierarchy::own_group(controller).map(|_| limits::LEGACY)
        };
        Limiting { controller, outcome }
    };
    limits::CONTROLLERS.into_iter().map(look).collect()
}

/// The version of Landlock's interface; `None` when the kernel has it not, or not switched on.
pub fn landlock() -> Option<u32> {
    const VERSION: libc::c_uint = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag and no attributes the call only answers a number.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    u32::try_from(answer).ok().filter(|version| *version > 0)
}

/// Soft and hard limit of open files.
pub fn open_files() -> io::Result<(u64, u64)> {
    Ok(getrlimit(Resource::RLIMIT_NOFILE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_described() {
        let kernel = kernel().unwrap();
        assert!(kernel.is_new_enough(), "{kernel:?}");
        let holding = holding();
        assert_eq!(holding.place.is_none(), holding.reason.is_some());
        assert_eq!(limiting().len(), 3);
        let (soft, hard) = open_files().unwrap();
        assert!(soft <= hard);
    }
}
