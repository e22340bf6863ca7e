//! The proxy's settings: variables of the environment. Routes and services are in a file, see [`super::file`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use rustls::pki_types::ServerName;

use super::acme::{Acme, Challenge};
use super::headers::Trusted;
use crate::serve::environment::{Lookup, Problems, Reader};
use crate::settings;

/// Certificate and key, and what being reached over TLS means.
#[derive(Debug, Clone)]
pub struct Tls {
    pub address: SocketAddr,
    pub source: Source,
    /// Whether plain requests are sent to the address with TLS.
    pub redirect: bool,
    /// Port of that address as clients see it.
    pub public_port: u16,
    /// For so long browsers shall not try without; zero says nothing.
    pub hsts: Duration,
}

/// Where the certificate comes from.
#[derive(Debug, Clone)]
pub enum Source {
    Files(Files),
    Acme(Acme),
}

#[derive(Debug, Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
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
    /// Of one address; none at all is no limit.
    pub client_connections: u32,
    /// Where reeve tells how the services are, to whom it was granted.
    pub control: Option<PathBuf>,
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
/// A quarter of all: a whole office behind one address, and still nobody can take every place.
const CLIENT_CONNECTIONS: u32 = 1024;
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
            client_connections: from.parsed("PROXY_CLIENT_CONNECTIONS", CLIENT_CONNECTIONS, "a number of connections"),
            control: from.optional(settings::CONTROL.name).map(PathBuf::from),
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
    let source = match (files(from), acme(from)) {
        (Some(_), Some(_)) => {
            from.problem(
                "PROXY_ACME_NAMES",
                "set beside PROXY_TLS_CERTIFICATE: the certificate is either yours or theirs",
            );
            return None;
        }
        (Some(files), None) => Source::Files(files),
        (None, Some(acme)) => Source::Acme(acme),
        (None, None) => return None,
    };
    Some(Tls { address: SocketAddr::new(host, port), source, redirect, public_port, hsts })
}

fn files(from: &mut Reader<'_>) -> Option<Files> {
    match (from.optional("PROXY_TLS_CERTIFICATE"), from.optional("PROXY_TLS_KEY")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(Files { certificate: certificate.into(), key: key.into() }),
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

/// The authority that is asked unless another one is named.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

fn acme(from: &mut Reader<'_>) -> Option<Acme> {
    let directory = from.text("PROXY_ACME_DIRECTORY", DIRECTORY);
    let contact = words(from, "PROXY_ACME_CONTACT");
    let store = from.optional("PROXY_ACME_STORE");
    let root = from.optional("PROXY_ACME_ROOT").map(PathBuf::from);
    let agrees = from.flag("PROXY_ACME_TERMS", false);
    let challenge = match from.text("PROXY_ACME_CHALLENGE", "http-01").as_str() {
        "http-01" => Challenge::Http01,
        "tls-alpn-01" => Challenge::TlsAlpn01,
        other => {
            from.problem("PROXY_ACME_CHALLENGE", format!("{other:?} is neither http-01 nor tls-alpn-01"));
            Challenge::Http01
        }
    };
    let names = words(from, "PROXY_ACME_NAMES");
    if names.is_empty() {
        return None;
    }
    for name in &names {
        let is_name = matches!(ServerName::try_from(name.as_str()), Ok(ServerName::DnsName(_)));
        if !is_name {
            from.problem("PROXY_ACME_NAMES", format!("{name:?} is no name that a challenge of this kind can be for"));
        }
    }
    if !agrees {
        from.problem("PROXY_ACME_TERMS", "not true: the authority wants its terms of service to be agreed to");
    }
    let Some(store) = store else {
        from.problem("PROXY_ACME_STORE", "not set: the directory in which account and certificate are kept");
        return None;
    };
    let names = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    Some(Acme { directory, names, contact, store: store.into(), challenge, root })
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
    fn an_authority_is_asked_only_with_all_that_it_takes() {
        let known = [("PROXY_CONFIG", "a"), ("PROXY_ACME_NAMES", "A.example, b.example")];
        let text = read(&[&known[..], &[("PROXY_ACME_CHALLENGE", "dns-01")]].concat()).unwrap_err().to_string();
        for name in ["PROXY_ACME_TERMS: not true", "PROXY_ACME_STORE: not set", "PROXY_ACME_CHALLENGE: \"dns-01\""] {
            assert!(text.contains(name), "{name} in {text}");
        }
        let whole = [&known[..], &[("PROXY_ACME_TERMS", "true"), ("PROXY_ACME_STORE", "acme")]].concat();
        let Some(Tls { source: Source::Acme(acme), .. }) = read(&whole).unwrap().tls else { panic!("no authority") };
        assert_eq!(
            (acme.names, acme.challenge),
            (vec!["a.example".to_owned(), "b.example".to_owned()], Challenge::Http01)
        );
        assert_eq!(acme.directory, DIRECTORY);
        let both = [&whole[..], &[("PROXY_TLS_CERTIFICATE", "c"), ("PROXY_TLS_KEY", "k")]].concat();
        assert!(read(&both).unwrap_err().to_string().contains("either yours or theirs"));
        let wild = [&whole[..1], &[("PROXY_ACME_NAMES", "*.example")], &whole[2..]].concat();
        assert!(read(&wild).unwrap_err().to_string().contains("\"*.example\" is no name"));
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
