//! What the two modes of the shipped stack are made of, as a matrix.

use serde_json::Value;

use crate::support::{Stack, services};

/// A service as the expanded file has it in one mode.
struct Row {
    name: &'static str,
    production: Option<Place>,
    development: Option<Place>,
}

/// Port, `NODE_ENV`, how much it logs, whether it is watched.
#[derive(Debug, PartialEq, Clone, Copy)]
struct Place {
    port: Option<u64>,
    node_env: Option<&'static str>,
    log: Option<&'static str>,
    watched: bool,
}

const fn on(port: u64) -> Option<Place> {
    Some(Place { port: Some(port), node_env: None, log: None, watched: false })
}

const fn ours(port: u64, node_env: &'static str, log: Option<&'static str>, watched: bool) -> Option<Place> {
    Some(Place { port: Some(port), node_env: Some(node_env), log, watched })
}

/// Without a port.
const NOWHERE: Option<Place> = Some(Place { port: None, node_env: None, log: None, watched: false });

const MATRIX: &[Row] = &[
    Row { name: "postgres", production: on(5432), development: on(5432) },
    Row { name: "mongo-registry", production: on(5001), development: on(5001) },
    Row { name: "dragonfly", production: on(6379), development: on(6379) },
    Row {
        name: "nodered",
        production: ours(1880, "production", None, false),
        development: ours(1880, "development", None, false),
    },
    Row { name: "grafana", production: on(3100), development: on(3100) },
    Row {
        name: "registry",
        production: ours(5400, "production", None, false),
        development: ours(5400, "development", Some("debug"), true),
    },
    Row {
        name: "director",
        production: ours(5800, "production", None, false),
        development: ours(5800, "development", Some("debug"), true),
    },
    Row {
        name: "status-backend",
        production: ours(3001, "production", None, false),
        development: ours(3001, "development", Some("info,reeve=debug"), true),
    },
    // Built once for the proxy, or Vite itself.
    Row { name: "status-frontend", production: NOWHERE, development: ours(3000, "development", None, false) },
    Row { name: "reverse-proxy", production: on(3000), development: None },
    Row { name: "setup", production: NOWHERE, development: NOWHERE },
];

fn expanded(mode: &str) -> Value {
    Stack::new(&services()).reeve(&["config", "--json", "--mode", mode]).expect(0).json()["config"].clone()
}

fn value<'v>(service: &'v Value, path: &[&str]) -> &'v Value {
    &path.iter().fold(service, |value, key| &value[*key])["value"]
}

fn place(service: &Value) -> Option<Place> {
    if value(service, &["disabled"]) == true {
        return None;
    }
    let named = |name: &str, wanted: &[&'static str]| {
        let text = value(service, &["env", name]).as_str()?;
        // What it is unless `.env` of the original says otherwise.
        let text = text.strip_prefix("${VITE_NODE_ENV:-").and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
        Some(*wanted.iter().find(|wanted| **wanted == text).unwrap_or_else(|| panic!("{name} is {text}")))
    };
    let port = ["http", "sql", "mongo", "redis"].iter().find_map(|port| {
        let plain = value(service, &["ports", port]).as_u64();
        plain.or_else(|| value(service, &["ports", port, "port"]).as_u64())
    });
    let log = named("REEVE_LOG", &["info,reeve=debug"]).or_else(|| named("GOV_LOG_LEVEL", &["debug"]));
    let watched = value(service, &["watch", "paths"]).is_array() || service["watch"]["paths"].is_array();
    Some(Place { port, node_env: named("NODE_ENV", &["production", "development"]), log, watched })
}

#[test]
fn each_mode_has_its_services_ports_and_habits() {
    for (mode, wanted) in [
        ("production", (|row: &Row| row.production) as fn(&Row) -> Option<Place>),
        ("development", |row: &Row| row.development),
    ] {
        let services = expanded(mode)["services"].clone();
        for row in MATRIX {
            assert_eq!(place(&services[row.name]), wanted(row), "{} in {mode}", row.name);
        }
        let known = services.as_object().expect("services").keys();
        let strangers: Vec<_> = known.filter(|name| !MATRIX.iter().any(|row| row.name == *name)).collect();
        assert!(strangers.is_empty(), "{strangers:?} in {mode}");
    }
}

#[test]
fn the_application_is_built_for_production_and_served_from_its_sources_in_development() {
    let builds = |mode: &str| {
        let frontend = expanded(mode)["services"]["status-frontend"].clone();
        (frontend["build"].to_string(), frontend["command"].to_string(), frontend["oneshot"].to_string())
    };
    let (build, command, oneshot) = builds("production");
    assert!(build.contains("vite.js") && build.contains("npm") && build.contains("web/dist"), "{build}");
    assert!(!command.contains("vite") && oneshot.contains("true"), "{command} {oneshot}");
    let (build, command, oneshot) = builds("development");
    assert!(!build.contains("vite.js") && build.contains("npm"), "{build}");
    assert!(command.contains("vite.js") && oneshot.contains("false"), "{command} {oneshot}");
}
