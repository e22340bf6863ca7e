//! One owner at a time: an advisory lock that dies with its holder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Held until dropped, or until the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{} is held by process {}", .path.display(), .holder.map_or_else(|| "unknown".to_owned(), |p| p.to_string()))]
    Held { path: PathBuf, holder: Option<i32> },
    #[error("cannot lock {}", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// So long is waited for a holder that is dying already.
const DYING: Duration = Duration::from_secs(10);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(5);

impl Lock {
    /// Takes the lock or says who has it: at once, unless the holder is about to be gone. A killed process keeps its locks
    /// until the kernel has taken it down, and a child that it was just starting keeps them until its exec.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let deadline = Instant::now() + DYING;
        while let Err(error) = try_lock(&file) {
            if error.raw_os_error() != Some(libc::EWOULDBLOCK) {
                return Err(failed(error));
            }
            let mut text = String::new();
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            if holder.is_none_or(is_alive) || Instant::now() >= deadline {
                return Err(LockError::Held { path: path.to_owned(), holder });
            }
            rest(LOOK);
        }
        file.set_len(0).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn try_lock(file: &File) -> io::Result<()> {
    // SAFETY: locks an open file.
    match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether it runs. The command line of a process is gone as soon as its end has begun.
fn is_alive(pid: i32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Nothing tells of the release of a lock that a dying process shares with its children.
fn rest(time: Duration) {
    let millis = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: waits for nothing until the time is over.
    unsafe { libc::poll(std::ptr::null_mut(), 0, millis) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_learns_who_holds_it() {
        // semantics case 63
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path).unwrap();
        let second = Lock::acquire(&path).unwrap_err();
        assert!(matches!(second, LockError::Held { holder: Some(p), .. } if p == std::process::id() as i32));
        drop(first);
        Lock::acquire(&path).unwrap();
    }
    #[test]
    fn a_dead_holder_s_lock_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path).unwrap();
        // No process has this number.
        std::fs::write(&path, format!("{}\n", i32::MAX)).unwrap();
        let release = std::thread::spawn(move || {
            rest(LOOK * 4);
            drop(first);
        });
        Lock::acquire(&path).unwrap();
        release.join().unwrap();
    }
}
