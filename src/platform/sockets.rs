//! Listening sockets that are handed from one process to another, by systemd's protocol (sd_listen_fds(3)).
//!
//! Whoever hands them over keeps them: while the receiver restarts, connections wait in the kernel's queue.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::socket::{Backlog, getsockopt, sockopt};

use super::descriptors;

/// The first descriptor that is handed over.
pub(super) const FIRST: RawFd = 3;

/// Connections that wait while nobody accepts; `net.core.somaxconn`, which bounds it, is as much unless changed.
const BACKLOG: i32 = 4096;

/// More were a mistake, or somebody else's variables.
const MOST: usize = 64;

/// A socket that listens from now on, for somebody else to accept from.
pub fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    // With SO_REUSEADDR, so that old connections that time out are not in the way.
    let listener = TcpListener::bind(address)?;
    nix::sys::socket::listen(&listener, Backlog::new(BACKLOG)?)?;
    // A property of the socket and not of the descriptor: whoever gets it wants it so.
    listener.set_nonblocking(true)?;
    Ok(descriptors::set_aside(listener.into()))
}

/// Why what was handed over is not taken.
#[derive(Debug, thiserror::Error)]
pub enum InheritError {
    #[error("LISTEN_FDS is {0:?}, which is no number of sockets")]
    Count(String),
    #[error("descriptor {0} was handed over and is not open")]
    Closed(RawFd, #[source] io::Error),
    #[error("descriptor {0} ({1}) was handed over and is no listening TCP socket")]
    Kind(RawFd, String),
}

/// The sockets that were handed to this process, with their names; none when none were, and at every call but the first.
pub fn inherited() -> Result<Vec<(String, TcpListener)>, InheritError> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let text = |name| std::env::var(name).unwrap_or_default();
    // Meant for another process, which has passed its environment on.
    if text("LISTEN_PID") != std::process::id().to_string() || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let count = text("LISTEN_FDS");
    let count = count.parse().ok().filter(|count| *count <= MOST).ok_or(InheritError::Count(count))?;
    let names = text("LISTEN_FDNAMES");
    let mut names = names.split(':');
    (FIRST..).take(count).map(|number| take(number, names.next().unwrap_or_default())).collect()
}

fn take(number: RawFd, name: &str) -> Result<(String, TcpListener), InheritError> {
    // SAFETY: only sets a flag, and says whether there is such a descriptor.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(InheritError::Closed(number, io::Error::last_os_error()));
    }
    // SAFETY: it is open, meant for us by the protocol, and taken once.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    let is_listening = getsockopt(&socket, sockopt::AcceptConn).unwrap_or(false);
    let listener = TcpListener::from(socket);
    let wrong = || InheritError::Kind(number, name.to_owned());
    if !is_listening || listener.local_addr().is_err() || listener.set_nonblocking(true).is_err() {
        return Err(wrong());
    }
    Ok((name.to_owned(), listener))
}

/// The variables of the protocol for these sockets, but for `LISTEN_PID`, which is known last.
pub(super) fn variables(names: &[&str]) -> [String; 2] {
    [format!("LISTEN_FDS={}", names.len()), format!("LISTEN_FDNAMES={}", names.join(":"))]
}

/// `LISTEN_PID=` with room for the number of a process that does not exist yet, and where the number goes.
#[derive(Debug)]
pub(super) struct PidVariable(Box<[u8; 22]>);

impl PidVariable {
    const NAME: &[u8] = b"LISTEN_PID=";

    pub(super) fn new() -> Self {
        Self(Box::new(*b"LISTEN_PID=0000000000\0"))
    }

    /// Start of the variable.
    pub(super) fn pointer(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }

    /// Puts the number of the calling process into the variable. Only system calls and memory that is there: may be called
    /// between clone and exec.
    ///
    /// SAFETY: `variable` is what [`PidVariable::pointer`] gave, and nobody else uses it now.
    pub(super) unsafe fn fill(variable: *mut u8) {
        // SAFETY: asks for a number; the variable has room for ten digits and the end.
        unsafe {
            let mut rest = libc::syscall(libc::SYS_getpid) as u32;
            let mut digits = [0_u8; 10];
            let mut first = digits.len();
            loop {
                first -= 1;
                digits[first] = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 || first == 0 {
                    break;
                }
            }
            let mut at = variable.add(Self::NAME.len());
            for digit in &digits[first..] {
                at.write(*digit);
                at = at.add(1);
            }
            at.write(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn the_number_of_the_process_is_written_into_its_variable() {
        let mut variable = PidVariable::new();
        let pointer = variable.pointer();
        // SAFETY: ours alone.
        unsafe { PidVariable::fill(pointer) };
        let end = variable.0.iter().position(|byte| *byte == 0).unwrap();
        assert_eq!(variable.0[..end], *format!("LISTEN_PID={}", std::process::id()).as_bytes());
    }

    #[test]
    fn a_socket_that_listens_is_there_before_anybody_accepts() {
        let socket = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = TcpListener::from(socket);
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(listener.as_raw_fd() > 2);
        assert!(listener.accept().is_ok());
        // And nobody waits for one that does not come.
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
