//! The moment between two processes: the clone, and what the child does before its program runs.
//!
//! The child shares our memory until `execve` (the calling thread is suspended meanwhile), so nothing here allocates,
//! locks or unwinds: only system calls on data that was prepared before.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::os::fd::RawFd;
use std::ptr;

use super::sockets::PidVariable;
use super::spawn::Rlimit;
use super::spawn_error::Stage;

/// Large enough for a debug build's frames; small enough to come from the allocator without a system call.
const STACK_BYTES: usize = 48 * 1024;
/// Descriptors are shared as well, and the child leaves them behind as its first act: copying the thousands that a large
/// stack has, only for exec to close them, would be the larger part of a start (see `leave_descriptors`).
const SHARED: c_int = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::CLONE_FILES;
/// `close_range`: in a table of its own.
const CLOSE_RANGE_UNSHARE: c_int = 2;
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// The kernel's own set has 64 signals in 8 bytes, unlike the C library's.
const SIGSET_BYTES: usize = 8;

/// `struct clone_args` of clone3(2), with the cgroup field (version 2).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Everything the child needs, as plain pointers and numbers that outlive the clone.
pub(super) struct Prepared<'a> {
    pub program: *const c_char,
    pub argv: *const *const c_char,
    pub envp: *const *const c_char,
    /// The variable that gets the child's own number (`sockets::PidVariable`), or null.
    pub listen_pid: *mut u8,
    pub cwd: *const c_char,
    /// (source, number in the child), sorted by number.
    pub fds: &'a mut [(RawFd, RawFd)],
    pub groups: Option<&'a [libc::gid_t]>,
    pub gid: Option<libc::gid_t>,
    pub uid: Option<libc::uid_t>,
    pub umask: Option<libc::mode_t>,
    pub rlimits: &'a [Rlimit],
    pub nice: Option<i32>,
    pub oom_score_adj: Option<&'a [u8]>,
    pub cgroup: Option<RawFd>,
    pub join_cgroup: bool,
    /// `cgroup.procs` of further groups.
    pub join: &'a [RawFd],
    pub new_session: bool,
    pub no_new_privileges: bool,
    /// Signals that we ignore, as a mask; a child would ignore them too.
    pub ignored: u64,
    pub failed_stage: u32,
    pub failed_errno: c_int,
}

thread_local! {
    /// The stack of the child, kept for the thread's next one: whoever starts hundreds of children need not allocate hundreds.
    static STACK: std::cell::Cell<Vec<u128>> = const { std::cell::Cell::new(Vec::new()) };
}

/// `(pid, pidfd)` of a child that has reached its program or failed on the way (`failed_stage` tells).
pub(super) fn launch(prepared: &mut Prepared<'_>) -> Result<(libc::pid_t, RawFd), c_int> {
    let mut stack = STACK.take();
    stack.reserve_exact(STACK_BYTES / 16);
    let stack_base = stack.as_mut_ptr() as u64;
    let all = u64::MAX;
    let mut before = 0_u64;
    // SAFETY: both masks are 8 bytes; a handler must not run in the child while it shares our memory.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const all, &raw mut before, SIGSET_BYTES)
    };
    let answer = attempt_all(prepared, stack_base);
    // SAFETY: restores the mask read above.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const before,
            ptr::null_mut::<u64>(),
            SIGSET_BYTES,
        )
    };
    STACK.set(stack);
    answer
}

fn attempt_all(prepared: &mut Prepared<'_>, stack: u64) -> Result<(libc::pid_t, RawFd), c_int> {
    prepared.join_cgroup = false;
    let into = if prepared.cgroup.is_some() { CLONE_INTO_CGROUP } else { 0 };
    let mut answer = clone3(prepared, stack, CLONE_CLEAR_SIGHAND | into);
    // The cgroup may refuse direct placement, or the kernel may be older: the child then moves itself first.
    if matches!(answer, Err(libc::EOPNOTSUPP | libc::EACCES | libc::EBUSY | libc::EINVAL | libc::E2BIG | libc::EPERM)) {
        prepared.join_cgroup = prepared.cgroup.is_some();
        answer = clone3(prepared, stack, CLONE_CLEAR_SIGHAND);
        if answer == Err(libc::EINVAL) {
            answer = clone3(prepared, stack, 0);
        }
    }
    if matches!(answer, Err(libc::ENOSYS | libc::EPERM)) {
        // No clone3 (old kernel, or a filter that does not know it).
        prepared.join_cgroup = prepared.cgroup.is_some();
        answer = clone_old(prepared, stack);
    }
    answer
}

fn clone3(prepared: &mut Prepared<'_>, stack: u64, more: u64) -> Result<(libc::pid_t, RawFd), c_int> {
    let mut pidfd: RawFd = -1;
    let args = CloneArgs {
        flags: SHARED as u64 | more,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack,
        stack_size: STACK_BYTES as u64,
        cgroup: if more & CLONE_INTO_CGROUP == 0 { 0 } else { prepared.cgroup.unwrap_or(0) as u64 },
        ..CloneArgs::default()
    };
    // SAFETY: the arguments and the child's stack live until the parent is resumed, which is after exec or exit.
    let pid = unsafe {
        raw_clone(libc::SYS_clone3, (&raw const args) as usize, size_of::<CloneArgs>(), 0, (&raw mut *prepared).cast())
    };
    finish(pid, pidfd)
}

fn clone_old(prepared: &mut Prepared<'_>, stack: u64) -> Result<(libc::pid_t, RawFd), c_int> {
    let mut pidfd: RawFd = -1;
    let flags = SHARED | libc::SIGCHLD;
    let top = stack as usize + STACK_BYTES;
    // SAFETY: as in `clone3`; the third argument is where the pidfd is stored, on both architectures.
    let pid = unsafe {
        raw_clone(libc::SYS_clone, flags as usize, top, (&raw mut pidfd) as usize, (&raw mut *prepared).cast())
    };
    finish(pid, pidfd)
}

fn finish(pid: isize, pidfd: RawFd) -> Result<(libc::pid_t, RawFd), c_int> {
    if pid < 0 { Err(-pid as c_int) } else { Ok((pid as libc::pid_t, pidfd)) }
}

/// SAFETY: the system call must give the child a stack of its own and suspend this thread until exec.
#[cfg(target_arch = "x86_64")]
unsafe fn raw_clone(number: c_long, a: usize, b: usize, c: usize, data: *mut c_void) -> isize {
    let answer: isize;
    // SAFETY: the child leaves this block only through `child`, which never returns; the parent sees an ordinary call.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") number as isize => answer,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") 0_usize,
            in("r8") 0_usize,
            in("r12") data,
            in("r13") child as extern "C" fn(*mut c_void) -> !,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    answer
}

/// SAFETY: the system call must give the child a stack of its own and suspend this thread until exec.
#[cfg(target_arch = "aarch64")]
unsafe fn raw_clone(number: c_long, a: usize, b: usize, c: usize, data: *mut c_void) -> isize {
    let answer: isize;
    // SAFETY: the child leaves this block only through `child`, which never returns; the parent sees an ordinary call.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x20",
            "blr x21",
            "brk #1",
            "2:",
            in("x8") number,
            inlateout("x0") a as isize => answer,
            in("x1") b,
            in("x2") c,
            in("x3") 0_usize,
            in("x4") 0_usize,
            in("x20") data,
            in("x21") child as extern "C" fn(*mut c_void) -> !,
        );
    }
    answer
}

extern "C" fn child(data: *mut c_void) -> ! {
    // SAFETY: `data` is the `Prepared` of the suspended parent; nobody else touches it now.
    let prepared = unsafe { &mut *data.cast::<Prepared<'_>>() };
    // SAFETY: runs once, in the child.
    let stage = unsafe { become_program(prepared) };
    // SAFETY: the thread-local errno is ours while the parent thread is suspended.
    let errno = unsafe { *libc::__errno_location() };
    // Volatile, because the compiler cannot see that somebody reads it after we are gone.
    // SAFETY: both are fields of a live struct.
    unsafe {
        ptr::write_volatile(&raw mut prepared.failed_errno, errno);
        ptr::write_volatile(&raw mut prepared.failed_stage, stage as u32);
        libc::_exit(127);
    }
}

/// SAFETY: only in a child made by `raw_clone`. Returns only when a stage failed; errno has the reason.
unsafe fn become_program(p: &mut Prepared<'_>) -> Stage {
    // SAFETY: plain system calls with prepared, live arguments. The raw calls for identities are on purpose: the C
    // library's versions would try to change every thread of the parent.
    unsafe {
        if leave_descriptors(p) < 0 {
            return Stage::Descriptors;
        }
        if let (true, Some(dir)) = (p.join_cgroup, p.cgroup) {
            let fd = libc::openat(dir, c"cgroup.procs".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if fd < 0 || libc::write(fd, c"0".as_ptr().cast(), 1) < 0 {
                return Stage::Cgroup;
            }
            libc::close(fd);
        }
        for procs in p.join {
            if libc::write(*procs, c"0".as_ptr().cast(), 1) < 0 {
                return Stage::Cgroup;
            }
        }
        if p.new_session && libc::setsid() < 0 {
            return Stage::Session;
        }
        stop_ignoring(p.ignored);
        // Before the limits: a lower number of descriptors must not get in the way of arranging them.
        if place_fds(p.fds) < 0 {
            return Stage::Descriptors;
        }
        if let Some(nice) = p.nice
            && libc::setpriority(libc::PRIO_PROCESS, 0, nice) < 0
        {
            return Stage::Nice;
        }
        if let Some(text) = p.oom_score_adj {
            let fd = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if fd < 0 || libc::write(fd, text.as_ptr().cast(), text.len()) < 0 {
                return Stage::OomScore;
            }
            libc::close(fd);
        }
        for limit in p.rlimits {
            let value = libc::rlimit64 { rlim_cur: limit.soft, rlim_max: limit.hard };
            let nothing = ptr::null_mut::<libc::rlimit64>();
            if libc::syscall(libc::SYS_prlimit64, 0, limit.resource, &raw const value, nothing) < 0 {
                return Stage::Rlimit;
            }
        }
        if let Some(groups) = p.groups
            && libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) < 0
        {
            return Stage::Credentials;
        }
        if let Some(gid) = p.gid
            && libc::syscall(libc::SYS_setresgid, gid, gid, gid) < 0
        {
            return Stage::Credentials;
        }
        if let Some(uid) = p.uid
            && libc::syscall(libc::SYS_setresuid, uid, uid, uid) < 0
        {
            return Stage::Credentials;
        }
        if let Some(mask) = p.umask {
            libc::umask(mask);
        }
        if !p.cwd.is_null() && libc::chdir(p.cwd) < 0 {
            return Stage::Directory;
        }
        if p.no_new_privileges && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 {
            return Stage::NoNewPrivileges;
        }
        let none = 0_u64;
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const none,
            ptr::null_mut::<u64>(),
            SIGSET_BYTES,
        );
        if !p.listen_pid.is_null() {
            PidVariable::fill(p.listen_pid);
        }
        libc::execve(p.program, p.argv, p.envp);
    }
    Stage::Exec
}

/// Gets a table of descriptors of the child's own: a copy of ours up to the highest number that it needs. The kernel copies
/// no more than that, so it pays that what we hold for long has high numbers (`descriptors::set_aside`).
unsafe fn leave_descriptors(p: &Prepared<'_>) -> c_int {
    let mut highest = 2;
    for (source, _) in p.fds.iter() {
        highest = highest.max(*source);
    }
    for procs in p.join {
        highest = highest.max(*procs);
    }
    if let Some(dir) = p.cgroup {
        highest = highest.max(if p.join_cgroup { dir } else { 0 });
    }
    // SAFETY: changes only the table of this process, which this very call makes its own.
    unsafe {
        if libc::syscall(libc::SYS_close_range, highest + 1, u32::MAX, CLOSE_RANGE_UNSHARE) == 0 {
            return 0;
        }
        // Before Linux 5.9, or where a filter refuses: a whole copy, of which exec closes what is not wanted.
        libc::syscall(libc::SYS_unshare, libc::CLONE_FILES) as c_int
    }
}

/// Ignored signals survive both the clone and exec; a program expects none ignored. (Handlers end with exec anyhow.)
unsafe fn stop_ignoring(ignored: u64) {
    // The kernel's sigaction: handler, flags, restorer (x86_64), mask. All zero is "default".
    let default = [0_u64; 4];
    let mut rest = ignored;
    while rest != 0 {
        let signal = rest.trailing_zeros() + 1;
        rest &= rest - 1;
        // SAFETY: the structure is at least as large as the kernel's; no old action is asked for.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null_mut::<c_void>(), SIGSET_BYTES)
        };
    }
}

/// The signals that this process ignores. Asked once: whoever started us decided it, and nothing here ignores a signal
/// later, whereas 62 questions before each start would be a tenth of its cost.
pub(super) fn ignored() -> u64 {
    static IGNORED: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *IGNORED.get_or_init(|| {
        let mut mask = 1 << (libc::SIGPIPE - 1);
        for signal in (1..=64).filter(|s| *s != libc::SIGKILL && *s != libc::SIGSTOP) {
            let mut action = [0_u64; 4];
            // SAFETY: asks only; the structure is at least as large as the kernel's.
            let answer = unsafe {
                let nothing = ptr::null::<c_void>();
                libc::syscall(libc::SYS_rt_sigaction, signal, nothing, action.as_mut_ptr(), SIGSET_BYTES)
            };
            if answer == 0 && action[0] == libc::SIG_IGN as u64 {
                mask |= 1 << (signal - 1);
            }
        }
        mask
    })
}

/// Puts every descriptor at its number and marks all others to be closed by exec.
unsafe fn place_fds(fds: &mut [(RawFd, RawFd)]) -> c_int {
    let highest = fds.last().map_or(-1, |pair| pair.1);
    for pair in fds.iter_mut() {
        // A source that sits on some target's number would be overwritten before its turn.
        if pair.0 <= highest {
            // SAFETY: duplicates a descriptor of this process.
            let copy = unsafe { libc::fcntl(pair.0, libc::F_DUPFD_CLOEXEC, highest + 1) };
            if copy < 0 {
                return -1;
            }
            pair.0 = copy;
        }
    }
    let mut next = 0;
    for pair in fds.iter() {
        // SAFETY: source and target differ, as all sources are now above the highest target.
        if unsafe { libc::syscall(libc::SYS_dup3, pair.0, pair.1, 0) } < 0 {
            return -1;
        }
        if pair.1 > next {
            // SAFETY: marks the gap between two wanted numbers.
            unsafe { cloexec(next, (pair.1 - 1) as u32) };
        }
        next = pair.1 + 1;
    }
    // SAFETY: marks everything above the wanted numbers.
    unsafe { cloexec(next, u32::MAX) };
    0
}

unsafe fn cloexec(first: RawFd, last: u32) {
    // SAFETY: only sets a flag on descriptors of this process.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    if answer < 0 {
        // Before Linux 5.11: one by one, up to the limit.
        let mut limit = libc::rlimit { rlim_cur: 1024, rlim_max: 1024 };
        // SAFETY: fills a local structure; sets a flag on descriptors of this process.
        unsafe {
            libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
            let end = u64::from(last).min(limit.rlim_cur.saturating_sub(1)).min(65_535) as RawFd;
            for fd in first..=end {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}
