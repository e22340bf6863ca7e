//! TCP ports: free or not, who listens.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::net::{SocketAddr, TcpListener};

use super::identity;

/// Who has a port; the pid is unknown when the process belongs to somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortHolder {
    pub pid: Option<i32>,
    pub command: String,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "{} (pid {pid})", self.command),
            None => f.write_str("a process of another account"),
        }
    }
}

/// Whether a service could bind here now.
pub fn is_free(address: SocketAddr) -> std::io::Result<bool> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Ok(false),
        Err(e) => Err(e),
    }
}

/// (port, inode) of every listening socket, both families.
fn listeners() -> Vec<(u16, u64)> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, "0A", _, _, _, _, _, inode, ..] = fields.as_slice() else { continue };
            let port = local.rsplit(':').next().and_then(|p| u16::from_str_radix(p, 16).ok());
            if let (Some(port), Ok(inode)) = (port, inode.parse()) {
                found.push((port, inode));
            }
        }
    }
    found
}

fn sockets(pid: i32) -> HashSet<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    let inode = |e: fs::DirEntry| {
        fs::read_link(e.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.flatten().filter_map(inode).collect()
}

/// Who listens on this port, on any address; `None` when nobody does.
pub fn holder(port: u16) -> Option<PortHolder> {
    let inodes: HashSet<u64> = listeners().into_iter().filter(|l| l.0 == port).map(|l| l.1).collect();
    if inodes.is_empty() {
        return None;
    }
    let pid = identity::processes().into_iter().map(|s| s.pid).find(|pid| !sockets(*pid).is_disjoint(&inodes));
    Some(PortHolder { pid, command: pid.map(identity::command).unwrap_or_default() })
}

/// Whether every port is in LISTEN by one of these processes.
pub fn listening(pids: &[i32], ports: &[u16]) -> bool {
    let held: HashSet<u64> = pids.iter().flat_map(|pid| sockets(*pid)).collect();
    let all = listeners();
    ports.iter().all(|port| all.iter().any(|(p, inode)| p == port && held.contains(inode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listener_is_found_and_named() {
        // semantics case 74
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let bound = listener.local_addr().unwrap();
            let own = std::process::id() as i32;
            assert!(!is_free(bound).unwrap());
            assert_eq!(holder(bound.port()).unwrap().pid, Some(own));
            assert!(listening(&[own], &[bound.port()]));
            assert!(!listening(&[1], &[bound.port()]));
        }
    }
}
