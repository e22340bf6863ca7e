//! What the registry is told by its environment, by the original's names.

use std::borrow::Cow;
use std::time::Duration;

use super::engine::CollectorSettings;
use crate::governify::settings::{Defaults, Shared};
use crate::serve::Secret;
use crate::serve::environment::{Lookup, Problems, Reader};

/// What differs between the original's environments: `NODE_ENV`, host and port of MongoDB, port of the server.
const ENVIRONMENTS: &[(&str, &str, u16, u16)] = &[
    ("development", "mongo-registry", 27017, 5400),
    ("ci", "localhost", 5001, 5400),
    ("testing", "localhost", 37019, 8081),
    ("production", "mongo_registry", 27017, 80),
];

/// Where the infrastructure file has MongoDB in production.
pub const DATABASE_PATH: &str = "internal.database.mongo-registry";

#[derive(Debug, Clone)]
pub struct Settings {
    pub shared: Shared,
    pub prefix: String,
    pub database: Database,
    /// Bytes of a body at most.
    pub body_limit: usize,
    /// Of the document's addresses: `/api/v6/docs`.
    pub api_version: u32,
    /// Records that a state keeps.
    pub records: u32,
    pub collector: CollectorSettings,
    /// `GOV_LOG_REQUESTS`.
    pub log_requests: Option<String>,
}

/// Where MongoDB is.
#[derive(Debug, Clone)]
pub enum Database {
    Address {
        uri: Secret,
        name: String,
    },
    /// At [`DATABASE_PATH`] of the infrastructure.
    Infrastructure {
        name: String,
    },
}

impl Database {
    pub fn name(&self) -> &str {
        match self {
            Self::Address { name, .. } | Self::Infrastructure { name } => name,
        }
    }
}

impl Settings {
    /// All problems at once.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, Problems> {
        let mut from = Reader::new(lookup);
        let mode = from.text("NODE_ENV", "development");
        let known = ENVIRONMENTS.iter().find(|environment| environment.0 == mode);
        if known.is_none() {
            let names: Vec<_> = ENVIRONMENTS.iter().map(|environment| environment.0).collect();
            from.problem("NODE_ENV", format!("{mode:?} is none of {}", names.join(", ")));
        }
        let (_, host, mongo_port, port) = *known.unwrap_or(&ENVIRONMENTS[0]);
        let port = from.parsed("GOV_CONFIG_main_server_port", port, "a port");
        let settings = Self {
            shared: Shared::read(&mut from, Defaults { port, mode: "development" }),
            prefix: prefix(&mut from),
            database: database(&mut from, &mode, host, mongo_port),
            body_limit: body_limit(&mut from),
            api_version: from.parsed("GOV_CONFIG_main_server_apiVersion", 6, "a number"),
            records: from.parsed("REGISTRY_MAX_RECORDS", 20, "a number of records"),
            collector: collector(&mut from),
            log_requests: from.optional("GOV_LOG_REQUESTS"),
        };
        if settings.records == 0 {
            from.problem("REGISTRY_MAX_RECORDS", "must be at least 1: the last record is the state");
        }
        for name in ["HTTPS_SERVER", "GOV_CONFIG_main_server_listenOnHttps"] {
            // Any other value, such as the `null` of the original's deployment, means HTTP.
            if from.optional(name).as_deref() == Some("true") {
                from.problem(name, "the registry speaks HTTP only: unset it, and end TLS in a proxy before it");
            }
        }
        // There is no telemetry page to switch off, and cookies are always read.
        let _ = from.optional("OASTLM_MODULE_DISABLED");
        from.finish()?;
        Ok(settings)
    }
}

fn prefix(from: &mut Reader<'_>) -> String {
    let prefix = from.text("API_PREFIX", "/api/v6");
    let prefix = prefix.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    if !prefix.is_empty() && (!prefix.starts_with('/') || prefix.contains("//") || !prefix.bytes().all(plain)) {
        from.problem("API_PREFIX", format!("{prefix:?} is not a path such as /api/v6"));
        return String::new();
    }
    prefix.to_owned()
}

fn database(from: &mut Reader<'_>, mode: &str, host: &str, port: u16) -> Database {
    let host = from.text("GOV_CONFIG_main_database_host", host);
    let port = from.parsed("GOV_CONFIG_main_database_port", port, "a port");
    let name = from.text("GOV_CONFIG_main_database_name", "registry");
    let (user, password) = (from.optional("MONGOADMIN"), from.optional("MONGOPASS"));
    if let Some(uri) = from.optional("MONGO_URI") {
        return Database::Address { uri: Secret::new(uri), name };
    }
    if mode == "production" {
        return Database::Infrastructure { name };
    }
    let uri = match (user, password) {
        (None, None) => format!("mongodb://{host}:{port}/{name}"),
        (user, password) => {
            let part = |part: Option<String>| escaped(&part.unwrap_or_default()).into_owned();
            format!("mongodb://{}:{}@{host}:{port}/{name}?authSource=admin", part(user), part(password))
        }
    };
    Database::Address { uri: Secret::new(uri), name }
}

/// A user or a password as a part of an address. What is escaped already stays: the original takes both as they are.
fn escaped(part: &str) -> Cow<'_, str> {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const RESERVED: &AsciiSet =
        &CONTROLS.add(b':').add(b'/').add(b'?').add(b'#').add(b'[').add(b']').add(b'@').add(b' ');
    utf8_percent_encode(part, RESERVED).into()
}

/// How long and how much collectors may take.
fn collector(from: &mut Reader<'_>) -> CollectorSettings {
    let unless_set = CollectorSettings::default();
    let mut milliseconds = |name, default: Duration| {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(from.parsed(name, default, "a number of milliseconds"))
    };
    let wait = milliseconds("REGISTRY_COLLECTOR_WAIT_MS", unless_set.wait);
    let budget = milliseconds("REGISTRY_COLLECTOR_BUDGET_MS", unless_set.budget);
    let not_found_grace = milliseconds("REGISTRY_COLLECTOR_GRACE_MS", unless_set.not_found_grace);
    CollectorSettings {
        wait,
        budget,
        not_found_grace,
        connect: from.seconds("REGISTRY_COLLECTOR_CONNECT", unless_set.connect.as_secs()),
        answer: from.seconds("REGISTRY_COLLECTOR_ANSWER", unless_set.answer.as_secs()),
        whole: from.seconds("REGISTRY_COLLECTOR_TIMEOUT", unless_set.whole.as_secs()),
        longest: from.parsed("REGISTRY_COLLECTOR_MAX_BYTES", unless_set.longest, "a number of bytes"),
        held: from.parsed("REGISTRY_COLLECTOR_MAX_TOTAL_BYTES", unless_set.held, "a number of bytes"),
        at_once: from.parsed("REGISTRY_COLLECTOR_AT_ONCE", unless_set.at_once, "a number of requests"),
    }
}

/// `50mb`, as the original's body parser reads it: 1024 to the step.
fn body_limit(from: &mut Reader<'_>) -> usize {
    const NAME: &str = "GOV_CONFIG_main_server_bodySize";
    const DEFAULT: usize = 50 << 20;
    let Some(text) = from.optional(NAME) else { return DEFAULT };
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = lower.split_at(digits);
    let step = match unit.trim() {
        "" | "b" => Some(1_usize),
        "kb" => Some(1 << 10),
        "mb" => Some(1 << 20),
        _ => None,
    };
    let bytes = step.zip(number.parse::<usize>().ok()).and_then(|(step, number)| number.checked_mul(step));
    bytes.filter(|bytes| *bytes > 0).unwrap_or_else(|| {
        from.problem(NAME, format!("{text:?} is not a size such as 50mb"));
        DEFAULT
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, Problems> {
        let set: std::collections::HashMap<_, _> = set.iter().copied().collect();
        Settings::read(&|name| set.get(name).map(|value| (*value).to_owned()))
    }

    fn uri(set: &[(&str, &str)]) -> String {
        match read(set).unwrap().database {
            Database::Address { uri, .. } => uri.expose().to_owned(),
            Database::Infrastructure { name } => format!("infrastructure/{name}"),
        }
    }

    #[test]
    fn the_address_of_the_database_comes_about_as_in_the_original() {
        assert_eq!(uri(&[]), "mongodb://mongo-registry:27017/registry");
        let account = [("MONGOADMIN", "root"), ("MONGOPASS", "p@ss%2Fw:rd")];
        assert_eq!(uri(&account), "mongodb://root:p%40ss%2Fw%3Ard@mongo-registry:27017/registry?authSource=admin");
        assert_eq!(uri(&[("NODE_ENV", "ci")]), "mongodb://localhost:5001/registry");
        assert_eq!(uri(&[("NODE_ENV", "production")]), "infrastructure/registry");
        let changed = [
            ("GOV_CONFIG_main_database_host", "db"),
            ("GOV_CONFIG_main_database_port", "1"),
            ("GOV_CONFIG_main_database_name", "other"),
            ("NODE_ENV", "testing"),
        ];
        assert_eq!(uri(&changed), "mongodb://db:1/other");
        let own = [("MONGO_URI", "mongodb://x/y"), ("NODE_ENV", "production")];
        assert_eq!(uri(&own), "mongodb://x/y");
        assert!(!format!("{:?}", read(&account).unwrap()).contains("p%40ss"));
    }

    #[test]
    fn defaults_are_those_of_the_original() {
        let settings = read(&[("HTTPS_SERVER", "null"), ("OASTLM_MODULE_DISABLED", "false")]).unwrap();
        assert_eq!((settings.prefix.as_str(), settings.shared.address.port()), ("/api/v6", 5400));
        assert_eq!((settings.body_limit, settings.api_version, settings.records), (50 << 20, 6, 20));
        assert_eq!(read(&[("NODE_ENV", "production")]).unwrap().shared.address.port(), 80);
        let ports = [("GOV_CONFIG_main_server_port", "81"), ("PORT", "82")];
        assert_eq!(read(&ports[..1]).unwrap().shared.address.port(), 81);
        assert_eq!(read(&ports).unwrap().shared.address.port(), 82);
        assert_eq!(read(&[("GOV_CONFIG_main_server_bodySize", "64kb")]).unwrap().body_limit, 64 << 10);
    }

    #[test]
    fn every_problem_is_named() {
        let problems = read(&[
            ("PORT", "x"),
            ("API_PREFIX", "api"),
            ("NODE_ENV", "staging"),
            ("HTTPS_SERVER", "true"),
            ("REGISTRY_MAX_RECORDS", "0"),
            ("GOV_CONFIG_main_server_bodySize", "lots"),
        ]);
        let text = problems.unwrap_err().to_string();
        for name in [
            "PORT",
            "API_PREFIX",
            "NODE_ENV",
            "HTTPS_SERVER",
            "REGISTRY_MAX_RECORDS",
            "GOV_CONFIG_main_server_bodySize",
        ] {
            assert!(text.contains(&format!("\n  {name}: ")), "{name} in {text}");
        }
    }

    #[test]
    fn the_manual_lists_every_variable() {
        let manual = include_str!("../../docs/registry.md");
        let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        assert!(Settings::read(&lookup).is_ok());
        let asked = asked.take();
        assert!(asked.len() > 15, "{asked:?}");
        let missing: Vec<_> = asked.into_iter().filter(|name| !manual.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}
