//! Readiness and liveness probes.

use std::time::Duration;

use super::super::error::suggest;
use super::super::file::{HealthFile, HttpFile, HttpTable, ProbeFile, TcpFile};
use super::super::probe::{HttpProbe, ProbeAction, ProbeSpec};
use super::super::service::PortSpec;
use super::super::template::{Piece, Template};
use super::values::{At, Context};

/// Readiness when nothing is declared: alive this long, and listening on every declared port.
const ASSUMED_READY_AFTER: Duration = Duration::from_secs(1);

/// A probe that has been asked for with `action`, everything else at its default.
pub fn with_defaults(action: ProbeAction) -> ProbeSpec {
    ProbeSpec {
        action,
        every: Duration::from_secs(10),
        timeout: Duration::from_secs(3),
        failures: 3,
        successes: 1,
        recover_successes: 2,
        start_timeout: Duration::from_secs(60),
        restart_on_unready: None,
    }
}

pub fn readiness(cx: &mut Context<'_>, at: At<'_>, file: Option<&HealthFile>, ports: &[PortSpec]) -> ProbeSpec {
    let assumed = || with_defaults(ProbeAction::Delay { after: ASSUMED_READY_AFTER });
    match file {
        Some(HealthFile::Probe(file)) => probe(cx, at, file, ports).unwrap_or_else(assumed),
        // Nothing may wait for `ready` then, so that the delay only serves the display.
        Some(HealthFile::None(_)) | None => assumed(),
    }
}

pub fn probe(cx: &mut Context<'_>, at: At<'_>, file: &ProbeFile, ports: &[PortSpec]) -> Option<ProbeSpec> {
    let action = action(cx, at, file, ports);
    let default = with_defaults(ProbeAction::Notify);
    let every = cx.duration(at.key("every"), file.every.as_ref(), false).unwrap_or(default.every);
    let timeout = cx.duration(at.key("timeout"), file.timeout.as_ref(), false).unwrap_or(default.timeout);
    let start = cx.duration(at.key("start_timeout"), file.start_timeout.as_ref(), false);
    if file.restart_on_unready == Some(0) {
        cx.error(at.key("restart_on_unready").place(), "expected a number not below 1, found 0", None);
    }
    Some(ProbeSpec {
        action: action?,
        every,
        timeout,
        failures: file.failures.unwrap_or(default.failures),
        successes: file.successes.unwrap_or(default.successes),
        recover_successes: file.recover_successes.unwrap_or(default.recover_successes),
        start_timeout: start.unwrap_or(default.start_timeout),
        restart_on_unready: file.restart_on_unready,
    })
}

/// The one action of a probe.
pub fn action(cx: &mut Context<'_>, at: At<'_>, file: &ProbeFile, ports: &[PortSpec]) -> Option<ProbeAction> {
    let kinds = [
        ("exec", file.exec.is_some()),
        ("http", file.http.is_some()),
        ("tcp", file.tcp.is_some()),
        ("unix", file.unix.is_some()),
        ("postgres", file.postgres.is_some()),
        ("redis", file.redis.is_some()),
        ("mongo", file.mongo.is_some()),
        ("log", file.log.is_some()),
        ("notify", file.notify.is_some()),
        ("file", file.file.is_some()),
        ("delay", file.delay.is_some()),
    ];
    let mut given = kinds.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
    let Some(kind) = given.next() else {
        let written = |name: &&str| at.key(name).node().is_some();
        if !kinds.iter().map(|(name, _)| name).any(written) {
            let list = kinds.map(|(name, _)| name).join(", ");
            cx.error(at.name(), "the probe does not say what to ask", Some(format!("give one of {list}")));
        }
        return None;
    };
    if let Some(second) = given.next() {
        let message = format!("a probe asks one thing, but \"{kind}\" and \"{second}\" are given");
        cx.error(at.key(second).name(), message, Some(format!("remove \"{kind}\" or \"{second}\"")));
        return None;
    }
    let at = at.key(kind);
    if let Some(words) = &file.exec {
        return Some(ProbeAction::Exec { command: cx.command(at, words) });
    }
    if let Some(http) = &file.http {
        return self::http(cx, at, http, ports);
    }
    if let Some(tcp) = &file.tcp {
        return self::tcp(cx, at, tcp, ports);
    }
    if let Some(path) = &file.unix {
        return Some(ProbeAction::Unix { path: cx.template(at, path) });
    }
    if let Some(url) = &file.postgres {
        return Some(ProbeAction::Postgres { url: url_of(cx, at, url, &["postgres", "postgresql"]) });
    }
    if let Some(url) = &file.redis {
        return Some(ProbeAction::Redis { url: url_of(cx, at, url, &["redis", "rediss", "unix", "redis+unix"]) });
    }
    if let Some(url) = &file.mongo {
        return Some(ProbeAction::Mongo { url: url_of(cx, at, url, &["mongodb", "mongodb+srv"]) });
    }
    if let Some(pattern) = &file.log {
        return Some(ProbeAction::Log { pattern: cx.regex(at, pattern) });
    }
    if let Some(path) = &file.file {
        return Some(ProbeAction::File { path: cx.template(at, path) });
    }
    if let Some(after) = &file.delay {
        return Some(ProbeAction::Delay { after: cx.duration(at, Some(after), true)? });
    }
    if file.notify == Some(false) {
        cx.error(at.place(), "notify = false asks nothing", Some("remove it, or write health = \"none\"".to_owned()));
        return None;
    }
    Some(ProbeAction::Notify)
}

/// A URL; its scheme is checked where the text begins with one.
pub fn url_of(cx: &mut Context<'_>, at: At<'_>, url: &str, schemes: &[&str]) -> Template {
    let template = cx.template(at, url);
    let start = match template.pieces().first() {
        Some(Piece::Literal(text)) => text.as_str(),
        Some(Piece::Fact { .. }) => return template,
        None => "",
    };
    if !schemes.iter().any(|scheme| start.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':'))) {
        let message = format!("expected an address that begins with {}://", schemes.join(":// or "));
        cx.error(at.place(), message, None);
    }
    template
}

fn http(cx: &mut Context<'_>, at: At<'_>, file: &HttpFile, ports: &[PortSpec]) -> Option<ProbeAction> {
    let bare = HttpTable { url: None, method: None, headers: None, status: None, body: None, tls_verify: None };
    let (url, url_at, table) = match file {
        HttpFile::Path(url) => (url, at, &bare),
        HttpFile::Table(table) => match &table.url {
            Some(url) => (url, at.key("url"), table),
            None => {
                cx.error(at.name(), "the http probe has no url", None);
                return None;
            }
        },
    };
    let url = if url.starts_with('/') {
        let Some(port) = ports.first() else {
            let hint = "give a whole address, or declare the port in ports".to_owned();
            cx.error(url_at.place(), "a path needs a port, and the service declares none", Some(hint));
            return None;
        };
        let path = cx.template(url_at, url);
        let mut pieces = vec![
            Piece::Literal(format!("http://{}:", probe_host(port.host, true))),
            Piece::Fact { name: "self.port".to_owned(), filter: None },
        ];
        pieces.extend(path.pieces().iter().cloned());
        Template::new(pieces)
    } else {
        url_of(cx, url_at, url, &["http", "https"])
    };
    let method = table.method.clone().unwrap_or_else(|| "GET".to_owned());
    if !is_method(&method) {
        cx.error(at.key("method").place(), format!("\"{method}\" is no HTTP method"), None);
    }
    Some(ProbeAction::Http(HttpProbe {
        url,
        method,
        headers: headers(cx, at.key("headers"), table.headers.as_ref()),
        status: cx.status(at.key("status"), table.status.as_ref()),
        body: table.body.as_ref().map(|pattern| cx.regex(at.key("body"), pattern)),
        tls_verify: table.tls_verify.unwrap_or(true),
    }))
}

pub fn is_method(method: &str) -> bool {
    !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase())
}

pub fn headers(
    cx: &mut Context<'_>,
    at: At<'_>,
    headers: Option<&std::collections::BTreeMap<String, String>>,
) -> Vec<(String, Template)> {
    let mut list = Vec::new();
    for (name, value) in headers.into_iter().flatten() {
        let at = at.key(name);
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        {
            cx.error(at.name(), format!("\"{name}\" is no name of a header"), None);
        }
        list.push((name.clone(), cx.template(at, value)));
    }
    list
}

/// Where a probe reaches what listens on `host`.
fn probe_host(host: std::net::IpAddr, in_url: bool) -> String {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let host = match host {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    match host {
        IpAddr::V6(address) if in_url => format!("[{address}]"),
        address => address.to_string(),
    }
}

fn tcp(cx: &mut Context<'_>, at: At<'_>, file: &TcpFile, ports: &[PortSpec]) -> Option<ProbeAction> {
    let text = match file {
        TcpFile::Number(number) => number.to_string(),
        TcpFile::Name(name) => name.clone(),
    };
    if let Some(port) = ports.iter().find(|port| port.name == text) {
        if port.socket {
            let message =
                format!("reeve itself listens on \"{text}\", so that a connection says nothing of the service");
            cx.error(at.place(), message, Some("ask with http, exec, log or notify".to_owned()));
        }
        let fact = Piece::Fact { name: format!("self.port.{}", port.name), filter: None };
        return Some(ProbeAction::Tcp { host: probe_host(port.host, false), port: Template::new(vec![fact]) });
    }
    // An address of IPv6 stands in brackets.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with('}') || !host.contains("${") || host.ends_with('}') => {
            (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port.to_owned())
        }
        _ => ("127.0.0.1".to_owned(), text.clone()),
    };
    let port = cx.template(at, &port);
    let host = cx.plain(at, &host)?;
    if let [Piece::Literal(number)] = port.pieces() {
        if number.chars().all(|c| c.is_ascii_digit()) {
            if !number.parse::<u16>().is_ok_and(|number| number > 0) {
                cx.error(
                    at.place(),
                    format!("{number} is no port number"),
                    Some("ports are from 1 to 65535".to_owned()),
                );
            }
        } else {
            let hint = suggest(number, ports.iter().map(|port| port.name.as_str()));
            cx.error(at.place(), format!("the service has no port \"{number}\""), hint);
        }
    }
    Some(ProbeAction::Tcp { host, port })
}
