//! The layers of a stack put together: preset under service under mode overlay, part file under preset under stack.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Report, suggest};
use super::load::Inputs;
use super::node::{Node, NodeValue, SourceKind};
use super::validate::check_name;
use super::{merge, parse, presets, shape};

/// A stack with every layer merged.
pub struct Layers {
    pub mode: String,
    pub modes: Vec<String>,
    /// Everything but services; `parts` holds those that are needed or declared.
    pub root: Node,
    /// In the order of the file.
    pub services: Vec<Layered>,
}

pub struct Layered {
    pub name: String,
    pub node: Node,
    pub alternatives: Vec<Node>,
    pub command_was_wrong: bool,
}

/// What a preset brings.
#[derive(Clone)]
struct PresetLayer {
    service: Node,
    parts: Option<Node>,
    secrets: Option<Node>,
    command_was_wrong: bool,
}

pub fn layers(report: &mut Report, inputs: &Inputs<'_>, dir: &std::path::Path) -> Option<Layers> {
    let name = inputs.path.display().to_string();
    let mut root = parse::parse(report, SourceKind::Stack, &name, inputs.text)?;
    let wrong_commands = wrong_commands(&root);
    shape::check(report, shape::stack_schema(), &mut root);
    let (mode, modes) = choose_mode(report, inputs, &mut root);
    let mut reader = Reader { report, inputs, dir, presets: BTreeMap::new() };
    let mut parts = Node::table(root.place);
    let mut secrets = Node::table(root.place);
    let mut services = Vec::new();
    let written = root.remove("services");
    for (name, service) in written.iter().flat_map(|services| services.entries()) {
        check_name(reader.report, service.key, "service", name);
        let mut command_was_wrong = wrong_commands.contains(name);
        let mut node = match preset_of(service) {
            Some(preset) => match reader.preset(preset) {
                Some(layer) => {
                    command_was_wrong |= layer.command_was_wrong;
                    layer.lend(&mut parts, &mut secrets);
                    layer.service
                }
                None => {
                    command_was_wrong = true;
                    Node::table(service.place)
                }
            },
            None => Node::table(service.place),
        };
        merge::overlay(&mut node, service);
        let alternatives = alternatives(&mut reader, &node, service, &mut parts, &mut secrets);
        services.push(Layered { name: name.clone(), node, alternatives, command_was_wrong });
    }
    for (key, lent) in [("parts", parts), ("secrets", secrets)] {
        let mut lent = lent;
        if let Some(own) = root.get(key) {
            merge::overlay(&mut lent, own);
        }
        root.set(key, lent);
    }
    add_part_files(&mut reader, &mut root, &services);
    Some(Layers { mode, modes, root, services })
}

fn preset_of(service: &Node) -> Option<&Node> {
    service.get("preset").filter(|node| node.text().is_some())
}

impl PresetLayer {
    fn lend(&self, parts: &mut Node, secrets: &mut Node) {
        for (into, from) in [(parts, &self.parts), (secrets, &self.secrets)] {
            if let Some(from) = from {
                merge::overlay(into, from);
            }
        }
    }
}

/// Services whose command is written, but not as a list of texts.
fn wrong_commands(root: &Node) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    let modes = root.get("mode").map(Node::entries).unwrap_or_default();
    for layer in std::iter::once(root).chain(modes.iter().map(|(_, mode)| mode)) {
        for (name, service) in layer.get("services").map(Node::entries).unwrap_or_default() {
            if service.get("command").is_some_and(|command| !matches!(command.value, NodeValue::List(_)))
                || !matches!(service.value, NodeValue::Table(_))
            {
                wrong.insert(name.clone());
            }
        }
    }
    wrong
}

/// The modes there are, and the chosen one laid over the file.
fn choose_mode(report: &mut Report, inputs: &Inputs<'_>, root: &mut Node) -> (String, Vec<String>) {
    let listed = root.get("stack").and_then(|stack| stack.get("modes")).cloned();
    let mut modes = Vec::new();
    for node in listed.iter().flat_map(Node::items) {
        let Some(name) = node.text() else { continue };
        check_name(report, node.place, "mode", name);
        if modes.iter().any(|known| known == name) {
            report.error(node.place, format!("the mode \"{name}\" is listed twice"));
        } else {
            modes.push(name.to_owned());
        }
    }
    if let Some(list) = listed.as_ref().filter(|list| list.items().is_empty()) {
        report.error(list.place, "the list of modes is empty").hint("list at least one, the first is the default");
    }
    if modes.is_empty() {
        modes.push("production".to_owned());
    }
    let overlays = root.remove("mode");
    for (name, overlay) in overlays.iter().flat_map(Node::entries) {
        if !modes.contains(name) {
            let hint = suggest(name, modes.iter().map(String::as_str));
            report.error(overlay.key, format!("mode \"{name}\" is not listed in stack.modes")).maybe(hint);
        }
    }
    let mode = match inputs.mode {
        Some(wanted) if !modes.iter().any(|known| known == wanted) => {
            let place = listed.as_ref().map_or(root.place, |list| list.place);
            let hint = suggest(wanted, modes.iter().map(String::as_str));
            report.error(place, format!("there is no mode \"{wanted}\"")).maybe(hint);
            modes[0].clone()
        }
        Some(wanted) => wanted.to_owned(),
        None => modes[0].clone(),
    };
    if let Some(overlay) = overlays.as_ref().and_then(|overlays| overlays.get(&mode)) {
        let (key, place) = (root.key, root.place);
        merge::overlay(root, overlay);
        (root.key, root.place) = (key, place);
    }
    (mode, modes)
}

/// The service as every alternative preset runs it: the preset's program, the service's place in the stack.
fn alternatives(
    reader: &mut Reader<'_, '_>,
    merged: &Node,
    service: &Node,
    parts: &mut Node,
    secrets: &mut Node,
) -> Vec<Node> {
    let Some(list) = merged.get("alternatives") else { return Vec::new() };
    let mut nodes = Vec::new();
    for name in list.items() {
        if name.text().is_some() && name.text() == merged.get("preset").and_then(Node::text) {
            reader.report.error(name.place, "a service is no alternative to itself").hint("name another preset");
            continue;
        }
        let Some(layer) = reader.preset(name) else { continue };
        layer.lend(parts, secrets);
        let mut node = layer.service;
        node.remove("alternatives");
        merge::overlay(&mut node, &merge::without_program(service));
        // The same place in the stack: who connects to it must not see which program runs.
        for key in ["ports", "volumes", "networks", "depends_on"] {
            match merged.get(key) {
                Some(value) => node.set(key, value.clone()),
                None => drop(node.remove(key)),
            }
        }
        node.set("preset", name.clone());
        nodes.push(node);
    }
    nodes
}

/// Under every part that is needed or declared lies its part file, if there is one.
fn add_part_files(reader: &mut Reader<'_, '_>, root: &mut Node, services: &[Layered]) {
    let nodes = services.iter().flat_map(|service| std::iter::once(&service.node).chain(&service.alternatives));
    let needed = nodes
        .filter_map(|node| node.get("parts"))
        .flat_map(Node::items)
        .filter_map(|part| part.text().map(str::to_owned))
        .collect::<BTreeSet<_>>();
    let declared = root.get("parts").map(Node::entries).unwrap_or_default().iter().map(|(name, _)| name.clone());
    let names = declared.chain(needed).collect::<BTreeSet<_>>();
    let mut merged = Node::table(root.place);
    for name in names {
        let own = root.get("parts").and_then(|parts| parts.get(&name)).cloned();
        match (reader.part(&name), own) {
            (Some(mut part), Some(own)) => {
                merge::overlay(&mut part, &own);
                merged.set(&name, part);
            }
            (Some(part), None) | (None, Some(part)) => merged.set(&name, part),
            (None, None) => {}
        }
    }
    root.set("parts", merged);
}

struct Reader<'r, 'i> {
    report: &'r mut Report,
    inputs: &'r Inputs<'i>,
    dir: &'r std::path::Path,
    presets: BTreeMap<String, Option<PresetLayer>>,
}

impl Reader<'_, '_> {
    /// A file of the operator's beside `services.toml`, else the one given or built in; and how people know it.
    fn bytes(
        &mut self,
        folder: &str,
        name: &str,
        built_in: Option<&'static str>,
    ) -> Option<(SourceKind, String, Vec<u8>)> {
        let (kind, word) =
            if folder == "presets" { (SourceKind::Preset, "preset") } else { (SourceKind::Part, "part") };
        let path = format!("config/{folder}/{name}.toml");
        match (self.inputs.read)(&self.dir.join(&path)) {
            Ok(bytes) => Some((kind, path, bytes)),
            Err(_) => built_in.map(|text| (kind, format!("{word} {name}"), text.as_bytes().to_vec())),
        }
    }

    fn preset(&mut self, node: &Node) -> Option<PresetLayer> {
        let name = node.text()?;
        if let Some(known) = self.presets.get(name) {
            return known.clone();
        }
        if !check_name(self.report, node.place, "preset", name) {
            return None;
        }
        let given = self.inputs.extra_presets.iter().chain(presets::presets()).find(|preset| preset.name == name);
        let layer = match self.bytes("presets", name, given.map(|preset| preset.text)) {
            Some((kind, shown, bytes)) => self.read_preset(kind, &shown, &bytes),
            None => {
                let known = self.inputs.extra_presets.iter().chain(presets::presets()).map(|preset| preset.name);
                let hint = suggest(name, known);
                self.report.error(node.place, format!("there is no preset \"{name}\"")).maybe(hint);
                None
            }
        };
        self.presets.insert(name.to_owned(), layer.clone());
        layer
    }

    fn read_preset(&mut self, kind: SourceKind, shown: &str, bytes: &[u8]) -> Option<PresetLayer> {
        let mut node = parse::parse(self.report, kind, shown, bytes)?;
        let command_was_wrong = node.get("command").is_some_and(|command| !matches!(command.value, NodeValue::List(_)));
        let mut take = |key: &str| {
            let table = node.get(key).is_some_and(|node| matches!(node.value, NodeValue::Table(_)));
            if table { node.remove(key) } else { None }
        };
        let (mut parts, mut secrets) = (take("parts"), take("secrets"));
        for (key, table) in [("parts", &mut parts), ("secrets", &mut secrets)] {
            let Some(table) = table else { continue };
            // Checked where it would stand in services.toml.
            let mut wrapped = Node::table(table.place);
            wrapped.set(key, table.clone());
            shape::check(self.report, shape::stack_schema(), &mut wrapped);
            if let Some(checked) = wrapped.remove(key) {
                *table = checked;
            }
        }
        if let Some(parts) = &parts {
            let names = parts.entries().iter().map(|(name, part)| Node {
                key: part.key,
                place: part.key,
                value: NodeValue::Text(name.clone()),
            });
            let list = Node { key: parts.key, place: parts.place, value: NodeValue::List(names.collect()) };
            node.set("parts", list);
        }
        if let Some(preset) = node.remove("preset") {
            self.report.error(preset.key, "a preset cannot be made from another preset");
        }
        shape::check(self.report, shape::service_schema(), &mut node);
        Some(PresetLayer { service: node, parts, secrets, command_was_wrong })
    }

    fn part(&mut self, name: &str) -> Option<Node> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.contains("..") || !name.chars().all(plain) {
            return None;
        }
        let given = self.inputs.extra_parts.iter().chain(presets::parts()).find(|part| part.name == name);
        let (kind, shown, bytes) = self.bytes("parts", name, given.map(|part| part.text))?;
        let mut node = parse::parse(self.report, kind, &shown, &bytes)?;
        shape::check(self.report, shape::part_schema(), &mut node);
        Some(node)
    }
}
