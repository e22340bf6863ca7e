//! Certificates from an authority: Pebble, the one that Let's Encrypt makes for tests, with a resolver that says that every name
//! is this machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::harness::{Proxy, one};
use super::tls::certificate;
use super::upstream::{Upstream, find};
use crate::support::{Running, eventually, free_port, skip};

const NAME: &str = "status.test";

struct Authority {
    _pebble: Running,
    _resolver: Running,
    directory: String,
    dir: tempfile::TempDir,
}

impl Authority {
    /// One that looks for challenges at these ports. None is said.
    fn start(http_port: u16, tls_port: u16) -> Option<Self> {
        let found = |name: &str| Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
        let is_there = |name| found(name).is_ok_and(|output| output.status.success());
        if !is_there("pebble") || !is_there("pebble-challtestsrv") {
            skip("pebble is not on this machine: certificates from an authority are not tested");
            return None;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a certificate");
        std::fs::write(path("server.crt"), params.self_signed(&key).expect("a certificate").pem()).expect("a file");
        std::fs::write(path("server.key"), key.serialize_pem()).expect("a file");
        let (port, management, dns) = (free_port(), free_port(), free_port());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": path("server.crt"),
            "privateKey": path("server.key"),
            "httpPort": http_port,
            "tlsPort": tls_port,
        } });
        std::fs::write(path("pebble.json"), config.to_string()).expect("a file");
        let log = |name: &str| std::fs::File::create(path(name)).expect("a log");
        let mut resolver = Command::new("pebble-challtestsrv");
        resolver.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]);
        resolver.args(["-dns01", &format!("127.0.0.1:{dns}"), "-management", &format!("127.0.0.1:{}", free_port())]);
        resolver.stdout(log("resolver.log")).stderr(Stdio::null());
        let mut pebble = Command::new("pebble");
        pebble.args(["-config", &path("pebble.json"), "-dnsserver", &format!("127.0.0.1:{dns}")]);
        // It looks at once, and does not refuse good requests for practice.
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        pebble.stdout(log("pebble.log")).stderr(Stdio::null());
        let (resolver, pebble) = (Running::start(resolver), Running::start(pebble));
        for port in [port, dns] {
            eventually("the authority listens", || std::net::TcpStream::connect(("127.0.0.1", port)).map(drop));
        }
        let directory = format!("https://127.0.0.1:{port}/dir");
        Some(Self { _pebble: pebble, _resolver: resolver, directory, dir })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("pebble.log")).unwrap_or_default()
    }
}

struct Ports {
    plain: u16,
    tls: u16,
}

impl Ports {
    fn free() -> Self {
        Self { plain: free_port(), tls: free_port() }
    }

    fn tls(&self) -> String {
        format!("127.0.0.1:{}", self.tls)
    }
}

fn prepared(upstream: &Upstream, authority: &Authority, ports: &Ports, challenge: &str) -> Proxy {
    let (port, tls_port) = (ports.plain.to_string(), ports.tls.to_string());
    let root = authority.dir.path().join("server.crt").to_string_lossy().into_owned();
    let settings: [(&str, &str); 10] = [
        ("PORT", port.as_str()),
        ("PROXY_TLS_PORT", &tls_port),
        ("PROXY_ACME_DIRECTORY", &authority.directory),
        ("PROXY_ACME_NAMES", NAME),
        ("PROXY_ACME_CONTACT", "operator@status.test"),
        ("PROXY_ACME_STORE", "acme"),
        ("PROXY_ACME_TERMS", "true"),
        ("PROXY_ACME_CHALLENGE", challenge),
        ("PROXY_ACME_ROOT", &root),
        ("PROXY_HOSTS", NAME),
    ];
    Proxy::prepared(&one(&[upstream.address], ""), &settings)
}

fn has_certificate(proxy: &Proxy, authority: &Authority) {
    eventually("a certificate", || {
        let log = proxy.log();
        if log.contains("new certificate") { Ok(()) } else { Err(format!("{log}\n{}", authority.log())) }
    });
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn a_certificate_is_had_over_http_kept_and_used_again() {
    let (upstream, ports) = (Upstream::echo(), Ports::free());
    let Some(authority) = Authority::start(ports.plain, ports.tls) else { return };
    let mut proxy = prepared(&upstream, &authority, &ports, "http-01");
    proxy.launch();
    has_certificate(&proxy, &authority);
    let first = certificate(&ports.tls());
    assert!(find(&first, NAME.as_bytes()).is_some());
    // All else is sent to TLS, and what nobody asks for any more is not answered.
    proxy.get("/").expect(421);
    let ask = |path: &str| proxy.ask(&format!("GET {path} HTTP/1.1\r\nhost: {NAME}\r\n\r\n"));
    ask("/").expect(308);
    ask("/.well-known/acme-challenge/abc").expect(308);
    let kept = proxy.path("acme/certificate.pem");
    assert_eq!((mode(&proxy.path("acme")), mode(&kept)), (0o700, 0o600));
    let accounts = std::fs::read_dir(proxy.path("acme")).expect("a directory").flatten();
    let accounts: Vec<_> =
        accounts.filter(|entry| entry.file_name().to_string_lossy().starts_with("account-")).collect();
    assert!(accounts.len() == 1 && mode(&accounts[0].path()) == 0o600);
    // A restart asks nobody.
    assert_eq!(proxy.stop(), 0);
    proxy.launch();
    has_certificate(&proxy, &authority);
    assert!(!proxy.log().contains("asks for a certificate"), "{}", proxy.log());
    assert!(certificate(&ports.tls()) == first);
}

#[test]
fn a_certificate_is_had_over_tls_before_the_old_one_ends() {
    let (upstream, ports) = (Upstream::echo(), Ports::free());
    let Some(authority) = Authority::start(free_port(), ports.tls) else { return };
    let mut proxy = prepared(&upstream, &authority, &ports, "tls-alpn-01");
    // One that was good for most of its life.
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new([NAME.to_owned()]).expect("a certificate");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let old = params.self_signed(&key).expect("a certificate");
    proxy.write("acme/certificate.pem", key.serialize_pem() + &old.pem());
    proxy.launch();
    has_certificate(&proxy, &authority);
    eventually("a newer one is shown", || {
        let shown = certificate(&ports.tls());
        if shown == old.der().as_ref() { Err(format!("{}\n{}", proxy.log(), authority.log())) } else { Ok(()) }
    });
    assert!(proxy.log().contains("asks for a certificate"), "{}", proxy.log());
}

#[test]
fn an_authority_that_does_not_believe_is_asked_again_later() {
    let (upstream, ports) = (Upstream::echo(), Ports::free());
    // It looks where nobody is.
    let Some(authority) = Authority::start(free_port(), free_port()) else { return };
    let mut proxy = prepared(&upstream, &authority, &ports, "http-01");
    proxy.launch();
    let log = eventually("the refusal is told", || {
        let log = proxy.log();
        if log.contains("no certificate; asks again later") { Ok(log) } else { Err(log) }
    });
    assert!(log.contains("does not believe that the names are ours: ") && log.contains("connection refused"), "{log}");
    // Nothing else suffers.
    proxy.ask(&format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n")).expect(308);
    assert_eq!(proxy.stop(), 0);
}
