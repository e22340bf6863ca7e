//! Orphans that were given to us, and only those.
//!
//! A subreaper becomes the parent of what its children leave behind. Such processes must be reaped, while the ends of
//! our own children belong to whoever waits for them.

use std::collections::HashSet;
use std::io;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use super::identity;

/// Our own children: `live` have somebody who waits for them, `abandoned` have nobody any more.
#[derive(Debug, Default)]
pub struct Registry {
    pids: Mutex<Pids>,
    /// Held shared while a child is made but not yet listed, exclusively while orphans are told from children.
    births: RwLock<()>,
}

#[derive(Debug, Default)]
struct Pids {
    live: HashSet<i32>,
    abandoned: HashSet<i32>,
}

pub(super) fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::default);
    &REGISTRY
}

impl Registry {
    fn pids(&self) -> MutexGuard<'_, Pids> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn birth(&self) -> RwLockReadGuard<'_, ()> {
        self.births.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, pid: i32) {
        let mut pids = self.pids();
        // A number seen again is a new process: the old one must have been reaped.
        pids.abandoned.remove(&pid);
        pids.live.insert(pid);
    }

    pub(super) fn remove(&self, pid: i32) {
        self.pids().live.remove(&pid);
    }

    pub(super) fn abandon(&self, pid: i32) {
        let mut pids = self.pids();
        pids.live.remove(&pid);
        pids.abandoned.insert(pid);
    }
}

/// Makes this process the parent of orphans below it.
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: sets a flag of this process.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reaps every ended orphan; to be called on SIGCHLD. Returns how many there were.
pub fn reap_orphans() -> usize {
    // SAFETY: all zero is a valid siginfo; WNOWAIT leaves the child waitable by its owner.
    let peeked = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        if libc::waitid(libc::P_ALL, 0, &raw mut info, flags) == 0 { info.si_pid() } else { 0 }
    };
    if peeked == 0 {
        return 0;
    }
    let _no_births = registry().births.write().unwrap_or_else(PoisonError::into_inner);
    // The peek shows one ended child only, and an owned one would hide the others: look at all that are not owned.
    let candidates: Vec<i32> = {
        let pids = registry().pids();
        children().into_iter().filter(|pid| !pids.live.contains(pid)).collect()
    };
    candidates.into_iter().filter(|pid| is_orphan(*pid) && reap(*pid)).count()
}

/// A service has a session of its own, so what it leaves behind is never in ours; a helper started by other means is.
fn is_orphan(pid: i32) -> bool {
    if registry().pids().abandoned.contains(&pid) {
        return true;
    }
    let own = std::process::id() as i32;
    // SAFETY: asks for our own session.
    let session = unsafe { libc::getsid(0) };
    identity::stat(pid).is_some_and(|s| s.is_dead() && s.parent == own && s.session != session)
}

fn reap(pid: i32) -> bool {
    // SAFETY: waits for this one child, which nobody else waits for.
    let done = unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) } == pid;
    if done {
        registry().pids().abandoned.remove(&pid);
    }
    done
}

fn children() -> Vec<i32> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let mut pids = Vec::new();
    for task in tasks.flatten() {
        match std::fs::read_to_string(task.path().join("children")) {
            Ok(text) => pids.extend(text.split_ascii_whitespace().filter_map(|p| p.parse::<i32>().ok())),
            Err(_) => {
                // A kernel without this list: every process, by its parent.
                let own = std::process::id() as i32;
                return identity::processes().into_iter().filter(|s| s.parent == own).map(|s| s.pid).collect();
            }
        }
    }
    pids
}
