//! One merged service into a [`ServiceSpec`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::super::error::suggest;
use super::super::file::{ControlFile, EnvFileFile, PortFile, PortNumberFile, ServiceFile};
use super::super::node::{Node, Place, SourceKind};
use super::super::service::{ControlGrant, PortSpec, ServiceId, ServiceKind, ServiceSpec};
use super::super::template::Template;
use super::super::{env_file, parse};
use super::names::{Own, keys};
use super::values::{At, Context};
use super::{build, depends, policy, probe, steps};

/// Only the service itself may read what it writes, unless it says otherwise.
const UMASK: u32 = 0o077;

/// What a service is checked with.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub id: ServiceId,
    pub name: &'a str,
    pub node: &'a Node,
    /// Where the service stands in `services.toml`.
    pub place: Place,
    pub file: &'a ServiceFile,
    /// A command was written but did not have the right shape: that has been said already.
    pub command_was_wrong: bool,
    pub ids: &'a BTreeMap<String, ServiceId>,
    pub files: &'a BTreeMap<String, ServiceFile>,
}

pub fn service(cx: &mut Context<'_>, wanted: Wanted<'_>) -> ServiceSpec {
    let (name, file) = (wanted.name, wanted.file);
    let at = At::new(wanted.node);
    cx.own = Some(Own {
        name: name.to_owned(),
        place: wanted.place,
        ports: wanted.node.get("ports").map(keys).unwrap_or_default(),
        roles: wanted.node.get("volumes").map(keys).unwrap_or_default(),
        parts: file.parts.clone().unwrap_or_default(),
        env: Vec::new(),
        secret_env: BTreeSet::new(),
    });
    let env = self::env(cx, at, file);
    let ports = self::ports(cx, at.key("ports"), file);
    let networks = self::networks(cx, at.key("networks"), file);
    let volumes = self::volumes(cx, at.key("volumes"), file);
    let oneshot = file.oneshot.unwrap_or(false);
    let builds = build::builds(cx, at.key("build"), file.build.as_ref());
    let command = match &file.command {
        Some(words) => cx.command(at.key("command"), words),
        // Its builds are all that it does.
        None if oneshot && file.build.is_some() => vec![Template::literal("true")],
        None => {
            if !wanted.command_was_wrong {
                let hint = "give command = [\"program\", \"argument\"], or a preset".to_owned();
                cx.error(at.name(), format!("service \"{name}\" has no command"), Some(hint));
            }
            Vec::new()
        }
    };
    let mut step_names = BTreeSet::new();
    let spec = ServiceSpec {
        id: wanted.id,
        name: name.to_owned(),
        description: file.description.clone(),
        kind: if oneshot { ServiceKind::Oneshot } else { ServiceKind::Service },
        preset: file.preset.clone(),
        data_format: file.data_format.as_ref().and_then(|format| cx.plain(at.key("data_format"), &format.to_string())),
        command,
        env,
        env_pass: env_pass(cx, at.key("env_pass"), file),
        cwd: cx.template_option(at.key("cwd"), file.cwd.as_ref()).map(steps::beside_stack),
        user: account(cx, at.key("user"), file.user.as_ref()),
        group: account(cx, at.key("group"), file.group.as_ref()),
        umask: cx.mode(at.key("umask"), file.umask.as_ref()).unwrap_or(UMASK),
        depends_on: depends::depends(cx, at.key("depends_on"), file.depends_on.as_ref(), wanted.ids, wanted.files),
        restart: policy::restart(cx, at.key("restart"), file.restart.as_ref(), oneshot),
        stop: policy::stop(cx, at.key("stop"), file.stop.as_ref()),
        pre_stop: policy::hook(cx, at.key("pre_stop"), file.pre_stop.as_ref()),
        post_stop: policy::hook(cx, at.key("post_stop"), file.post_stop.as_ref()),
        readiness: probe::readiness(cx, at.key("health"), file.health.as_ref(), &ports),
        liveness: file.liveness.as_ref().and_then(|file| probe::probe(cx, at.key("liveness"), file, &ports)),
        limits: policy::limits(cx, at.key("limits"), file.limits.as_ref()),
        required: file.required.unwrap_or(true),
        autostart: file.autostart.unwrap_or(true),
        control: file.control.map(|control| match control {
            ControlFile::Read => ControlGrant::Read,
            ControlFile::Manage => ControlGrant::Manage,
        }),
        logs: policy::logs(cx, at.key("logs"), file.logs.as_ref()),
        parts: self::parts(cx, at.key("parts"), file),
        watch: build::watch(cx, at.key("watch"), file.watch.as_ref()),
        init: file.init.as_ref().and_then(|file| steps::init(cx, at.key("init"), file, &ports)),
        files: steps::files(cx, at.key("files"), file.files.as_deref()),
        bootstrap: steps::steps(cx, at.key("bootstrap"), file.bootstrap.as_deref(), &mut step_names),
        addresses: labels(cx, at.key("addresses"), file.addresses.as_ref(), false),
        credentials: labels(cx, at.key("credentials"), file.credentials.as_ref(), true),
        alternatives: Vec::new(),
        builds,
        ports,
        networks,
        volumes,
    };
    if oneshot && file.health.is_some() {
        let hint = "remove health; dependents wait for \"completed_successfully\"".to_owned();
        cx.error(at.key("health").name(), "a oneshot is never ready, so that a probe has no meaning", Some(hint));
    }
    cx.own = None;
    spec
}

/// The environment: the preset's, over it the env files', over it the service's own.
fn env(cx: &mut Context<'_>, at: At<'_>, file: &ServiceFile) -> BTreeMap<String, Template> {
    let mut raw = BTreeMap::<String, (String, bool, Place)>::new();
    for (index, wanted) in file.env_file.iter().flatten().enumerate() {
        env_file_entries(cx, at.key("env_file").item(index), wanted, &mut raw);
    }
    let table = at.key("env");
    for (name, value) in file.env.iter().flatten() {
        let at = table.key(name);
        if name.is_empty() || name.contains(['=', '\0']) || name.chars().any(char::is_whitespace) {
            cx.error(at.name(), format!("\"{name}\" is no name of an environment variable"), None);
            continue;
        }
        let of_preset = cx.report.sources.get(at.place()).is_some_and(|source| source.kind == SourceKind::Preset);
        if !(of_preset && raw.contains_key(name)) {
            raw.insert(name.clone(), (value.to_string(), false, at.place()));
        }
    }
    if let Some(own) = &mut cx.own {
        own.env = raw.keys().cloned().collect();
    }
    let mut env = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (name, (text, literal, place)) in raw {
        let template = if literal { Template::literal(text) } else { cx.template_at(place, &text) };
        places.insert(name.clone(), place);
        env.insert(name, template);
    }
    refuse_env_cycles(cx, &env, &places);
    if let Some(own) = &mut cx.own {
        own.secret_env = secret_names(&env);
    }
    env
}

fn env_file_entries(
    cx: &mut Context<'_>,
    at: At<'_>,
    wanted: &EnvFileFile,
    into: &mut BTreeMap<String, (String, bool, Place)>,
) {
    let (path, path_at, required) = match wanted {
        EnvFileFile::Path(path) => (path, at, true),
        EnvFileFile::Table(table) => match &table.path {
            Some(path) => (path, at.key("path"), table.required.unwrap_or(true)),
            None => return cx.error(at.place(), "the env_file has no path", None),
        },
    };
    let Some(path) = cx.plain(path_at, path) else { return };
    let bytes = match (cx.inputs.read)(&cx.dir.join(&path)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if required {
                let hint = "create it, or write { path = \"…\", required = false }".to_owned();
                cx.error(path_at.place(), format!("the env_file \"{path}\" does not exist"), Some(hint));
            }
            return;
        }
        Err(error) => {
            return cx.error(path_at.place(), format!("the env_file \"{path}\" cannot be read: {error}"), None);
        }
    };
    let Some(source) = parse::text(cx.report, SourceKind::EnvFile, &path, &bytes) else { return };
    let text = cx.report.sources.get(Place::new(source, 0..0)).map(|source| source.text.clone()).unwrap_or_default();
    let (entries, faults) = env_file::parse(&text);
    for fault in faults {
        let hint = "lines are NAME=value, comments begin with #".to_owned();
        cx.error(Place::new(source, fault.range), fault.message, Some(hint));
    }
    for entry in entries {
        into.insert(entry.name, (entry.value, entry.literal, Place::new(source, entry.range)));
    }
}

fn own_references(template: &Template) -> impl Iterator<Item = &str> {
    template.facts().filter_map(|fact| fact.strip_prefix("self.env."))
}

fn refuse_env_cycles(cx: &mut Context<'_>, env: &BTreeMap<String, Template>, places: &BTreeMap<String, Place>) {
    let names = env.keys().map(String::as_str).collect::<Vec<_>>();
    let edges = env
        .values()
        .map(|template| own_references(template).filter_map(|name| names.binary_search(&name).ok()).collect())
        .collect::<Vec<Vec<usize>>>();
    for cycle in super::super::graph::cycles(&edges) {
        let path = cycle.iter().chain(cycle.first()).map(|index| names[*index]).collect::<Vec<_>>().join(" → ");
        let place = cycle.first().and_then(|first| places.get(names[*first])).copied().unwrap_or(Place::DEFAULT);
        cx.error(place, format!("values of env refer to each other: {path}"), None);
    }
}

/// Names whose value holds a secret, directly or through another one.
fn secret_names(env: &BTreeMap<String, Template>) -> BTreeSet<String> {
    let mut secret =
        env.iter().filter(|(_, value)| value.has_secret()).map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    loop {
        let more = env
            .iter()
            .filter(|(name, value)| {
                !secret.contains(*name) && own_references(value).any(|other| secret.contains(other))
            })
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>();
        if more.is_empty() {
            return secret;
        }
        secret.extend(more);
    }
}

fn env_pass(cx: &mut Context<'_>, at: At<'_>, file: &ServiceFile) -> Vec<String> {
    let names = file.env_pass.clone().unwrap_or_default();
    for (index, name) in names.iter().enumerate() {
        if !super::super::interpolate::is_env_name(name) {
            cx.error(at.item(index).place(), format!("\"{name}\" is no name of an environment variable"), None);
        }
    }
    names
}

fn account(cx: &mut Context<'_>, at: At<'_>, name: Option<&String>) -> Option<String> {
    let name = cx.plain(at, name?)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.$".contains(c);
    if name.is_empty() || name.len() > 32 || !name.chars().all(allowed) || name.starts_with('-') {
        cx.error(at.place(), format!("\"{name}\" is no name of an account"), None);
    }
    Some(name)
}

/// In the order of the file: the first is `${self.port}`.
fn ports(cx: &mut Context<'_>, at: At<'_>, file: &ServiceFile) -> Vec<PortSpec> {
    let order = at.node().map(keys).unwrap_or_default();
    let own = cx.own.as_ref().map(|own| own.name.clone()).unwrap_or_default();
    let mut list = Vec::new();
    for name in order {
        let Some(port) = file.ports.as_ref().and_then(|ports| ports.get(&name)) else { continue };
        let at = at.key(&name);
        super::check_name(cx.report, at.name(), "port", &name);
        let (number, number_at, host, socket) = match port {
            PortFile::Number(number) => (Some(PortNumberFile::Number(*number)), at, None, None),
            PortFile::Text(text) => (Some(PortNumberFile::Text(text.clone())), at, None, None),
            PortFile::Table(table) => (table.port.clone(), at.key("port"), table.host.as_ref(), table.socket),
        };
        let host =
            host.and_then(|host| self::host(cx, at.key("host"), host)).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let number = match number {
            None => {
                cx.error(
                    number_at.name(),
                    "the port has no number",
                    Some("give port = 8080, or port = \"auto\"".to_owned()),
                );
                continue;
            }
            Some(number) => match port_number(cx, number_at, &number) {
                Some(Port::Fixed(number)) => Some(number),
                Some(Port::Auto) => cx.inputs.auto_ports.get(&format!("{own}.{name}")).copied(),
                None => continue,
            },
        };
        list.push(PortSpec { name, host, number, socket: socket.unwrap_or(false) });
    }
    list
}

fn host(cx: &mut Context<'_>, at: At<'_>, host: &str) -> Option<IpAddr> {
    let text = cx.plain(at, host)?;
    let address = text.parse().ok();
    if address.is_none() {
        let hint = "such as 127.0.0.1, ::1 or 0.0.0.0".to_owned();
        cx.error(at.place(), format!("\"{text}\" is no IP address"), Some(hint));
    }
    address
}

enum Port {
    Fixed(u16),
    Auto,
}

/// The number with the port offset.
fn port_number(cx: &mut Context<'_>, at: At<'_>, file: &PortNumberFile) -> Option<Port> {
    let number = match file {
        PortNumberFile::Number(number) => *number,
        PortNumberFile::Text(text) => {
            let text = cx.plain(at, text)?;
            if text == "auto" {
                return Some(Port::Auto);
            }
            match text.parse::<i64>() {
                Ok(number) => number,
                Err(_) => {
                    let message = format!("expected a port number or \"auto\", found \"{text}\"");
                    cx.error(at.place(), message, None);
                    return None;
                }
            }
        }
    };
    if number == 0 {
        cx.error(at.place(), "0 is no port number", Some("for a free port write \"auto\"".to_owned()));
        return None;
    }
    let Some(fixed) = u16::try_from(number).ok() else {
        cx.error(at.place(), format!("{number} is no port number"), Some("ports are from 1 to 65535".to_owned()));
        return None;
    };
    match fixed.checked_add(cx.inputs.port_offset) {
        Some(number) => Some(Port::Fixed(number)),
        None => {
            let message = format!("port {fixed} with the port offset {} is above 65535", cx.inputs.port_offset);
            cx.error(at.place(), message, Some("take a smaller offset".to_owned()));
            None
        }
    }
}

fn networks(cx: &mut Context<'_>, at: At<'_>, file: &ServiceFile) -> Vec<String> {
    let names = file.networks.clone().unwrap_or_default();
    for (index, name) in names.iter().enumerate() {
        if !cx.names.networks.contains(name) {
            let hint = suggest(name, cx.names.networks.iter().map(String::as_str))
                .unwrap_or_else(|| format!("declare it: [networks.{name}]"));
            cx.error(at.item(index).place(), format!("network \"{name}\" is not declared"), Some(hint));
        }
    }
    names
}

fn volumes(cx: &mut Context<'_>, at: At<'_>, file: &ServiceFile) -> BTreeMap<String, String> {
    let volumes = file.volumes.clone().unwrap_or_default();
    for (role, name) in &volumes {
        let at = at.key(role);
        super::check_name(cx.report, at.name(), "volume role", role);
        if !cx.names.volumes.contains(name) {
            let hint = suggest(name, cx.names.volumes.iter().map(String::as_str))
                .unwrap_or_else(|| format!("declare it: [volumes.{name}]"));
            cx.error(at.place(), format!("volume \"{name}\" is not declared"), Some(hint));
        }
    }
    volumes
}

fn parts(cx: &mut Context<'_>, at: At<'_>, file: &ServiceFile) -> Vec<String> {
    let names = file.parts.clone().unwrap_or_default();
    for (index, name) in names.iter().enumerate() {
        if !cx.names.parts.contains(name) {
            let mut known = cx.names.parts.iter().map(String::as_str).collect::<BTreeSet<_>>();
            known.extend(cx.inputs.parts.iter().map(|part| part.name));
            let hint = suggest(name, known.iter().copied()).unwrap_or_else(|| format!("declare it: [parts.{name}]"));
            cx.error(at.item(index).place(), format!("part \"{name}\" is not declared"), Some(hint));
        }
    }
    names
}

fn labels(
    cx: &mut Context<'_>,
    at: At<'_>,
    file: Option<&BTreeMap<String, String>>,
    secrets: bool,
) -> BTreeMap<String, Template> {
    let mut list = BTreeMap::new();
    for (label, text) in file.into_iter().flatten() {
        let at = at.key(label);
        let template = cx.template(at, text);
        if !secrets {
            cx.refuse_secret(at, &template, "addresses are shown to everybody; use credentials");
        }
        list.insert(label.clone(), template);
    }
    list
}
