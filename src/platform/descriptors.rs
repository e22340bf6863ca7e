//! How many files we may have open: many for us, the usual number for children.
//!
//! Programs that use `select` misbehave with a high limit, so what we raise for ourselves is not passed on.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::spawn::Rlimit;

static ORIGINAL: OnceLock<Rlimit> = OnceLock::new();

/// Raises our own soft limit to the hard one; answers the old soft limit and the hard one. Children keep the old.
pub fn raise() -> io::Result<(u64, u64)> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let original = *ORIGINAL.get_or_init(|| Rlimit { resource: libc::RLIMIT_NOFILE, soft, hard });
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok((original.soft, hard))
}

/// From here on up is what we hold for the length of a run.
const ASIDE: i32 = 256;

/// The same descriptor under a high number, so that the low ones are there for what children get; a start costs less
/// then. Where there is no such number, it stays as it is.
pub fn set_aside(fd: OwnedFd) -> OwnedFd {
    // SAFETY: duplicates an open descriptor; the result is owned by nobody else.
    unsafe {
        let high = libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, ASIDE);
        if high < 0 { fd } else { OwnedFd::from_raw_fd(high) }
    }
}

/// What a child gets back, if anything was raised.
pub(super) fn original() -> Option<Rlimit> {
    ORIGINAL.get().copied().filter(|limit| limit.soft != limit.hard)
}
