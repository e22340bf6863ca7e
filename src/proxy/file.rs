//! The file with routes and services: what it may say, and every problem in it at once.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::table::{self, Table};

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    #[serde(default)]
    routes: Vec<RouteFile>,
    #[serde(default)]
    services: BTreeMap<String, ServiceFile>,
    headers: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteFile {
    path: String,
    service: Option<String>,
    rewrite: Option<String>,
    #[serde(default)]
    redirect: bool,
    files: Option<PathBuf>,
    #[serde(default)]
    embedded: bool,
    fallback: Option<String>,
    fallback_except: Option<Vec<String>>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceFile {
    addresses: Vec<String>,
    #[serde(default)]
    protocol: Protocol,
    #[serde(default)]
    host: HostPolicy,
    connect_ms: Option<u64>,
    header_ms: Option<u64>,
    idle_ms: Option<u64>,
    keep_ms: Option<u64>,
}

/// What a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Protocol {
    #[default]
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2 in clear, by prior knowledge: requests share one connection. Nothing can be upgraded in it.
    #[serde(rename = "h2c")]
    Http2,
}

/// Which `Host` a service gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostPolicy {
    /// The client's.
    #[default]
    Keep,
    /// The service's own address.
    Address,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSpec {
    pub name: String,
    pub addresses: Vec<SocketAddr>,
    pub protocol: Protocol,
    pub host: HostPolicy,
    pub connect: Duration,
    /// From the request, or the last piece of its body, to the head of the answer.
    pub header: Duration,
    /// Between two pieces of an answer; none is no limit.
    pub idle: Option<Duration>,
    /// For so long an unused connection is kept.
    pub keep: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSpec {
    /// Asked first.
    pub root: Option<PathBuf>,
    /// What the directory does not have comes out of this binary.
    pub embedded: bool,
    /// What navigations get that lead to no file.
    pub fallback: Option<String>,
    /// Paths below which nothing falls back.
    pub except: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The place of a service in [`Config::services`].
    Service {
        service: usize,
        rewrite: Option<String>,
    },
    Files(FilesSpec),
}

#[derive(Debug, Clone)]
pub struct RouteSpec {
    /// As it was written, for metrics.
    pub path: String,
    pub target: Target,
    /// Whether the prefix without its slash leads to the one with it.
    pub redirect: bool,
    /// Its place among all, in the order of the file.
    pub index: usize,
    /// In place of the fields of that name that all answers get; an empty one takes it away.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug)]
pub struct Config {
    pub services: Vec<ServiceSpec>,
    pub routes: Table<RouteSpec>,
    /// Added to every answer that does not have them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is not right:{problems}")]
    Invalid { path: PathBuf, problems: Lines },
}

/// One problem a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Lines(pub Vec<String>);

impl fmt::Display for Lines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(out, "\n  {line}"))
    }
}

/// Behind a proxy on the same machine or network; whoever needs longer is not there.
const CONNECT: Duration = Duration::from_secs(2);
/// As long as the slowest request of the API may take.
const HEADER: Duration = Duration::from_secs(60);
/// Streams of events send something at least every minute, or are told to.
const IDLE: Duration = Duration::from_secs(300);
/// Below the five seconds after which Node.js closes a connection on its side.
const KEEP: Duration = Duration::from_secs(4);
/// What a browser asks these for is data or nothing.
const EXCEPT: [&str; 2] = ["/api", "/assets"];
/// Good for every answer, unless the service or the file says otherwise.
const HEADERS: [(&str, &str); 4] = [
    // Says nothing of where scripts come from: what services put into their pages only they know.
    ("Content-Security-Policy", "frame-ancestors 'self'; object-src 'none'; base-uri 'self'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
];

pub fn read(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems: Lines(problems) })
}

fn parse(text: &str) -> Result<Config, Vec<String>> {
    // Its message is a small picture of the place, with a line feed at the end.
    let file: ConfigFile = toml_edit::de::from_str(text).map_err(|error| vec![error.to_string().trim().to_owned()])?;
    let mut problems = Vec::new();
    let names: Vec<String> = file.services.keys().cloned().collect();
    let services = file.services.into_iter().map(|(name, service)| service.checked(name, &mut problems)).collect();
    if file.routes.is_empty() {
        problems.push("there is no route: add a [[routes]] with path, and service or files".to_owned());
    }
    let routes: Vec<(String, RouteSpec)> = file
        .routes
        .into_iter()
        .enumerate()
        .filter_map(|(index, route)| route.checked(index, &names, &mut problems))
        .map(|route| (route.path.clone(), route))
        .collect();
    let headers = checked_headers(file.headers, &mut problems);
    let routes = Table::new(routes).inspect_err(|twice| problems.push(twice.to_string()));
    match routes {
        Ok(routes) if problems.is_empty() => Ok(Config { services, routes, headers }),
        _ => Err(problems),
    }
}

impl ServiceFile {
    fn checked(self, name: String, problems: &mut Vec<String>) -> ServiceSpec {
        if self.addresses.is_empty() {
            problems.push(format!("services.{name}: addresses is empty"));
        }
        let mut addresses = Vec::new();
        for text in &self.addresses {
            match text.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => problems.push(format!("services.{name}: {text:?} is not an IP address with a port")),
            }
        }
        let mut time = |field: &str, value: Option<u64>, default: Duration| match value {
            Some(0) => {
                problems.push(format!("services.{name}: {field} must be at least 1"));
                default
            }
            Some(value) => Duration::from_millis(value),
            None => default,
        };
        let connect = time("connect_ms", self.connect_ms, CONNECT);
        let header = time("header_ms", self.header_ms, HEADER);
        let keep = time("keep_ms", self.keep_ms, KEEP);
        let idle = match self.idle_ms {
            Some(0) => None,
            Some(value) => Some(Duration::from_millis(value)),
            None => Some(IDLE),
        };
        ServiceSpec { addresses, protocol: self.protocol, host: self.host, connect, header, idle, keep, name }
    }
}

impl RouteFile {
    fn checked(self, index: usize, services: &[String], problems: &mut Vec<String>) -> Option<RouteSpec> {
        let before = problems.len();
        let headers = fields(&format!("route {:?}: headers", self.path), self.headers, problems);
        let mut problem = |text: String| problems.push(format!("route {:?}: {text}", self.path));
        if !self.path.starts_with('/') || !table::is_straight(&self.path) || self.path.contains(['?', '#', ' ']) {
            problem("path must begin with a slash and be a plain path".to_owned());
        }
        if let Some(rewrite) = &self.rewrite
            && (!rewrite.starts_with('/') || rewrite.contains(['?', '#', ' ']))
        {
            problem(format!("rewrite {rewrite:?} must begin with a slash and be a plain path"));
        }
        if self.service.is_some() && (self.fallback.is_some() || self.fallback_except.is_some()) {
            problem("fallback is for files".to_owned());
        }
        if self.service.is_some() && self.embedded {
            problem("embedded is for files".to_owned());
        }
        let target = match (self.service, self.files) {
            (Some(name), None) => match services.iter().position(|known| *known == name) {
                Some(service) => Some(Target::Service { service, rewrite: self.rewrite }),
                None => {
                    problem(format!("there is no service {name:?}; there are: {}", services.join(", ")));
                    None
                }
            },
            (None, root) if root.is_some() || self.embedded => {
                if self.rewrite.is_some() {
                    problem("rewrite is for services".to_owned());
                }
                let except = EXCEPT.iter().map(|path| (*path).to_owned());
                let except = self.fallback_except.unwrap_or_else(|| except.collect());
                Some(Target::Files(FilesSpec { root, embedded: self.embedded, fallback: self.fallback, except }))
            }
            _ => {
                problem("wants either service, or files or embedded".to_owned());
                None
            }
        };
        let is_good = problems.len() == before;
        let (path, redirect) = (self.path, self.redirect);
        target.filter(|_| is_good).map(|target| RouteSpec { path, target, redirect, index, headers })
    }
}

fn checked_headers(
    written: Option<BTreeMap<String, String>>,
    problems: &mut Vec<String>,
) -> Vec<(HeaderName, HeaderValue)> {
    let defaults = || HEADERS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut headers = fields("headers", written.unwrap_or_else(defaults), problems);
    // An empty one only takes the place of a default.
    headers.retain(|(_, value)| !value.is_empty());
    headers
}

fn fields(
    place: &str,
    written: BTreeMap<String, String>,
    problems: &mut Vec<String>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in written {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            (Err(_), _) => problems.push(format!("{place}: {name:?} is no name of a field")),
            (_, Err(_)) => problems.push(format!("{place}: {value:?} is no value of {name}")),
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_read() {
        let config = parse(
            r#"
            [services.api]
            addresses = ["127.0.0.1:3001", "[::1]:3001"]
            header_ms = 100
            idle_ms = 0
            [services.grafana]
            addresses = ["127.0.0.1:3100"]
            host = "address"
            protocol = "h2c"
            [[routes]]
            path = "/backend"
            service = "api"
            rewrite = "/api/v1"
            redirect = true
            [[routes]]
            path = "/"
            files = "web"
            fallback = "index.html"
            "#,
        )
        .unwrap();
        let (api, grafana) = (&config.services[0], &config.services[1]);
        assert_eq!((api.name.as_str(), api.addresses.len(), api.idle), ("api", 2, None));
        assert_eq!((api.header.as_millis(), api.connect, api.host), (100, CONNECT, HostPolicy::Keep));
        assert_eq!((api.protocol, grafana.protocol), (Protocol::Http1, Protocol::Http2));
        assert_eq!((grafana.host, grafana.idle), (HostPolicy::Address, Some(IDLE)));
        let found = config.routes.find("/backend/x").unwrap();
        assert!(found.route.redirect);
        assert_eq!(found.route.target, Target::Service { service: 0, rewrite: Some("/api/v1".to_owned()) });
        let Target::Files(files) = &config.routes.find("/x").unwrap().route.target else { panic!("files") };
        assert_eq!((files.fallback.as_deref(), files.except.len()), (Some("index.html"), 2));
        assert_eq!(config.headers.len(), 4);
    }

    #[test]
    fn files_come_from_a_directory_from_the_binary_or_from_both() {
        for (text, root, embedded) in [
            ("files = \"web\"", Some("web"), false),
            ("embedded = true", None, true),
            ("files = \"web\"\nembedded = true", Some("web"), true),
        ] {
            let config = parse(&format!("[[routes]]\npath = \"/\"\n{text}")).unwrap();
            let Target::Files(files) = &config.routes.find("/").unwrap().route.target else { panic!("{text}") };
            assert_eq!((files.root.as_deref(), files.embedded), (root.map(Path::new), embedded), "{text}");
        }
        assert!(parse("[[routes]]\npath = \"/\"\nembedded = false").is_err());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = r#"
            [services.api]
            addresses = ["localhost"]
            connect_ms = 0
            [services.none]
            addresses = []
            [[routes]]
            path = "backend"
            service = "api"
            [[routes]]
            path = "/a"
            service = "appi"
            [[routes]]
            path = "/b"
            headers = { "c d" = "e" }
            [[routes]]
            path = "/c/"
            files = "web"
            rewrite = "x"
            [[routes]]
            path = "/d"
            service = "api"
            [[routes]]
            path = "/d/"
            service = "api"
            [headers]
            "a b" = "c"
        "#;
        let problems = parse(text).unwrap_err().join("\n");
        for part in [
            "services.api: \"localhost\" is not",
            "services.api: connect_ms must",
            "services.none: addresses is empty",
            "route \"backend\": path must begin",
            "there is no service \"appi\"; there are: api, none",
            "route \"/b\": wants either",
            "rewrite \"x\" must begin",
            "rewrite is for services",
            "\"/d/\" has two routes",
            "headers: \"a b\" is no name",
            "route \"/b\": headers: \"c d\" is no name",
        ] {
            assert!(problems.contains(part), "{part} in {problems}");
        }
        assert!(parse("[[routes]]\npath = \"/\"\nfile = \"x\"").unwrap_err()[0].contains("unknown field"));
        assert!(parse("").unwrap_err()[0].contains("there is no route"));
    }

    #[test]
    fn headers_of_ones_own_replace_the_defaults() {
        let route = "[[routes]]\npath = \"/\"\nfiles = \"web\"\n";
        let config = parse(&format!("{route}[headers]\nX-Frame-Options = \"DENY\"\nServer = \"\"")).unwrap();
        assert_eq!(config.headers, [("x-frame-options".parse().unwrap(), "DENY".parse().unwrap())]);
    }
}
