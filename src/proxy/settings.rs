//! The proxy's settings: variables of the environment. Routes and services are in a file, see [`super::file`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::headers::Trusted;
use crate::serve::environment::{Lookup, Problems, Reader};

/// Certificate and key, and what being reached over TLS means.
#[derive(Debug, Clone)]
pub struct Tls {
    pub address: SocketAddr,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Whether plain requests are sent to the address with TLS.
    pub redirect: bool,
    /// Port of that address as clients see it.
    pub public_port: u16,
    /// For so long browsers shall not try without; zero says nothing.
    pub hsts: Duration,
}

/// Requests per second and client.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub address: SocketAddr,
    pub file: PathBuf,
    pub tls: Option<Tls>,
    /// Measurements and health, for nobody outside.
    pub metrics: Option<SocketAddr>,
    pub workers: Option<usize>,
    pub trusted: Trusted,
    /// Names that we answer to; all if there is none.
    pub hosts: Vec<String>,
    pub body_limit: u64,
    /// Of a head, bytes.
    pub header_limit: usize,
    pub connections: usize,
    /// Until a head is whole; also how long a connection may idle between two requests.
    pub header: Duration,
    /// Between two pieces of a request's body, and for a client to take what it asked for.
    pub stall: Duration,
    pub drain: Duration,
    pub rate: Option<Rate>,
    pub has_access_log: bool,
}

/// Room for cookies of several services; below what a parser behind us takes.
const HEADER_LIMIT: usize = 32 * 1024;
/// The request line alone may be longer than a smaller limit would allow.
const LEAST_HEADER_LIMIT: usize = 8 * 1024;
const BODY_LIMIT: u64 = 50 * 1024 * 1024;

impl Settings {
    /// All problems at once.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, Problems> {
        let mut from = Reader::new(lookup);
        let host = from.parsed("HOST", IpAddr::V4(Ipv4Addr::LOCALHOST), "an IP address");
        let port = from.parsed("PORT", 3000, "a port");
        let settings = Self {
            address: SocketAddr::new(host, port),
            file: from.required("PROXY_CONFIG", "the file with routes and services").into(),
            tls: tls(&mut from, host),
            metrics: metrics(&mut from),
            workers: workers(&mut from),
            trusted: Trusted(nets(&mut from, "PROXY_TRUSTED")),
            hosts: words(&from, "PROXY_HOSTS").into_iter().map(|host| host.to_ascii_lowercase()).collect(),
            body_limit: from.parsed("PROXY_BODY_LIMIT", BODY_LIMIT, "a number of bytes"),
            header_limit: from.parsed("PROXY_HEADER_LIMIT", HEADER_LIMIT, "a number of bytes"),
            connections: from.parsed("PROXY_CONNECTIONS", 4096, "a number of connections"),
            header: from.seconds("PROXY_HEADER_TIMEOUT", 15),
            stall: from.seconds("PROXY_STALL_TIMEOUT", 30),
            drain: from.seconds("DRAIN_TIMEOUT", 8),
            rate: rate(&mut from),
            has_access_log: from.flag("PROXY_ACCESS_LOG", true),
        };
        if settings.header_limit < LEAST_HEADER_LIMIT {
            from.problem("PROXY_HEADER_LIMIT", format!("must be at least {LEAST_HEADER_LIMIT}"));
        }
        if settings.connections == 0 {
            from.problem("PROXY_CONNECTIONS", "must be at least 1");
        }
        for (name, time) in [("PROXY_HEADER_TIMEOUT", settings.header), ("PROXY_STALL_TIMEOUT", settings.stall)] {
            if time.is_zero() {
                from.problem(name, "must be at least 1: a client that hangs has to be let go");
            }
        }
        from.finish()?;
        Ok(settings)
    }
}

fn tls(from: &mut Reader<'_>, host: IpAddr) -> Option<Tls> {
    let port = from.parsed("PROXY_TLS_PORT", 8443_u16, "a port");
    let redirect = from.flag("PROXY_TLS_REDIRECT", true);
    let public_port = from.parsed("PROXY_TLS_PUBLIC_PORT", port, "a port");
    let hsts = from.seconds("PROXY_HSTS", 0);
    match (from.optional("PROXY_TLS_CERTIFICATE"), from.optional("PROXY_TLS_KEY")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(Tls {
            address: SocketAddr::new(host, port),
            certificate: certificate.into(),
            key: key.into(),
            redirect,
            public_port,
            hsts,
        }),
        (Some(_), None) => {
            from.problem("PROXY_TLS_KEY", "not set: the key of PROXY_TLS_CERTIFICATE");
            None
        }
        (None, Some(_)) => {
            from.problem("PROXY_TLS_CERTIFICATE", "not set: the certificate of PROXY_TLS_KEY");
            None
        }
    }
}

fn metrics(from: &mut Reader<'_>) -> Option<SocketAddr> {
    let text = from.optional("PROXY_METRICS")?;
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(address),
        Ok(_) => from.problem("PROXY_METRICS", format!("{text:?} is not a loopback address: anybody could read it")),
        Err(_) => from.problem("PROXY_METRICS", format!("{text:?} is not an address and a port")),
    }
    None
}

/// More threads than that only wait for each other.
const MOST_WORKERS: usize = 64;

fn workers(from: &mut Reader<'_>) -> Option<usize> {
    let workers = from.optional("WORKERS").map(|_| from.parsed("WORKERS", 1, "a number of threads"));
    if workers.is_some_and(|workers| !(1..=MOST_WORKERS).contains(&workers)) {
        from.problem("WORKERS", format!("must be between 1 and {MOST_WORKERS}"));
    }
    workers
}

fn rate(from: &mut Reader<'_>) -> Option<Rate> {
    let per_second = from.parsed("PROXY_RATE", 0_u32, "a number of requests");
    let burst = from.parsed("PROXY_RATE_BURST", per_second.saturating_mul(2), "a number of requests");
    (per_second > 0).then_some(Rate { per_second, burst: burst.max(1) })
}

fn nets(from: &mut Reader<'_>, name: &str) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for word in words(from, name) {
        match word.parse::<IpNet>().or_else(|_| word.parse::<IpAddr>().map(IpNet::from)) {
            Ok(net) => nets.push(net),
            Err(_) => from.problem(name, format!("{word:?} is neither an address nor a network such as 10.0.0.0/8")),
        }
    }
    nets
}

/// Words with commas or spaces between.
fn words(from: &Reader<'_>, name: &str) -> Vec<String> {
    let text = from.text(name, "");
    text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, Problems> {
        Settings::read(&|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn only_the_file_has_to_be_set() {
        let settings = read(&[("PROXY_CONFIG", "proxy.toml")]).unwrap();
        assert_eq!(settings.address.to_string(), "127.0.0.1:3000");
        assert_eq!((settings.body_limit, settings.drain.as_secs()), (50 << 20, 8));
        assert!(settings.tls.is_none() && settings.metrics.is_none() && settings.rate.is_none());
        assert!(settings.has_access_log && settings.hosts.is_empty() && settings.trusted.0.is_empty());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = read(&[
            ("PORT", "x"),
            ("PROXY_METRICS", "0.0.0.0:9090"),
            ("PROXY_TRUSTED", "10.0.0.0/8, friends"),
            ("PROXY_TLS_KEY", "key.pem"),
            ("PROXY_HEADER_LIMIT", "10"),
            ("PROXY_STALL_TIMEOUT", "0"),
            ("PROXY_CONNECTIONS", "0"),
            ("WORKERS", "0"),
        ]);
        let text = text.unwrap_err().to_string();
        for name in [
            "PORT: \"x\"",
            "PROXY_CONFIG: not set",
            "PROXY_METRICS: \"0.0.0.0:9090\" is not a loopback",
            "PROXY_TRUSTED: \"friends\"",
            "PROXY_TLS_CERTIFICATE: not set",
            "PROXY_HEADER_LIMIT: ",
            "PROXY_STALL_TIMEOUT: ",
            "PROXY_CONNECTIONS: ",
            "WORKERS: ",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }

    #[test]
    fn lists_may_have_commas_and_spaces() {
        let set = [("PROXY_CONFIG", "a"), ("PROXY_TRUSTED", "127.0.0.1,10.0.0.0/8"), ("PROXY_HOSTS", "A.example b")];
        let settings = read(&set).unwrap();
        assert!(
            settings.trusted.has("10.1.2.3".parse().unwrap()) && settings.trusted.has("127.0.0.1".parse().unwrap())
        );
        assert_eq!(settings.hosts, ["a.example", "b"]);
    }

    #[test]
    fn the_manual_lists_every_variable() {
        let manual = include_str!("../../docs/proxy.md");
        let asked = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            (name == "PROXY_CONFIG").then(|| "proxy.toml".to_owned())
        };
        assert!(Settings::read(&lookup).is_ok());
        let missing: Vec<_> = asked.take().into_iter().filter(|name| !manual.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}
