//! Giving memory back once it is not needed any more. Never decides when that is.

use std::fs;

/// Grown by this much at a time, and not shrunk before [`give_back`]: a start allocates and frees all along.
const HEAP_STEP: libc::c_int = 1 << 20;

/// One heap for all threads, that grows in large steps. They allocate little; a heap for each would be grown page by page,
/// under a lock on the memory map that starting children need as well. To be called before there is a second thread.
pub fn frugal() {
    #[cfg(target_env = "gnu")]
    // SAFETY: parameters of the allocator.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, HEAP_STEP);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 * HEAP_STEP);
    }
}

/// Hands what a start has left over back to the machine: freed pages of the heap, and pages of programs and libraries that
/// were mapped for the start alone. The latter stay in the page cache, and whoever calls one again maps it again.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: touches only memory that the allocator holds free.
    unsafe {
        libc::malloc_trim(0)
    };
    let Ok(text) = fs::read_to_string("/proc/self/smaps") else { return };
    for (start, end) in clean(&text) {
        // SAFETY: an unwritable mapping of a file, none of whose pages differs from the file: what is dropped here comes back
        // as it was. A library being loaded meanwhile is writable as long as it is changed; none is ever unloaded.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// Unwritable mappings of files, of which no page was ever changed (relocated constants are).
fn clean(smaps: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        if let Some(range) = header(line) {
            candidate = range;
        } else if line.split_whitespace().eq(["Anonymous:", "0", "kB"]) {
            found.extend(candidate.take());
        }
    }
    found
}

/// `Some` for a line that begins a mapping; in it the range, if it is an unwritable one of a file.
fn header(line: &str) -> Option<Option<(usize, usize)>> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let range = (number(start)?, number(end)?);
    Some((rest.starts_with("r-") && rest.contains(" /")).then_some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_equals_the_file_is_given_back() {
        let smaps = "\
1000-2000 r--p 00000000 fe:00 7   /bin/reeve
Rss:                   4 kB
Anonymous:             0 kB
2000-4000 r-xp 00001000 fe:00 7   /bin/reeve
Anonymous:             0 kB
4000-5000 r--p 00003000 fe:00 7   /bin/reeve
Anonymous:             4 kB
5000-6000 rw-p 00004000 fe:00 7   /bin/reeve
Anonymous:             0 kB
6000-7000 r-xp 00000000 fe:00 8   /lib/libc.so.6
Anonymous:             0 kB
7000-8000 r-xp 00000000 00:00 0   [vdso]
Anonymous:             0 kB
";
        assert_eq!(clean(smaps), [(0x1000, 0x2000), (0x2000, 0x4000), (0x6000, 0x7000)]);
    }

    #[test]
    fn we_live_on_with_less() {
        give_back();
        assert!(!std::thread::current().id().eq(&std::thread::spawn(|| std::thread::current().id()).join().unwrap()));
    }
}
