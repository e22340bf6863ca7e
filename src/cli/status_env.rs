//! The variables of the original's `.env`, and what becomes of each: for `reeve init`, which writes them all, for `reeve
//! doctor`, and for the manual (docs/env.md), which is compared with this table.

use std::collections::BTreeMap;

use crate::spec::StackSpec;

/// A variable of `.env`.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    pub name: &'static str,
    /// What `init` writes where nothing else is known.
    pub default: &'static str,
    /// Its value is never shown.
    pub secret: bool,
    /// What becomes of it.
    pub meaning: &'static str,
}

/// Variables that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    pub title: &'static str,
    pub variables: &'static [Variable],
}

const fn plain(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, secret: false, meaning }
}

const fn secret(name: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default: "", secret: true, meaning }
}

pub const ADMIN: &str = "USER_STATUS";
pub const PASSWORD: &str = "PASS_STATUS";
pub const EMAIL: &str = "ADMIN_EMAIL";
pub const MODE: &str = "REEVE_MODE";

/// All of them, in the order in which they are written.
pub const GROUPS: &[Group] = &[
    Group {
        title: "How the stack runs",
        variables: &[
            plain(MODE, "production", "mode of the stack: production or development; `--mode` goes before it"),
            plain("VITE_NODE_ENV", "", "NODE_ENV of the API; empty: as the mode says"),
        ],
    },
    Group {
        title: "The first administrator, of STATUS, Node-RED and Grafana; made at the first start",
        variables: &[
            plain(ADMIN, "admin", "name, letters and digits"),
            secret(PASSWORD, "password; empty: generated, `reeve credentials` shows it"),
            plain(EMAIL, "admin@example.com", "e-mail address in STATUS"),
        ],
    },
    Group {
        title: "OpenAI, for the assistants; empty: they are off",
        variables: &[plain("AI_ORG_ID", "", "organisation"), secret("AI_API_KEY", "key")],
    },
    Group {
        title: "GitHub, for signing in with it; empty: off",
        variables: &[
            plain("GH_CLIENT_ID", "", "id of the OAuth app"),
            secret("GH_CLIENT_SECRET", "secret of the OAuth app"),
        ],
    },
    Group {
        title: "PostgreSQL; the names and the password hold from the first start on",
        variables: &[
            plain("DB_NAME", "statusdb", "database of the application"),
            plain("DB_USER", "statususer", "its owner"),
            secret("DB_PASSWORD", "the owner's password; empty: generated"),
            plain("DB_HOST", "postgres", "not taken: reeve's own service"),
            plain("DB_PORT", "5432", "not taken: the port is in services.toml"),
            plain("DB_GRAFANA_HOST", "postgres:5432", "not taken, as in the original"),
            plain("DB_CONFIG", "", "not taken, as in the original"),
        ],
    },
    Group {
        title: "MongoDB; names and password hold from the first start on",
        variables: &[
            plain("MONGOADMIN", "root", "administrator of MongoDB"),
            secret("MONGOPASS", "the administrator's password; empty: generated"),
            plain(
                "MONGO_URI",
                "mongodb://mongo-registry:27017/status?authSource=admin",
                "only the name of the database is taken; reeve makes a user of its own",
            ),
            plain(
                "MONGO_LOG_URI",
                "mongodb://mongo-registry:27017/statuslogs?authSource=admin",
                "only the name of the database for logs is taken",
            ),
            plain("GOV_LOG_MONGODB_ENABLED", "true", "whether registry and director write their logs there"),
            plain("GOV_LOG_MONGODB_LEVEL", "INFO", "from which level on"),
        ],
    },
    Group {
        title: "Tokens of the API",
        variables: &[
            secret("JWT_SECRET", "signs access tokens; empty: generated"),
            secret("REFRESH_JWT_SECRET", "signs refresh tokens; empty: generated"),
            plain("JWT_EXPIRATION", "", "life of the access cookie in seconds; empty: 3600"),
            plain("JWT_REFRESH_EXPIRATION", "", "life of the refresh cookie in seconds; empty: 604800"),
            plain("API_PREFIX", "/api/v1", "path before every address of the API"),
        ],
    },
    Group {
        title: "Grafana",
        variables: &[
            plain("GRAFANA_USER", "", "its administrator; empty: USER_STATUS"),
            secret("GRAFANA_PASSWORD", "the administrator's password; empty: PASS_STATUS, or the generated one"),
            secret("GRAFANA_API_KEY", "a token for the API; empty: made by the set-up, through the API"),
            plain("GRAFANA_ROOT_URL", "", "address in a browser; empty: below the reverse proxy's"),
            plain("GRAFANA_URL", "http://grafana:3000", "not taken: reeve's own service"),
        ],
    },
    Group {
        title: "Addresses between containers, kept for the original; reeve knows its own services",
        variables: &[
            plain("NODE_RED_URL", "http://node-red-status:1880", "not taken: reeve's own service"),
            plain("REGISTRY_URL", "http://registry:80", "not taken: reeve's own service"),
            plain("DRAGONFLY_HOST", "dragonfly", "not taken: reeve's own service"),
            plain("DRAGONFLY_PORT", "6379", "not taken: the port is in services.toml"),
            plain(
                "VITE_BASE_URL",
                "http://status-backend:3001/api/v1",
                "not taken: the web application asks its own address",
            ),
            plain("VITE_NODE_RED_URL", "http://node-red-status:1880", "not taken, as in the original"),
            plain("VITE_GRAFANA_URL", "http://grafana:3000", "not taken, as in the original"),
        ],
    },
    Group {
        title: "Others",
        variables: &[
            plain("STATUS_LEDGER_ENDPOINT", "ledger:80", "for flows of Node-RED"),
            plain("OASTLM_MODULE_DISABLED", "false", "not taken: the registry has no such module"),
            plain("HTTPS_SERVER", "null", "not taken: TLS ends at the reverse proxy"),
        ],
    },
];

pub fn variables() -> impl Iterator<Item = &'static Variable> + Clone {
    GROUPS.iter().flat_map(|group| group.variables)
}

/// What the original ships, and the words that everybody tries first.
const KNOWN: &[&str] = &[
    "secret",
    "statuspass",
    "root",
    "admin",
    "admin123",
    "dev123",
    "example_pass",
    "grafanapass",
    "password",
    "changeme",
];

pub fn is_known_word(value: &str) -> bool {
    KNOWN.contains(&value.to_ascii_lowercase().as_str())
}

/// Variables that give a secret of the stack a value that everybody knows. They are honoured.
pub fn known_words<'a>(spec: &'a StackSpec, env: &BTreeMap<String, String>) -> Vec<&'a str> {
    let given = spec.secrets.values().filter_map(|secret| secret.env.as_deref());
    let mut names: Vec<_> = given.filter(|name| env.get(*name).is_some_and(|value| is_known_word(value))).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_tells_of_every_variable_in_the_same_words() {
        let manual = include_str!("../../docs/env.md");
        let row = |variable: &&Variable| format!("| `{}` | {} |", variable.name, variable.meaning);
        let missing: Vec<_> = variables().map(|variable| row(&variable)).filter(|row| !manual.contains(row)).collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn a_shipped_password_is_found_whatever_secret_takes_it() {
        let text = b"[stack]\nname = \"x\"\n[services.a]\ncommand = [\"true\"]\n[secrets.p]\nenv = \"P\"\n[secrets.q]\nenv = \"Q\"\n";
        let env = BTreeMap::from([("P".to_owned(), "Admin123".to_owned()), ("Q".to_owned(), "root!".to_owned())]);
        let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let inputs = crate::spec::Inputs::new("/x/services.toml".into(), text, &env, &read);
        let loaded = crate::spec::load(&inputs).unwrap();
        assert_eq!(known_words(&loaded.stack, &loaded.env), ["P"]);
    }
}
