//! Which process is which: boot id, start times, signals that cannot hit a stranger.

use std::ffi::{CString, c_int};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

/// Names this boot; leases of another boot are void.
pub fn boot_id() -> io::Result<&'static str> {
    static BOOT: OnceLock<String> = OnceLock::new();
    if let Some(id) = BOOT.get() {
        return Ok(id);
    }
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(BOOT.get_or_init(|| text.trim().to_owned()))
}

/// The parts of `/proc/<pid>/stat` that say who belongs to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub pid: i32,
    pub state: u8,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// Clock ticks since boot.
    pub start_time: u64,
}

impl Stat {
    /// Ended, only waiting to be reaped.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Reads `/proc/<pid>/stat`; `None` when there is no such process.
pub fn stat(pid: i32) -> Option<Stat> {
    let path = CString::new(format!("/proc/{pid}/stat")).ok()?;
    let mut buffer = [0_u8; 512];
    // SAFETY: opens, reads into a local buffer and closes; three calls and no allocation beyond the path.
    let read = unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return None;
        }
        let read = libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(fd);
        read
    };
    parse_stat(pid, buffer.get(..usize::try_from(read).ok()?)?)
}

/// The name in parentheses may hold anything, also ") Z 1": fields count from the last parenthesis.
fn parse_stat(pid: i32, bytes: &[u8]) -> Option<Stat> {
    let rest = std::str::from_utf8(bytes.get(memchr::memrchr(b')', bytes)? + 2..)?).ok()?;
    let mut fields = rest.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let start_time = fields.nth(15)?.parse().ok()?;
    Some(Stat { pid, state, parent, group, session, start_time })
}

/// Field 22 of `/proc/<pid>/stat`.
pub fn start_time(pid: i32) -> Option<u64> {
    stat(pid).map(|s| s.start_time)
}

/// Whether `pid` still is the process that began at `start_time` (a zombie is not).
pub fn is_same(pid: i32, start_time: u64) -> bool {
    stat(pid).is_some_and(|s| s.start_time == start_time && !s.is_dead())
}

/// Every process that can be seen.
pub fn processes() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).filter_map(stat).collect()
}

/// A pidfd of exactly this process: opened first, checked afterwards, so that reuse of the number cannot deceive.
pub fn open(pid: i32, start_time: u64) -> Option<OwnedFd> {
    // SAFETY: makes a new descriptor or fails.
    let fd = unsafe {
        let raw = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if raw < 0 {
            return None;
        }
        OwnedFd::from_raw_fd(c_int::try_from(raw).ok()?)
    };
    is_same(pid, start_time).then_some(fd)
}

/// `Ok(false)`: the process has ended.
pub fn send(pidfd: BorrowedFd<'_>, signal: c_int) -> io::Result<bool> {
    let nothing = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: signals the process that the descriptor stands for.
    if unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, nothing, 0) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        e if e.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        e => Err(e),
    }
}

/// Signals a process known by pid and start time; `Ok(false)` when it is gone.
pub fn signal_exact(pid: i32, start_time: u64, signal: c_int) -> io::Result<bool> {
    use std::os::fd::AsFd;
    open(pid, start_time).map_or(Ok(false), |fd| send(fd.as_fd(), signal))
}

/// The command line, or the bracketed name of a process that has none; for people, cut at 200 characters.
pub fn command(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ");
    if text.is_empty() {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        return format!("[{}]", name.trim());
    }
    text.chars().take(200).collect()
}

/// Where in the kernel a process waits; empty when it does not or we may not know.
pub fn waiting_in(pid: i32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    if text == "0" { String::new() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let line = b"7 (a) Z 9 (b)) S 1 2 3 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 777 8 9\n";
        let stat = parse_stat(7, line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.group, stat.session, stat.start_time), (b'S', 1, 2, 3, 777));
    }

    #[test]
    fn we_are_ourselves_and_nobody_else() {
        let pid = std::process::id() as i32;
        let start = start_time(pid).unwrap();
        assert!(is_same(pid, start));
        assert!(!is_same(pid, start + 1));
        assert!(open(pid, start + 1).is_none());
        assert!(!command(pid).is_empty());
    }
}
