//! Who is at the other end of a control connection, as the kernel tells it, and what they may ask.

use std::os::fd::AsFd;
use std::time::Duration;

use axum::http::Method;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use tokio::net::UnixStream;

use crate::supervisor::handle::{Asking, Caller, ControlGrant, SupervisorHandle};

/// A service that has just been started may ask before the loop has shown its process to anybody.
const UNSEEN: Duration = Duration::from_secs(1);

/// Who asks: a service, or the stack's owner.
pub type Asker = Option<Caller>;

/// The same user or root.
pub fn owner(stream: &UnixStream) -> Result<(), String> {
    let own = nix::unistd::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) => allowed(peer.uid(), own),
        Err(error) => Err(unknown(&error)),
    }
}

fn allowed(peer: u32, own: u32) -> Result<(), String> {
    if peer == own || peer == 0 {
        return Ok(());
    }
    Err(format!("user {peer} may not control a stack of user {own}; ask as that user or as root"))
}

/// The service whose process connected, if it was granted anything. The number of a process may be given to another one
/// once it has ended, so who has ended by the time of the answer is nobody.
pub async fn service(stream: &UnixStream, mut handle: SupervisorHandle) -> Result<Caller, String> {
    let pid = stream.peer_cred().map_err(|error| unknown(&error))?.pid();
    let pid = pid.and_then(|pid| u32::try_from(pid).ok()).ok_or("the process that asks is not to be seen from here")?;
    let found = tokio::time::timeout(UNSEEN, async {
        loop {
            match handle.asking(pid) {
                Asking::Service(caller) => return Some(caller),
                Asking::Unseen => handle.changed().await.ok()?,
                Asking::Stranger => return None,
            };
        }
    });
    let caller = found.await.ok().flatten();
    let caller = caller.ok_or_else(|| format!("process {pid} belongs to no service of this stack"))?;
    if has_ended(stream) {
        return Err(format!("process {pid}, which asked, has ended"));
    }
    match caller.grant {
        Some(_) => Ok(caller),
        None => {
            let name = &caller.service;
            Err(format!("{name} was not granted the control API; `control = \"read\"` in [services.{name}] does"))
        }
    }
}

fn unknown(error: &std::io::Error) -> String {
    format!("the kernel does not say who is asking: {error}")
}

/// A kernel before 6.5 cannot tell; there the number has to do.
fn has_ended(stream: &UnixStream) -> bool {
    match getsockopt(&stream, sockopt::PeerPidfd) {
        Ok(process) => {
            let mut ends = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
            poll(&mut ends, PollTimeout::ZERO) != Ok(0)
        }
        Err(Errno::ENOPROTOOPT) => false,
        Err(_) => true,
    }
}

/// Whether the service may ask this.
pub fn may(caller: &Caller, method: &Method, path: &str) -> Result<(), String> {
    let changes = matches!(path, "/v1/start" | "/v1/stop" | "/v1/restart");
    let wanted = match *method {
        Method::GET => ControlGrant::Read,
        Method::POST if changes => ControlGrant::Manage,
        _ => return Err(format!("no service may ask for {method} {path}")),
    };
    if caller.grant >= Some(wanted) {
        return Ok(());
    }
    let (name, wanted) = (&caller.service, wanted.as_str());
    Err(format!("{name} was not granted {method} {path}; `control = \"{wanted}\"` in [services.{name}] does"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // semantics case 67
    #[test]
    fn other_users_are_refused_with_a_reason() {
        assert_eq!(allowed(1000, 1000), Ok(()));
        assert_eq!(allowed(0, 1000), Ok(()));
        assert!(allowed(1001, 1000).unwrap_err().contains("user 1001"));
        assert!(allowed(1000, 0).is_err());
    }

    #[test]
    fn a_grant_covers_what_it_says_and_no_more() {
        let asks = |grant, method: Method, path: &str| {
            may(&Caller { service: "backend".to_owned(), grant }, &method, path).is_ok()
        };
        let (read, manage) = (Some(ControlGrant::Read), Some(ControlGrant::Manage));
        for path in ["/v1/stack", "/v1/events", "/v1/services/a/logs", "/health"] {
            assert!(asks(read, Method::GET, path) && asks(manage, Method::GET, path), "{path}");
            assert!(!asks(None, Method::GET, path), "{path}");
        }
        for path in ["/v1/start", "/v1/stop", "/v1/restart"] {
            assert!(asks(manage, Method::POST, path) && !asks(read, Method::POST, path), "{path}");
        }
        // These stay with the stack's owner.
        for path in ["/v1/shutdown", "/v1/services/a/signal", "/v1/tomorrow"] {
            assert!(!asks(manage, Method::POST, path), "{path}");
        }
        assert!(!asks(manage, Method::DELETE, "/v1/stack"));
    }
}
