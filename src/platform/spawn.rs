//! Starting a child and learning how it ended.
//!
//! One clone places the child in its cgroup, gives us its pidfd and shares memory until exec, so a start costs about
//! what `posix_spawn` costs and a failure arrives with its step and reason.

use std::ffi::{CString, OsString, c_char, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, OnceLock};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::spawn_error::{SpawnError, Stage};
use super::vfork::{self, Prepared};
use super::{descriptors, identity, reaper, sockets};

/// The account a child runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// One resource limit (`libc::RLIMIT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rlimit {
    pub resource: u32,
    pub soft: u64,
    pub hard: u64,
}

/// A child as it should be. Standard streams that are not given are `/dev/null`.
#[derive(Debug, Default)]
pub struct SpawnPlan {
    /// Absolute.
    pub program: PathBuf,
    /// All arguments, the name of the program first; empty means just the program's path.
    pub argv: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: Option<PathBuf>,
    pub stdin: Option<OwnedFd>,
    pub stdout: Option<OwnedFd>,
    pub stderr: Option<OwnedFd>,
    /// Further descriptors and the numbers they get.
    pub fds: Vec<(OwnedFd, RawFd)>,
    /// Listening sockets by name: descriptors from 3 on, announced as systemd announces them.
    pub sockets: Vec<(String, Arc<OwnedFd>)>,
    pub credentials: Option<Credentials>,
    pub umask: Option<u32>,
    pub rlimits: Vec<Rlimit>,
    pub nice: Option<i32>,
    pub oom_score_adj: Option<i32>,
    /// The directory of the cgroup to be born in (`Tree::placement`).
    pub cgroup: Option<Arc<OwnedFd>>,
    /// `cgroup.procs` of further groups to go to before the program runs (`Tree::joins`).
    pub join: Vec<OwnedFd>,
    /// No new session: the child stays in ours (foreground helpers only).
    pub same_session: bool,
    pub no_new_privileges: bool,
}

impl SpawnPlan {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), ..Self::default() }
    }

    /// Adds arguments after the program's name.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, args: I) -> Self {
        if self.argv.is_empty() {
            self.argv.push(self.program.clone().into_os_string());
        }
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Code(i32),
    Signal { signal: i32, core: bool },
}

impl ExitStatus {
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

/// A started child. Dropped without a wait, it is reaped by the reaper when it ends.
#[derive(Debug)]
pub struct Child {
    pub pid: i32,
    pidfd: Arc<OwnedFd>,
    /// Clock ticks since boot; with the pid and the boot id it names this process for ever.
    pub start_time: u64,
    reaped: bool,
}

fn null() -> Result<BorrowedFd<'static>, i32> {
    static NULL: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(fd) = NULL.get() {
        return Ok(fd.as_fd());
    }
    let code = |e: io::Error| e.raw_os_error().unwrap_or(libc::EIO);
    let file = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null").map_err(code)?;
    // Never on 0-2, even when ours are closed: others treat those numbers specially.
    // SAFETY: duplicates an open descriptor; the result is owned by nobody else.
    let fd = unsafe {
        let raw = libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3);
        if raw < 0 {
            return Err(code(io::Error::last_os_error()));
        }
        OwnedFd::from_raw_fd(raw)
    };
    Ok(NULL.get_or_init(|| fd).as_fd())
}

/// Starts the child; blocks until its program runs or has been refused.
pub fn spawn(plan: &SpawnPlan) -> Result<Child, SpawnError> {
    let fail = |stage, path: &Path, errno| SpawnError::new(stage, path, errno);
    let program = &plan.program;
    let invalid = || fail(Stage::Plan, program, libc::EINVAL);
    if !program.is_absolute() {
        return Err(invalid());
    }
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| invalid());
    let path = text(program.as_os_str().as_bytes())?;
    let argv: Vec<CString> = plan.argv.iter().map(|a| text(a.as_bytes())).collect::<Result<_, _>>()?;
    let mut env = Vec::with_capacity(plan.env.len());
    for (name, value) in &plan.env {
        let mut entry = Vec::with_capacity(name.len() + value.len() + 2);
        entry.extend_from_slice(name.as_bytes());
        entry.push(b'=');
        entry.extend_from_slice(value.as_bytes());
        env.push(CString::new(entry).map_err(|_| invalid())?);
    }
    if !plan.sockets.is_empty() {
        let names: Vec<&str> = plan.sockets.iter().map(|(name, _)| name.as_str()).collect();
        for variable in sockets::variables(&names) {
            env.push(text(variable.as_bytes())?);
        }
    }
    let cwd = plan.cwd.as_ref().map(|d| text(d.as_os_str().as_bytes())).transpose()?;
    let argv = if argv.is_empty() { vec![path.clone()] } else { argv };
    let argv = pointers(&argv);
    let mut envp = pointers(&env);
    // The child's number is known to the child alone, so it writes this one itself.
    let mut own_pid = (!plan.sockets.is_empty()).then(sockets::PidVariable::new);
    let listen_pid = own_pid.as_mut().map_or(ptr::null_mut(), sockets::PidVariable::pointer);
    if !listen_pid.is_null() {
        envp.insert(env.len(), listen_pid.cast_const().cast());
    }

    let mut fds = Vec::with_capacity(3 + plan.fds.len());
    for (number, given) in [&plan.stdin, &plan.stdout, &plan.stderr].into_iter().enumerate() {
        let source = match given {
            Some(fd) => fd.as_raw_fd(),
            None => null().map_err(|e| fail(Stage::Descriptors, Path::new("/dev/null"), e))?.as_raw_fd(),
        };
        fds.push((source, number as RawFd));
    }
    fds.extend(plan.fds.iter().map(|(fd, number)| (fd.as_raw_fd(), *number)));
    fds.extend(plan.sockets.iter().zip(sockets::FIRST..).map(|((_, fd), number)| (fd.as_raw_fd(), number)));
    fds.sort_unstable_by_key(|pair| pair.1);
    if fds[0].1 < 0 || fds.windows(2).any(|w| w[0].1 == w[1].1) {
        return Err(fail(Stage::Descriptors, program, libc::EBADF));
    }

    // SAFETY: reads our own identity.
    let own = unsafe { (libc::geteuid(), libc::getegid()) };
    let change = plan.credentials.as_ref().filter(|c| own.0 == 0 || (c.uid, c.gid) != own);
    let oom = plan.oom_score_adj.map(|n| n.to_string());
    // First, so that the plan's own word is the last.
    let rlimits: Vec<Rlimit> = descriptors::original().into_iter().chain(plan.rlimits.iter().copied()).collect();
    let join: Vec<RawFd> = plan.join.iter().map(AsRawFd::as_raw_fd).collect();
    let mut prepared = Prepared {
        program: path.as_ptr(),
        argv: argv.as_ptr(),
        envp: envp.as_ptr(),
        listen_pid,
        cwd: cwd.as_ref().map_or(ptr::null(), |d| d.as_ptr()),
        fds: &mut fds,
        groups: change.map(|c| c.groups.as_slice()),
        gid: change.map(|c| c.gid),
        uid: change.map(|c| c.uid),
        umask: plan.umask,
        rlimits: &rlimits,
        nice: plan.nice,
        oom_score_adj: oom.as_ref().map(|s| s.as_bytes()),
        cgroup: plan.cgroup.as_ref().map(|fd| fd.as_raw_fd()),
        join_cgroup: false,
        join: &join,
        new_session: !plan.same_session,
        no_new_privileges: plan.no_new_privileges,
        ignored: vfork::ignored(),
        failed_stage: 0,
        failed_errno: 0,
    };
    let birth = reaper::registry().birth();
    let (pid, pidfd) = vfork::launch(&mut prepared).map_err(|e| fail(Stage::Clone, program, e))?;
    reaper::registry().insert(pid);
    drop(birth);
    // SAFETY: the kernel has just made this descriptor for us.
    let pidfd = descriptors::set_aside(unsafe { OwnedFd::from_raw_fd(pidfd) });
    // SAFETY: a live field; volatile because the other process wrote it behind the compiler's back.
    let (stage, errno) = unsafe {
        (ptr::read_volatile(&raw const prepared.failed_stage), ptr::read_volatile(&raw const prepared.failed_errno))
    };
    let mut child = Child { pid, pidfd: Arc::new(pidfd), start_time: 0, reaped: false };
    if let Some(stage) = Stage::from_number(stage) {
        // It has already ended; this leaves no zombie behind.
        let _status = child.wait_blocking();
        let at = if stage == Stage::Directory { plan.cwd.as_deref().unwrap_or(program) } else { program };
        return Err(fail(stage, at, errno));
    }
    child.start_time = identity::start_time(pid).unwrap_or(0);
    Ok(child)
}

/// A started child, as whoever only signals it holds it: means this one process also after its end.
#[derive(Debug, Clone)]
pub struct ChildHandle(Arc<OwnedFd>);

impl ChildHandle {
    /// `Ok(false)`: it had ended already (semantics case 14).
    pub fn signal(&self, signal: c_int) -> io::Result<bool> {
        identity::send(self.0.as_fd(), signal)
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|s| s.as_ptr()).chain(std::iter::once(ptr::null())).collect()
}

impl Child {
    /// Sends a signal to exactly this process. `Ok(false)`: it had ended already (semantics case 14).
    pub fn signal(&self, signal: c_int) -> io::Result<bool> {
        identity::send(self.pidfd.as_fd(), signal)
    }

    /// To signal it by while somebody else waits for it.
    pub fn handle(&self) -> ChildHandle {
        ChildHandle(Arc::clone(&self.pidfd))
    }

    /// Waits for the end without blocking the runtime, and reaps.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        // SAFETY: the registration holds the descriptor, which therefore stays open as long as it.
        let ready = unsafe { AsyncFd::register_with_interest(Arc::clone(&self.pidfd), Interest::READABLE) }
            .map_err(io::Error::from)?;
        // A child that has ended already is readable at once.
        loop {
            let mut guard = ready.readable().await?;
            guard.clear_ready();
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
        }
    }

    /// Waits for the end on this thread, and reaps.
    pub fn wait_blocking(&mut self) -> io::Result<ExitStatus> {
        self.wait_with(0)?.ok_or_else(|| io::Error::from_raw_os_error(libc::ECHILD))
    }

    /// The end, if it has come already.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.wait_with(libc::WNOHANG)
    }

    fn wait_with(&mut self, flags: c_int) -> io::Result<Option<ExitStatus>> {
        // SAFETY: all zero is a valid siginfo; the kernel fills it.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        loop {
            let fd = self.pidfd.as_raw_fd() as libc::id_t;
            // SAFETY: waits for our own child by its pidfd.
            if unsafe { libc::waitid(libc::P_PIDFD, fd, &raw mut info, libc::WEXITED | flags) } == 0 {
                break;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        // SAFETY: valid for a child event; zero when nothing has happened.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        if pid == 0 {
            return Ok(None);
        }
        self.reaped = true;
        reaper::registry().remove(self.pid);
        Ok(Some(match info.si_code {
            libc::CLD_EXITED => ExitStatus::Code(status),
            code => ExitStatus::Signal { signal: status, core: code == libc::CLD_DUMPED },
        }))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            reaper::registry().abandon(self.pid);
        }
    }
}
