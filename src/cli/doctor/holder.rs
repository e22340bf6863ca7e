//! Which process listens on a port: the socket's inode from the kernel's table, then whose descriptor that is.

use std::net::{IpAddr, SocketAddr};

/// As far as it may be seen by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} (pid {})", self.command, self.pid)
    }
}

pub fn of(address: SocketAddr) -> Option<Holder> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inodes = tables
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|text| text.lines().skip(1).filter_map(|line| listener(line, address)).collect::<Vec<_>>())
        .map(|inode| format!("socket:[{inode}]"))
        .collect::<Vec<_>>();
    if inodes.is_empty() {
        return None;
    }
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).find_map(|pid| {
        let mut descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let holds = descriptors.any(|entry| {
            let link = entry.ok().and_then(|entry| std::fs::read_link(entry.path()).ok());
            link.is_some_and(|link| inodes.iter().any(|inode| link.as_os_str() == inode.as_str()))
        });
        let command = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
        holds.then(|| Holder { pid, command: command() })
    })
}

/// The inode of a line of `/proc/net/tcp` that listens on that port, on that address or on all.
fn listener(line: &str, address: SocketAddr) -> Option<u64> {
    let fields = line.split_whitespace().collect::<Vec<_>>();
    let (ip, port) = fields.get(1)?.split_once(':')?;
    if *fields.get(3)? != "0A" || u16::from_str_radix(port, 16).ok()? != address.port() {
        return None;
    }
    let is_any = ip.bytes().all(|digit| digit == b'0');
    (is_any || ip.len() != 8 || same(ip, address.ip())).then(|| fields.get(9)?.parse().ok())?
}

/// The kernel writes an IPv4 address as one number in the machine's own order.
fn same(hex: &str, ip: IpAddr) -> bool {
    let IpAddr::V4(ip) = ip else { return false };
    u32::from_str_radix(hex, 16).is_ok_and(|number| number.to_ne_bytes() == ip.octets())
}
