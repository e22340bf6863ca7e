//! What is declared, and which names and facts may be written.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{Report, suggest};
use super::super::node::{Node, NodeValue, Place};

/// What the services and tables of a stack are called, known before any of them is checked.
#[derive(Debug, Default)]
pub struct Names {
    pub services: BTreeMap<String, ServiceNames>,
    pub networks: BTreeSet<String>,
    pub volumes: BTreeSet<String>,
    pub parts: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct ServiceNames {
    pub ports: Vec<String>,
    pub disabled: bool,
}

impl ServiceNames {
    pub fn of(service: &Node) -> Self {
        Self {
            ports: service.get("ports").map(keys).unwrap_or_default(),
            disabled: service.get("disabled").is_some_and(|node| node.value == NodeValue::Bool(true)),
        }
    }
}

pub fn keys(node: &Node) -> Vec<String> {
    node.entries().iter().map(|(name, _)| name.clone()).collect()
}

/// What the service in hand can say about itself.
#[derive(Debug, Clone)]
pub struct Own {
    pub name: String,
    pub place: Place,
    pub ports: Vec<String>,
    pub roles: Vec<String>,
    pub parts: Vec<String>,
    pub env: Vec<String>,
    /// Names of its environment whose value holds a secret.
    pub secret_env: BTreeSet<String>,
}

/// Names become directories, host names and log prefixes: `[a-z0-9][a-z0-9._-]{0,62}`.
pub fn check_name(report: &mut Report, place: Place, what: &str, name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let message = if name.is_empty() {
        format!("the name of a {what} is empty")
    } else if name.chars().count() > 63 {
        format!("the name of a {what} is longer than 63 characters")
    } else if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
        let shown = if bad.is_control() { format!("{:?}", bad.to_string()) } else { format!("\"{bad}\"") };
        format!("the name of a {what} must not contain {shown}")
    } else if name.contains("..") {
        format!("the name of a {what} must not contain \"..\"")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        format!("the name of a {what} must begin with a letter or digit")
    } else {
        return true;
    };
    report.error(place, message).hint("names are made of a-z, 0-9, \".\", \"_\" and \"-\"");
    false
}

/// Why a fact cannot be had, and a hint.
pub fn check_fact(names: &Names, own: Option<&Own>, fact: &str) -> Result<(), (String, Option<String>)> {
    const ROOTS: [&str; 7] = ["reeve", "stack", "service", "volume", "part", "secret", "self"];
    const STACK: [&str; 5] = ["name", "dir", "data_dir", "mode", "control"];
    if fact == "reeve" {
        return Ok(());
    }
    let (root, rest) = fact.split_once('.').unwrap_or((fact, ""));
    match root {
        "stack" if STACK.contains(&rest) => Ok(()),
        "stack" => Err((format!("unknown fact \"{fact}\""), suggest(rest, STACK))),
        "secret" if is_secret_name(rest) => Ok(()),
        "secret" => Err((
            format!("\"{rest}\" is no name of a secret"),
            Some("secrets are named with a-z, 0-9, \"_\" and \"-\"".to_owned()),
        )),
        "volume" => declared(names.volumes.iter().map(String::as_str), "volume", rest, &["path"]),
        "part" => {
            let part = rest.rsplit_once('.').map_or(rest, |(part, _)| part);
            if own.is_some_and(|own| own.parts.iter().any(|known| known == part)) && !names.parts.contains(part) {
                // Said where the service lists it.
                return Ok(());
            }
            declared(names.parts.iter().map(String::as_str), "part", rest, &["bin", "dir"])?;
            match own {
                Some(own) if !own.parts.iter().any(|known| known == part) => Err((
                    format!("service \"{}\" does not list the part \"{part}\"", own.name),
                    Some(format!("add \"{part}\" to its parts, so that it is fetched")),
                )),
                _ => Ok(()),
            }
        }
        "service" => check_service(names, rest),
        "self" => match own {
            Some(own) => check_self(own, rest),
            None => Err((format!("\"{fact}\" has a meaning only inside a service"), None)),
        },
        _ => Err((format!("unknown fact \"{fact}\""), suggest(root, ROOTS))),
    }
}

pub fn is_secret_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn declared<'a>(
    known: impl Iterator<Item = &'a str> + Clone,
    what: &str,
    rest: &str,
    facts: &[&'static str],
) -> Result<(), (String, Option<String>)> {
    let split = facts.iter().find_map(|fact| rest.strip_suffix(fact)?.strip_suffix('.'));
    match split {
        Some(name) if known.clone().any(|known| known == name) => Ok(()),
        Some(name) => Err((format!("{what} \"{name}\" is not declared"), suggest(name, known))),
        None => {
            let list = facts.iter().map(|fact| format!("${{{what}.NAME.{fact}}}")).collect::<Vec<_>>().join(", ");
            Err((format!("unknown fact \"{what}.{rest}\""), Some(format!("there is: {list}"))))
        }
    }
}

fn check_service(names: &Names, rest: &str) -> Result<(), (String, Option<String>)> {
    // A name may hold dots: the longest declared one that fits is meant.
    let found = names
        .services
        .iter()
        .filter_map(|(name, service)| Some((name, service, rest.strip_prefix(name.as_str())?.strip_prefix('.')?)))
        .max_by_key(|(name, _, _)| name.len());
    let Some((name, service, fact)) = found else {
        let name = rest.split_once(".port").or_else(|| rest.split_once(".host")).map_or(rest, |(name, _)| name);
        let known = names.services.keys().map(String::as_str);
        return Err((format!("service \"{name}\" is not declared"), suggest(name, known)));
    };
    if service.disabled {
        return Err((
            format!("service \"{name}\" is disabled"),
            Some("give a value that needs no such service".to_owned()),
        ));
    }
    check_address(&service.ports, fact, name).unwrap_or_else(|| {
        let hint =
            format!("there is: ${{service.{name}.port}}, ${{service.{name}.port.NAME}}, ${{service.{name}.host}}");
        Err((format!("unknown fact \"service.{rest}\""), Some(hint)))
    })
}

/// `port`, `port.NAME` and `host`; `None` for anything else.
fn check_address(ports: &[String], fact: &str, name: &str) -> Option<Result<(), (String, Option<String>)>> {
    let no_port =
        || Err((format!("service \"{name}\" declares no port"), Some(format!("add ports to [services.{name}]"))));
    match fact {
        "port" | "host" if ports.is_empty() => Some(no_port()),
        "port" | "host" => Some(Ok(())),
        _ => fact.strip_prefix("port.").map(|port| {
            if ports.iter().any(|known| known == port) {
                Ok(())
            } else {
                Err((
                    format!("service \"{name}\" has no port \"{port}\""),
                    suggest(port, ports.iter().map(String::as_str)),
                ))
            }
        }),
    }
}

fn check_self(own: &Own, rest: &str) -> Result<(), (String, Option<String>)> {
    const SELF: [&str; 7] = ["name", "port", "host", "volume", "run_dir", "env", "notify_socket"];
    if matches!(rest, "name" | "run_dir" | "notify_socket") {
        return Ok(());
    }
    if let Some(checked) = check_address(&own.ports, rest, &own.name) {
        return checked;
    }
    if let Some(role) = rest.strip_prefix("volume.") {
        if own.roles.iter().any(|known| known == role) {
            return Ok(());
        }
        let hint = suggest(role, own.roles.iter().map(String::as_str))
            .unwrap_or_else(|| format!("add volumes = {{ {role} = \"NAME\" }} to the service"));
        return Err((format!("service \"{}\" has no volume in the role \"{role}\"", own.name), Some(hint)));
    }
    if let Some(name) = rest.strip_prefix("env.") {
        if own.env.iter().any(|known| known == name) {
            return Ok(());
        }
        let hint = suggest(name, own.env.iter().map(String::as_str));
        return Err((format!("service \"{}\" has no \"{name}\" in its env", own.name), hint));
    }
    let word = rest.split('.').next().unwrap_or(rest);
    Err((format!("unknown fact \"self.{rest}\""), suggest(word, SELF)))
}
