//! One tree laid over another: tables are merged key by key, everything else is replaced.

use super::node::{Node, NodeValue};

/// Keys of a probe of which only one may be there: a layer that names one takes the place of the others.
const PROBE_KINDS: &[&str] =
    &["exec", "http", "tcp", "unix", "postgres", "redis", "mongo", "log", "notify", "file", "delay"];

/// Keys that describe the program, not its place in the stack: an alternative brings its own.
const PROGRAM: &[&str] = &[
    "preset",
    "alternatives",
    "command",
    "cwd",
    "parts",
    "init",
    "build",
    "watch",
    "files",
    "bootstrap",
    "health",
    "liveness",
    "stop",
    "pre_stop",
    "post_stop",
    "data_format",
];

/// `top` over `base`.
pub fn overlay(base: &mut Node, top: &Node) {
    if !matches!(base.value, NodeValue::Table(_)) || !matches!(top.value, NodeValue::Table(_)) {
        *base = top.clone();
        return;
    }
    base.key = top.key;
    base.place = top.place;
    for (name, node) in top.entries() {
        match base.get_mut(name) {
            Some(old) if name == "health" || name == "liveness" || name == "ready" => overlay_probe(old, node),
            Some(old) if name == "restart" => overlay_restart(old, node),
            Some(old) => overlay(old, node),
            None => base.set(name, node.clone()),
        }
    }
}

fn overlay_probe(base: &mut Node, top: &Node) {
    if let Some(kind) = PROBE_KINDS.iter().find(|kind| top.get(kind).is_some()) {
        for other in PROBE_KINDS.iter().filter(|other| *other != kind) {
            base.remove(other);
        }
    }
    overlay(base, top);
}

/// `restart = "no"` over a table changes the policy and keeps the rest.
fn overlay_restart(base: &mut Node, top: &Node) {
    match (&base.value, &top.value) {
        (NodeValue::Table(_), NodeValue::Text(_)) => base.set("policy", top.clone()),
        (NodeValue::Text(_), NodeValue::Table(_)) if top.get("policy").is_none() => {
            let policy = base.clone();
            *base = top.clone();
            base.set("policy", policy);
        }
        _ => overlay(base, top),
    }
}

/// The operator's keys of a service that also hold for its alternatives.
pub fn without_program(service: &Node) -> Node {
    let mut rest = service.clone();
    for key in PROGRAM {
        rest.remove(key);
    }
    rest
}
