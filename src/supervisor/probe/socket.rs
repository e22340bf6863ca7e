//! Something listens, something is there.

use std::io;
use std::path::Path;

use tokio::net::{TcpStream, UnixStream, lookup_host};

/// A connection to any address of the name: a service may listen on only one of `127.0.0.1` and `::1`.
pub(super) async fn tcp(host: &str, port: u16) -> Result<(), String> {
    connect(host, port).await.map(drop)
}

/// Connects to the addresses of the name in turn, the first that answers.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let mut last = None;
    for address in addresses(bare, port).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(format!("{address}: {}", short(&error))),
        }
    }
    Err(last.unwrap_or_else(|| format!("{bare} has no address")))
}

/// `localhost` is always both loopback addresses, whatever the resolver of this machine says.
async fn addresses(host: &str, port: u16) -> Result<Vec<std::net::SocketAddr>, String> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![([127, 0, 0, 1], port).into(), (std::net::Ipv6Addr::LOCALHOST, port).into()]);
    }
    match lookup_host((host, port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(format!("{host}: {}", short(&error))),
    }
}

pub(super) async fn unix(path: &Path) -> Result<(), String> {
    match UnixStream::connect(path).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{}: {}", path.display(), short(&error))),
    }
}

pub(super) async fn file(path: &Path) -> Result<(), String> {
    match tokio::fs::metadata(path).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{}: {}", path.display(), short(&error))),
    }
}

/// `connection refused` instead of `Connection refused (os error 111)`.
pub(super) fn short(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        // `No such file` reads `no such file`, `EOF` stays.
        Some(first) if !chars.as_str().starts_with(|c: char| c.is_uppercase()) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
