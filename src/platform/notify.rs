//! The service notification protocol (`sd_notify`), both sides: what services tell us, what we tell a systemd above us.
//!
//! It decides nothing: it says who may speak and what was said.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sockopt};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::identity;
use super::tree::Tree;

/// Longer datagrams are ignored.
const LONGEST: usize = 64 << 10;
/// A status is a line for people.
const STATUS_CHARS: usize = 1000;

/// What a service said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    Ready,
    Status(String),
    Reloading,
    Stopping,
    Watchdog,
    WatchdogTrigger,
    ExtendTimeout(Duration),
}

/// Where one service's processes send their notices.
///
/// Heard is who belongs to the run's tree at the moment of reading. A sender that has ended by then (`systemd-notify` is
/// that quick) cannot be placed any more; it is heard when the kernel vouches that it ran as the service's own account.
/// That gives nothing away: the socket's mode keeps other accounts out, and a process of the same account could as well
/// drive a member of the tree.
#[derive(Debug)]
pub struct NotifySocket {
    socket: Arc<OwnedFd>,
    /// Registered on the first receive: binding happens on threads that have no runtime.
    ready: Option<AsyncFd<Arc<OwnedFd>>>,
    /// Whose quick processes are heard.
    uid: u32,
}

impl NotifySocket {
    /// Replaces a socket that an earlier run left; anything else at the path is an error. A path that is too long for a
    /// socket gives `InvalidInput`.
    pub fn bind(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let address = UnixAddr::new(path).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the path is {} bytes long, a socket's may have 107", { path.as_os_str().len() }),
            )
        })?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket::socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
        socket::setsockopt(&socket, sockopt::PassCred, &true)?;
        // Before the bind, so that the file never exists with a wider mode.
        nix::sys::stat::fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
        if std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
            std::fs::remove_file(path)?;
        }
        socket::bind(socket.as_raw_fd(), &address)?;
        if let Some((uid, gid)) = owner {
            give(path, uid, gid)?;
        }
        let uid = owner.map_or_else(|| nix::unistd::geteuid().as_raw(), |(uid, _)| uid);
        Ok(Self { socket: Arc::new(socket), ready: None, uid })
    }

    /// Waits for the next datagram that says something, from somebody who may.
    pub async fn receive(&mut self, tree: &Tree) -> io::Result<Vec<Notice>> {
        if self.ready.is_none() {
            let socket = Arc::clone(&self.socket);
            // SAFETY: the registration shares the descriptor's ownership, which therefore stays open as long as it.
            let ready = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
            self.ready = Some(ready.map_err(io::Error::from)?);
        }
        let Some(ready) = &self.ready else { return Ok(Vec::new()) };
        loop {
            let mut guard = ready.readable().await?;
            let datagram = match guard.try_io(|fd| take(fd.as_raw_fd())) {
                Ok(datagram) => datagram?,
                Err(_would_block) => continue,
            };
            let Some((sender, bytes)) = datagram else { continue };
            let notices = parse(&bytes);
            if notices.is_empty() {
                continue;
            }
            if self.may_speak(&sender, tree) {
                return Ok(notices);
            }
            tracing::debug!(pid = sender.pid, uid = sender.uid, "ignored a notice from outside the service");
        }
    }

    fn may_speak(&self, sender: &libc::ucred, tree: &Tree) -> bool {
        tree.pids().contains(&sender.pid)
            || sender.uid == self.uid && sender.pid > 0 && identity::stat(sender.pid).is_none_or(|s| s.is_dead())
    }
}

/// Hands the socket over without following whatever its owner may have put in its place.
fn give(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let file = nix::fcntl::openat(AT_FDCWD, path, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    let kind = nix::sys::stat::fstat(&file)?.st_mode & libc::S_IFMT;
    if kind != libc::S_IFSOCK {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "something else was put in the place of the socket"));
    }
    let flags = nix::fcntl::AtFlags::AT_EMPTY_PATH;
    Ok(nix::unistd::fchownat(&file, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), flags)?)
}

/// One datagram with its sender; `None` when it was too long or nobody vouches for it.
fn take(fd: i32) -> io::Result<Option<(libc::ucred, Vec<u8>)>> {
    // The length first: a buffer for the longest would be kept for every service.
    let peek = (MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT).bits();
    // SAFETY: no bytes are stored; only the length is asked for.
    let length = unsafe { libc::recv(fd, std::ptr::null_mut(), 0, peek) };
    let Ok(length) = usize::try_from(length) else { return Err(io::Error::last_os_error()) };
    let mut bytes = vec![0_u8; length.min(LONGEST)];
    // Room for the credentials only: descriptors that were sent along (`BARRIER=1`) do not fit and are closed by the
    // kernel, which is what their sender waits for.
    let mut control = [0_u64; 4];
    let mut slice = [IoSliceMut::new(&mut bytes)];
    // SAFETY: all zero is a valid message header; its pointers are set to live buffers of the stated sizes, and the
    // control buffer is aligned for its header and read only as far as the kernel says it was filled.
    let (read, flags, sender) = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = slice.as_mut_ptr().cast();
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        let read = libc::recvmsg(fd, &raw mut message, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC);
        if read < 0 {
            return Err(io::Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let vouched = !header.is_null()
            && (*header).cmsg_level == libc::SOL_SOCKET
            && (*header).cmsg_type == libc::SCM_CREDENTIALS;
        let sender = vouched.then(|| libc::CMSG_DATA(header).cast::<libc::ucred>().read_unaligned());
        (read as usize, message.msg_flags, sender)
    };
    if length > LONGEST || flags & libc::MSG_TRUNC != 0 {
        tracing::debug!(length, "ignored a notice that is too long");
        return Ok(None);
    }
    bytes.truncate(read);
    Ok(sender.map(|sender| (sender, bytes)))
}

/// The fields we know; others (`MAINPID`, `FDSTORE`, …) and malformed ones are ignored, as the protocol asks.
fn parse(bytes: &[u8]) -> Vec<Notice> {
    bytes.split(|b| *b == b'\n').filter_map(|line| field(std::str::from_utf8(line).ok()?)).collect()
}

fn field(line: &str) -> Option<Notice> {
    Some(match line.split_once('=')? {
        ("READY", "1") => Notice::Ready,
        ("RELOADING", "1") => Notice::Reloading,
        ("STOPPING", "1") => Notice::Stopping,
        ("WATCHDOG", "1") => Notice::Watchdog,
        ("WATCHDOG", "trigger") => Notice::WatchdogTrigger,
        ("STATUS", text) => Notice::Status(text.chars().filter(|c| !c.is_control()).take(STATUS_CHARS).collect()),
        ("EXTEND_TIMEOUT_USEC", number) => Notice::ExtendTimeout(Duration::from_micros(number.parse().ok()?)),
        _ => return None,
    })
}

/// The service manager above us, if it wants to hear from us.
#[derive(Debug)]
pub struct Systemd {
    address: Option<SocketAddr>,
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
    complained: AtomicBool,
}

impl Systemd {
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let watchdog = watchdog(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref());
        Self::new(variable("NOTIFY_SOCKET").as_deref(), watchdog)
    }

    pub(super) fn new(socket: Option<&str>, watchdog: Option<Duration>) -> Self {
        let mut made = Self { address: None, socket: None, watchdog, complained: AtomicBool::new(false) };
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return made };
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(name),
        };
        let opened = address.and_then(|address| {
            let socket = UnixDatagram::unbound()?;
            // A manager that does not read must not hold us up.
            socket.set_nonblocking(true)?;
            Ok((address, socket))
        });
        match opened {
            Ok((address, socket)) => (made.address, made.socket) = (Some(address), Some(socket)),
            Err(error) => made.complain(&error),
        }
        made
    }

    /// Whether a service manager started us and listens.
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// One line of what is going on.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace('\n', " ")));
    }

    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    pub fn watchdog(&self) {
        self.send("WATCHDOG=1");
    }

    /// Within what time the manager expects `watchdog` calls; half of it is a good interval.
    pub fn watchdog_period(&self) -> Option<Duration> {
        self.watchdog.filter(|_| self.socket.is_some())
    }

    fn send(&self, text: &str) {
        let (Some(socket), Some(address)) = (&self.socket, &self.address) else { return };
        if let Err(error) = socket.send_to_addr(text.as_bytes(), address) {
            self.complain(&error);
        }
    }

    fn complain(&self, error: &io::Error) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "cannot notify the service manager; further failures are not logged");
        }
    }
}

/// Meant for us only when it names our pid, or nobody's.
pub(super) fn watchdog(period: Option<&str>, pid: Option<&str>) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(std::process::id())) {
        return None;
    }
    period?.parse().ok().filter(|microseconds| *microseconds > 0).map(Duration::from_micros)
}
