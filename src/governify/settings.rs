//! The variables that both services read, by the names of the originals.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::serve::environment::Reader;

/// What differs between the two when nothing is set.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    pub port: u16,
    /// `NODE_ENV`.
    pub mode: &'static str,
}

#[derive(Debug, Clone)]
pub struct Shared {
    /// `HOST` and `PORT`. The originals listen on every address; this one on the loopback address unless told otherwise.
    pub address: SocketAddr,
    /// `NODE_ENV`.
    pub mode: String,
    /// `GOV_INFRASTRUCTURE`: a file or an address; unset, [`super::infrastructure::DEFAULT`] if it is there.
    pub infrastructure: Option<String>,
    /// `DRAIN_TIMEOUT`, seconds: for answers under way at a stop.
    pub drain: Duration,
    /// `WORKERS`: threads of the event loop. One unless told otherwise: these services wait more than they compute.
    pub workers: usize,
}

impl Shared {
    /// What is wrong stays with the reader, whose owner finishes it.
    pub fn read(from: &mut Reader<'_>, defaults: Defaults) -> Self {
        let host = from.parsed("HOST", IpAddr::V4(Ipv4Addr::LOCALHOST), "an IP address");
        let port = from.parsed("PORT", defaults.port, "a port");
        Self {
            address: SocketAddr::new(host, port),
            mode: from.text("NODE_ENV", defaults.mode),
            infrastructure: from.optional("GOV_INFRASTRUCTURE"),
            drain: from.seconds("DRAIN_TIMEOUT", 8),
            workers: from.parsed("WORKERS", 1_usize, "a number of threads").max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> (Shared, bool) {
        let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let mut reader = Reader::new(&lookup);
        let shared = Shared::read(&mut reader, Defaults { port: 5800, mode: "production" });
        (shared, reader.finish().is_ok())
    }

    #[test]
    fn nothing_has_to_be_set() {
        let (shared, is_good) = read(&[]);
        assert!(is_good);
        assert_eq!(shared.address.to_string(), "127.0.0.1:5800");
        assert_eq!((shared.mode.as_str(), shared.workers, shared.infrastructure), ("production", 1, None));
    }

    #[test]
    fn what_is_set_holds_and_what_is_wrong_is_told() {
        let (shared, is_good) =
            read(&[("HOST", "0.0.0.0"), ("PORT", "80"), ("WORKERS", "0"), ("GOV_INFRASTRUCTURE", "a.yaml")]);
        assert!(is_good);
        assert_eq!(shared.address.to_string(), "0.0.0.0:80");
        assert_eq!((shared.workers, shared.infrastructure.as_deref()), (1, Some("a.yaml")));
        assert!(!read(&[("PORT", "many")]).1);
    }
}
