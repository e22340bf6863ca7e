//! The way in: the text of `services.toml` becomes a validated stack, or all of its problems.
//!
//! parse → structure → layers (preset ← service ← mode) → values → references between services. Whatever is wrong is
//! reported with its place, cut out, and the rest is still checked, so that one run shows everything.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::error::{Problem, Problems, Report};
use super::expanded::Merged;
use super::file::{ServiceFile, StackFile};
use super::layers::{Layers, layers};
use super::node::{Node, NodeValue, Place, SourceKind, beside};
use super::presets::{self, Preset};
use super::service::{ServiceId, ServiceSpec};
use super::stack::StackSpec;
use super::validate::{self, At, Context, Names, ServiceNames, Wanted};
use super::{env_file, interpolate, parse};

/// Everything that loading depends on; nothing else is looked at.
pub struct Inputs<'a> {
    /// Of `services.toml`; shown in messages, and what relative paths are beside.
    pub path: PathBuf,
    pub text: &'a [u8],
    /// The process environment; it wins over `.env`.
    pub env: &'a BTreeMap<String, String>,
    /// Reads `.env`, env files, templates, and an operator's own presets and parts.
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// The wanted mode; the first of `stack.modes` unless set.
    pub mode: Option<&'a str>,
    /// Added to every fixed port.
    pub port_offset: u16,
    /// `x86_64` or `aarch64`.
    pub arch: &'a str,
    /// Numbers chosen earlier for `auto` ports, by `service.port`.
    pub auto_ports: &'a BTreeMap<String, u16>,
    /// Those built in, unless set.
    pub presets: &'a [Preset],
    pub parts: &'a [Preset],
}

impl<'a> Inputs<'a> {
    /// Inputs with nothing chosen: default mode, no offset, the architecture of this build.
    pub fn new(
        path: PathBuf,
        text: &'a [u8],
        env: &'a BTreeMap<String, String>,
        read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Self {
        static NONE: BTreeMap<String, u16> = BTreeMap::new();
        Self {
            path,
            text,
            env,
            read,
            mode: None,
            port_offset: 0,
            arch: std::env::consts::ARCH,
            auto_ports: &NONE,
            presets: presets::presets(),
            parts: presets::parts(),
        }
    }
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The environment may hold secrets.
        out.debug_struct("Inputs")
            .field("path", &self.path)
            .field("mode", &self.mode)
            .field("port_offset", &self.port_offset)
            .field("arch", &self.arch)
            .finish_non_exhaustive()
    }
}

/// A stack that can be run.
#[derive(Debug)]
pub struct Loaded {
    pub stack: StackSpec,
    pub warnings: Vec<Problem>,
    /// For the merged file with the origin of every value.
    pub merged: Merged,
    /// The process environment over `.env`: where secrets may be given.
    pub env: BTreeMap<String, String>,
}

/// Loads a stack; on failure every problem that was found, at least one of them an error.
pub fn load(inputs: &Inputs<'_>) -> Result<Loaded, Problems> {
    let mut report = Report::default();
    let loaded = run(&mut report, inputs);
    match loaded {
        Some((stack, layers, env)) if !report.has_errors() => {
            Ok(Loaded { stack, warnings: report.problems, merged: Merged::new(layers, report.sources), env })
        }
        _ => {
            let mut items = report.problems;
            items.sort_by(|left, right| {
                (left.severity as u8, &left.file, left.span).cmp(&(right.severity as u8, &right.file, right.span))
            });
            Err(Problems { items })
        }
    }
}

fn run(report: &mut Report, inputs: &Inputs<'_>) -> Option<(StackSpec, Layers, BTreeMap<String, String>)> {
    let dir = beside(&inputs.path);
    let layers = layers(report, inputs, &dir)?;
    let env = environment(report, inputs, &dir);
    let root: StackFile = read(report, &layers.root)?;
    let mut files = BTreeMap::new();
    for layered in &layers.services {
        if let Some(file) = read::<ServiceFile>(report, &layered.node) {
            files.insert(layered.name.clone(), file);
        }
    }
    let names = names(&layers);
    let mut cx = Context {
        report,
        inputs,
        env: &env,
        names: &names,
        dir: &dir,
        own: None,
        secrets: BTreeMap::new(),
        said: BTreeSet::new(),
    };
    let at = At::new(&layers.root);
    let head = validate::stack(&mut cx, at.key("stack"), &root.stack.unwrap_or_default());
    let networks = validate::networks(&mut cx, at.key("networks"), &root.networks.unwrap_or_default());
    let volumes = validate::volumes(&mut cx, at.key("volumes"), &root.volumes.unwrap_or_default());
    let mut parts = BTreeMap::new();
    for (name, file) in root.parts.iter().flatten() {
        parts.insert(name.clone(), validate::part(&mut cx, at.key("parts").key(name), name, file));
    }
    let services = services(&mut cx, &layers, &files);
    let secrets = validate::secrets(&mut cx, at.key("secrets"), &root.secrets.unwrap_or_default());
    let stack = StackSpec {
        name: head.name,
        dir: dir.clone(),
        mode: layers.mode.clone(),
        modes: layers.modes.clone(),
        user: head.user,
        stop_timeout: head.stop_timeout,
        log_total_bytes: head.log_total_bytes,
        parallel_starts: head.parallel_starts,
        networks,
        volumes,
        secrets,
        parts,
        services,
    };
    Some((stack, layers, env))
}

/// The mirror of a tree whose structure has been checked.
fn read<T: DeserializeOwned>(report: &mut Report, node: &Node) -> Option<T> {
    match serde_json::from_value(node.to_json()) {
        Ok(value) => Some(value),
        Err(error) => {
            report.error(node.place, format!("this cannot be read: {error}"));
            None
        }
    }
}

/// The process environment over `.env` beside `services.toml`.
fn environment(report: &mut Report, inputs: &Inputs<'_>, dir: &Path) -> BTreeMap<String, String> {
    let path = dir.join(".env");
    let mut env = BTreeMap::new();
    let bytes = match (inputs.read)(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return inputs.env.clone(),
        Err(error) => {
            let source = report.sources.add(SourceKind::EnvFile, ".env", String::new());
            report.error(Place::new(source, 0..0), format!("the file cannot be read: {error}"));
            return inputs.env.clone();
        }
    };
    let Some(source) = parse::text(report, SourceKind::EnvFile, ".env", &bytes) else { return inputs.env.clone() };
    let text = report.sources.get(Place::new(source, 0..0)).map(|source| source.text.clone()).unwrap_or_default();
    let (entries, faults) = env_file::parse(&text);
    for fault in faults {
        report
            .error(Place::new(source, fault.range), fault.message)
            .hint("lines are NAME=value, comments begin with #");
    }
    let mut known = inputs.env.clone();
    for entry in entries {
        if inputs.env.contains_key(&entry.name) {
            continue;
        }
        let value = if entry.literal {
            entry.value
        } else {
            let resolved = interpolate::resolve(&entry.value, &known);
            let place = Place::new(source, entry.range);
            for fault in resolved.faults {
                report.error(place, fault.message).maybe(fault.hint);
            }
            if !resolved.facts.is_empty() {
                report.error(place, "facts of the stack cannot be used in .env").hint("put it into the service's env");
            }
            super::template::Template::new(resolved.pieces).render(&|_: &str| Some(String::new())).unwrap_or_default()
        };
        known.insert(entry.name, value);
    }
    env.append(&mut known);
    env
}

fn names(layers: &Layers) -> Names {
    let keys = |key: &str| {
        layers.root.get(key).map(Node::entries).unwrap_or_default().iter().map(|(name, _)| name.clone()).collect()
    };
    Names {
        services: layers
            .services
            .iter()
            .map(|service| (service.name.clone(), ServiceNames::of(&service.node)))
            .collect(),
        networks: keys("networks"),
        volumes: keys("volumes"),
        parts: keys("parts"),
    }
}

fn services(cx: &mut Context<'_>, layers: &Layers, files: &BTreeMap<String, ServiceFile>) -> Vec<ServiceSpec> {
    let enabled = layers
        .services
        .iter()
        .filter(|layered| layered.node.get("disabled").is_none_or(|node| node.value != NodeValue::Bool(true)))
        .filter(|layered| files.contains_key(&layered.name))
        .collect::<Vec<_>>();
    let ids = enabled
        .iter()
        .enumerate()
        .map(|(index, layered)| (layered.name.clone(), ServiceId(u32::try_from(index).unwrap_or(u32::MAX))))
        .collect::<BTreeMap<_, _>>();
    if layers.services.is_empty() {
        let place = layers.root.place;
        cx.report.warning(place, "the stack has no services").hint("add a [services.NAME] table");
    }
    let mut specs = Vec::new();
    for layered in &enabled {
        let file = &files[&layered.name];
        let wanted = Wanted {
            id: ids[&layered.name],
            name: &layered.name,
            node: &layered.node,
            place: layered.node.key,
            file,
            command_was_wrong: layered.command_was_wrong,
            ids: &ids,
            files,
        };
        let mut spec = validate::service(cx, wanted);
        for node in &layered.alternatives {
            let Some(file) = read::<ServiceFile>(cx.report, node) else { continue };
            spec.alternatives.push(validate::service(cx, Wanted { node, file: &file, ..wanted }));
        }
        specs.push(spec);
    }
    let nodes = enabled.iter().map(|layered| (layered.name.as_str(), &layered.node)).collect::<BTreeMap<_, _>>();
    for spec in &specs {
        validate::refuse_impossible(cx, spec, At::new(nodes[spec.name.as_str()]), &specs, files);
    }
    let at = |name: &str| nodes.get(name).map_or(Place::DEFAULT, |node| node.key);
    let edge =
        |from: &str, to: &str| nodes.get(from).map_or(Place::DEFAULT, |node| validate::edge_of(At::new(node), to));
    validate::cycles(cx, &specs, at, edge);
    validate::refuse_shared_ports(cx, &specs, |name| At::new(nodes[name]));
    validate::refuse_shared_volumes(cx, &specs, |name| At::new(nodes[name]));
    specs
}
