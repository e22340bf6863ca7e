//! Clocks that no operator can set.

use std::time::Duration;

fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills a local structure; these clocks always exist.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Nanoseconds of CLOCK_MONOTONIC: stands still while the machine sleeps.
pub fn monotonic_ns() -> u64 {
    u64::try_from(read(libc::CLOCK_MONOTONIC).as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds of CLOCK_BOOTTIME: goes on while the machine sleeps.
pub fn boottime_ns() -> u64 {
    u64::try_from(read(libc::CLOCK_BOOTTIME).as_nanos()).unwrap_or(u64::MAX)
}

/// Time spent suspended since boot; a growth between two looks is a suspend.
pub fn suspended() -> Duration {
    Duration::from_nanos(boottime_ns().saturating_sub(monotonic_ns()))
}
