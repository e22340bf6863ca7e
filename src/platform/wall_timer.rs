//! A timer on the wall clock that also wakes when somebody sets that clock.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    Due,
    ClockSet,
}

/// One timer, set anew for each wait.
#[derive(Debug)]
pub struct WallTimer {
    fd: AsyncFd<OwnedFd>,
}

impl WallTimer {
    /// Within a runtime.
    pub fn new() -> io::Result<Self> {
        // SAFETY: makes a new descriptor, owned by nobody else.
        let fd = unsafe {
            let raw = libc::timerfd_create(libc::CLOCK_REALTIME, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK);
            if raw < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(raw)
        };
        // SAFETY: the registration owns the descriptor, which therefore stays open as long as it.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }.map_err(io::Error::from)?;
        Ok(Self { fd })
    }

    /// Until so many milliseconds since 1970, or until the clock was set. May be given up at any time.
    pub async fn wait_until(&self, millis: i64) -> io::Result<Woken> {
        if !self.set(millis)? {
            return Ok(Woken::ClockSet);
        }
        loop {
            let mut guard = self.fd.readable().await?;
            match guard.try_io(|fd| expirations(fd.get_ref())) {
                Ok(Ok(())) => return Ok(Woken::Due),
                Ok(Err(error)) if error.raw_os_error() == Some(libc::ECANCELED) => return Ok(Woken::ClockSet),
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }

    /// `false`: the clock was set since the last wait.
    fn set(&self, millis: i64) -> io::Result<bool> {
        // Zero would switch it off; a moment after 1970 has long passed as well.
        let millis = millis.max(1);
        let nothing = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let value = libc::timespec { tv_sec: millis / 1000, tv_nsec: (millis % 1000) * 1_000_000 };
        let spec = libc::itimerspec { it_interval: nothing, it_value: value };
        let flags = libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET;
        // SAFETY: reads a local structure.
        let done = unsafe {
            libc::timerfd_settime(self.fd.get_ref().as_raw_fd(), flags, &raw const spec, std::ptr::null_mut())
        };
        if done == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() == Some(libc::ECANCELED) { Ok(false) } else { Err(error) }
    }
}

fn expirations(fd: &OwnedFd) -> io::Result<()> {
    let mut count = [0_u8; 8];
    // SAFETY: reads into a local buffer of that size.
    let read = unsafe { libc::read(fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    if read < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_wakes_at_its_time_and_at_once_for_the_past() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let timer = WallTimer::new().unwrap();
            for past in [-5, 0, 1] {
                assert_eq!(timer.wait_until(past).await.unwrap(), Woken::Due);
            }
            let at = jiff::Timestamp::now().as_millisecond() + 30;
            // Given up and set anew.
            assert!(tokio::time::timeout(std::time::Duration::from_millis(1), timer.wait_until(at)).await.is_err());
            assert_eq!(timer.wait_until(at).await.unwrap(), Woken::Due);
            assert!(jiff::Timestamp::now().as_millisecond() >= at);
        });
    }
}
