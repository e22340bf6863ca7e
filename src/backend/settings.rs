//! The backend's settings, by the environment names of the original, so that an existing `.env` works.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::serve::Secret;
use crate::serve::environment::{Lookup, Problems, Reader};
use crate::settings::CONTROL;

/// `NODE_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Production,
    Development,
    /// Anything else, such as `test`.
    Other,
}

/// Whether sign-in tells an unknown name from a wrong password, as the original does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInErrors {
    Exact,
    Uniform,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub address: SocketAddr,
    /// Before every route of the API; empty, or with a slash before and none behind.
    pub prefix: String,
    pub mode: Mode,
    pub workers: Option<usize>,
    pub tokens: TokenSettings,
    pub database: Database,
    pub mongo_uri: Secret,
    pub cache: Cache,
    pub node_red: NodeRed,
    pub grafana: Grafana,
    pub registry_url: Option<String>,
    /// Where Node-RED and the registry reach this backend.
    pub own_url: String,
    pub github: GitHub,
    pub openai: OpenAi,
    pub limits: RateLimits,
    pub sign_in_errors: SignInErrors,
    /// 64 hexadecimal digits: encrypts secrets and second factors at rest.
    pub encryption_key: Secret,
    pub drain: Duration,
    /// Where reeve is asked, if it granted that.
    pub control: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct TokenSettings {
    pub access: Secret,
    pub refresh: Secret,
    /// Of the cookies; the tokens' own are fixed.
    pub access_cookie: Duration,
    pub refresh_cookie: Duration,
}

#[derive(Debug, Clone)]
pub struct Database {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Secret,
    pub name: String,
    pub connections: u32,
    /// For a free connection; then the answer is 503.
    pub wait: Duration,
}

#[derive(Debug, Clone)]
pub struct Cache {
    pub host: String,
    pub port: u16,
    pub password: Option<Secret>,
    pub database: i64,
}

#[derive(Debug, Clone)]
pub struct NodeRed {
    pub url: Option<String>,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

#[derive(Debug, Clone)]
pub struct Grafana {
    pub url: Option<String>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub api_key: Option<Secret>,
    /// Where the set-up leaves a key, which comes before all of these.
    pub key_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct GitHub {
    pub url: String,
    pub client_id: Option<String>,
    pub client_secret: Option<Secret>,
    pub redirect: String,
}

#[derive(Debug, Clone)]
pub struct OpenAi {
    pub url: String,
    pub organisation: String,
    pub key: Secret,
}

/// How much within how long, zero for as much as one likes; kept in the cache, so that all replicas count together.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Failed sign-ins of one name from one address.
    pub sign_in: u32,
    /// Failed sign-ins from one address.
    pub sign_in_address: u32,
    pub sign_in_window: Duration,
    /// Calls to the assistant and its threads of one user.
    pub assistant: u32,
    pub assistant_window: Duration,
}

impl Settings {
    /// A port that was left to the system is known once it is bound.
    pub fn bound_to(&mut self, address: SocketAddr) {
        if self.own_url == format!("http://{}", self.address) {
            self.own_url = format!("http://{address}");
        }
    }

    /// All problems at once. The strength of the token secrets is judged by `auth::strength`.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, Problems> {
        let mut from = Reader::new(lookup);
        let host = from.parsed("HOST", IpAddr::V4(Ipv4Addr::LOCALHOST), "an IP address");
        let port = from.parsed("PORT", 3001, "a port");
        let mode = match from.optional("NODE_ENV").as_deref() {
            Some("production") => Mode::Production,
            Some("development") | None => Mode::Development,
            Some(_) => Mode::Other,
        };
        let settings = Self {
            address: SocketAddr::new(host, port),
            prefix: prefix(&mut from),
            mode,
            workers: Some(from.parsed("WORKERS", 0_usize, "a number of threads")).filter(|workers| *workers > 0),
            tokens: TokenSettings {
                access: Secret::new(from.required("JWT_SECRET", "signs access tokens; at least 32 random bytes")),
                refresh: Secret::new(
                    from.required("REFRESH_JWT_SECRET", "signs refresh tokens; at least 32 random bytes"),
                ),
                access_cookie: from.seconds("JWT_EXPIRATION", 3600),
                refresh_cookie: from.seconds("JWT_REFRESH_EXPIRATION", 604_800),
            },
            database: Database {
                host: from.text("DB_HOST", "localhost"),
                port: from.parsed("DB_PORT", 5432, "a port"),
                user: from.text("DB_USER", "root"),
                password: Secret::new(from.text("DB_PASSWORD", "root")),
                name: from.text("DB_NAME", "statusdb"),
                connections: from.parsed("DB_CONNECTIONS", 10, "a number of connections"),
                wait: from.seconds("DB_WAIT", 2),
            },
            mongo_uri: Secret::new(
                from.text("MONGO_URI", "mongodb://root:root@localhost:27017/statusdb?authSource=admin"),
            ),
            cache: Cache {
                host: from.text("DRAGONFLY_HOST", "127.0.0.1"),
                port: from.parsed("DRAGONFLY_PORT", 6379, "a port"),
                password: from.optional("DRAGONFLY_PASSWORD").map(Secret::new),
                database: from.parsed("DRAGONFLY_DB", 0, "a number"),
            },
            node_red: NodeRed {
                url: base(&mut from, "NODE_RED_URL"),
                user: from.optional("USER_STATUS"),
                password: from.optional("PASS_STATUS").map(Secret::new),
            },
            grafana: Grafana {
                url: base(&mut from, "GRAFANA_URL"),
                user: from.optional("GRAFANA_USER"),
                password: from.optional("GRAFANA_PASSWORD").map(Secret::new),
                api_key: from.optional("GRAFANA_API_KEY").map(Secret::new),
                key_file: from.optional("GRAFANA_API_KEY_FILE").map(PathBuf::from),
            },
            registry_url: base(&mut from, "REGISTRY_URL"),
            own_url: base(&mut from, "BACKEND_URL")
                .unwrap_or_else(|| format!("http://{}", SocketAddr::new(host, port))),
            github: GitHub {
                url: base(&mut from, "GITHUB_URL").unwrap_or_else(|| "https://github.com".to_owned()),
                client_id: from.optional("GH_CLIENT_ID"),
                client_secret: from.optional("GH_CLIENT_SECRET").map(Secret::new),
                redirect: from.text("GH_REDIRECT_URI", "http://localhost:3000/profile"),
            },
            openai: OpenAi {
                url: base(&mut from, "OPENAI_BASE_URL").unwrap_or_else(|| "https://api.openai.com/v1".to_owned()),
                organisation: from.text("AI_ORG_ID", "org-id"),
                key: Secret::new(from.text("AI_API_KEY", "api-key")),
            },
            limits: RateLimits {
                sign_in: from.parsed("RATE_LIMIT_SIGN_IN", 10, "a number"),
                sign_in_address: from.parsed("RATE_LIMIT_SIGN_IN_ADDRESS", 100, "a number"),
                sign_in_window: from.seconds("RATE_LIMIT_SIGN_IN_WINDOW", 300),
                assistant: from.parsed("RATE_LIMIT_ASSISTANT", 30, "a number"),
                assistant_window: from.seconds("RATE_LIMIT_ASSISTANT_WINDOW", 60),
            },
            sign_in_errors: match from.text("SIGN_IN_ERRORS", "exact").as_str() {
                "exact" => SignInErrors::Exact,
                "uniform" => SignInErrors::Uniform,
                other => {
                    from.problem("SIGN_IN_ERRORS", format!("{other:?} is neither exact nor uniform"));
                    SignInErrors::Uniform
                }
            },
            encryption_key: Secret::new(
                from.required("SECRET_ENCRYPTION_KEY", "64 hexadecimal digits; encrypts stored secrets"),
            ),
            drain: from.seconds("DRAIN_TIMEOUT", 8),
            control: from.optional(CONTROL.name).map(PathBuf::from),
        };
        let key = settings.encryption_key.expose();
        if !key.is_empty() && (key.len() != 64 || !key.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            from.problem("SECRET_ENCRYPTION_KEY", "must be 64 hexadecimal digits");
        }
        from.finish()?;
        Ok(settings)
    }
}

fn prefix(from: &mut Reader<'_>) -> String {
    let prefix = from.text("API_PREFIX", "");
    let prefix = prefix.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    if !prefix.is_empty() && (!prefix.starts_with('/') || prefix.contains("//") || !prefix.bytes().all(plain)) {
        from.problem("API_PREFIX", format!("{prefix:?} is not a path such as /api/v1"));
        return String::new();
    }
    prefix.to_owned()
}

/// An address to build others on; without a slash at its end.
fn base(from: &mut Reader<'_>, name: &str) -> Option<String> {
    let value = from.optional(name)?;
    let good = reqwest::Url::parse(&value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !good {
        // The value may hold a password; it is not repeated.
        from.problem(name, "is not an address such as http://127.0.0.1:1880");
        return None;
    }
    Some(value.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Settings, Problems> {
        let vars: std::collections::HashMap<_, _> = vars.iter().copied().collect();
        Settings::read(&|name| vars.get(name).map(|value| (*value).to_owned()))
    }

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn defaults_are_those_of_the_original() {
        let settings =
            read(&[("JWT_SECRET", "a"), ("REFRESH_JWT_SECRET", "b"), ("SECRET_ENCRYPTION_KEY", KEY)]).unwrap();
        assert_eq!((settings.prefix.as_str(), settings.address.port()), ("", 3001));
        assert_eq!(settings.database.name, "statusdb");
        assert_eq!(settings.tokens.refresh_cookie.as_secs(), 604_800);
        assert!(!format!("{settings:?}").contains(KEY));
    }

    #[test]
    fn every_problem_is_named_and_no_secret_repeated() {
        let problems = read(&[
            ("PORT", "x"),
            ("API_PREFIX", "api"),
            ("GRAFANA_URL", "u:hunter2@x"),
            ("SECRET_ENCRYPTION_KEY", "abcd"),
        ]);
        let text = problems.unwrap_err().to_string();
        for name in ["PORT", "API_PREFIX", "GRAFANA_URL", "SECRET_ENCRYPTION_KEY", "JWT_SECRET", "REFRESH_JWT_SECRET"] {
            assert!(text.contains(&format!("\n  {name}: ")), "{name} in {text}");
        }
        assert!(!text.contains("hunter2") && !text.contains("abcd"));
    }

    #[test]
    fn the_manual_lists_every_variable() {
        let manual = include_str!("../../docs/backend.md");
        let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        // Nothing is set, so this fails; by then every name has been asked for.
        assert!(Settings::read(&lookup).is_err());
        let missing: Vec<_> = asked.take().into_iter().filter(|name| !manual.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}
