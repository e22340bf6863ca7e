//! Values that no file holds, written into a merged tree in the form of the file, so that they can be shown.

use super::node::{Node, NodeValue};
use super::policy::{RestartPolicy, RestartSpec, StopScope, StopSpec};
use super::probe::{ProbeAction, ProbeSpec};
use super::service::{LogFull, LogSpec, ServiceSpec};
use super::stack::StackSpec;
use super::units::{duration_text, signal_name};

fn text(text: impl Into<String>) -> NodeValue {
    NodeValue::Text(text.into())
}

fn number(number: impl TryInto<i64>) -> NodeValue {
    NodeValue::Integer(number.try_into().unwrap_or(i64::MAX))
}

/// Adds what is missing below `path`.
fn fill(node: &mut Node, path: &[&str], value: NodeValue) {
    match path {
        [] => {}
        [key] => {
            if matches!(node.value, NodeValue::Table(_)) && node.get(key).is_none() {
                node.set(key, Node::default_of(value));
            }
        }
        [key, rest @ ..] => {
            if matches!(node.value, NodeValue::Table(_)) && node.get(key).is_none() {
                node.set(key, Node::default_of(NodeValue::Table(Vec::new())));
            }
            if let Some(child) = node.get_mut(key) {
                fill(child, rest, value);
            }
        }
    }
}

pub fn stack(root: &mut Node, stack: &StackSpec) {
    fill(root, &["stack", "name"], text(&stack.name));
    let modes = stack.modes.iter().map(|mode| Node::default_of(text(mode))).collect();
    fill(root, &["stack", "modes"], NodeValue::List(modes));
    fill(root, &["stack", "user"], text(&stack.user));
    fill(root, &["stack", "stop_timeout"], text(duration_text(stack.stop_timeout)));
    fill(root, &["stack", "log_total"], number(stack.log_total_bytes));
    for volume in stack.volumes.values() {
        fill(root, &["volumes", &volume.name, "mode"], text(format!("{:04o}", volume.mode)));
    }
    for secret in stack.secrets.values() {
        match &secret.bcrypt_of {
            Some(other) => fill(root, &["secrets", &secret.name, "bcrypt_of"], text(other)),
            None => {
                fill(root, &["secrets", &secret.name, "length"], number(secret.length));
                fill(root, &["secrets", &secret.name, "alphabet"], text("alphanumeric"));
            }
        }
    }
    // Tables that came from nowhere and stayed empty say nothing.
    for key in ["parts", "secrets"] {
        if root.get(key).is_some_and(|node| node.entries().is_empty()) {
            root.remove(key);
        }
    }
}

pub fn service(node: &mut Node, spec: &ServiceSpec) {
    fill(node, &["umask"], text(format!("{:04o}", spec.umask)));
    fill(node, &["required"], NodeValue::Bool(spec.required));
    fill(node, &["autostart"], NodeValue::Bool(spec.autostart));
    restart(node, &spec.restart);
    stop(node, &spec.stop);
    logs(node, &spec.logs);
    if spec.kind == super::ServiceKind::Service {
        probe(node, "health", &spec.readiness);
    }
    if let Some(liveness) = &spec.liveness {
        probe(node, "liveness", liveness);
    }
}

fn restart(node: &mut Node, spec: &RestartSpec) {
    let policy = text(match spec.policy {
        RestartPolicy::No => "no",
        RestartPolicy::OnFailure => "on-failure",
        RestartPolicy::UnlessStopped => "unless-stopped",
    });
    // `restart = "no"` becomes a table, so that the rest has a place.
    if let Some(written) = node.get("restart").filter(|written| written.text().is_some()).cloned() {
        let mut table = Node { value: NodeValue::Table(Vec::new()), ..written.clone() };
        table.set("policy", written);
        node.set("restart", table);
    }
    fill(node, &["restart", "policy"], policy);
    if spec.policy == RestartPolicy::No {
        return;
    }
    let fraction = |percent: u32| NodeValue::Float(f64::from(percent) / 100.0);
    fill(node, &["restart", "first"], text(duration_text(spec.backoff.first)));
    fill(node, &["restart", "factor"], fraction(spec.backoff.factor_percent));
    fill(node, &["restart", "cap"], text(duration_text(spec.backoff.cap)));
    fill(node, &["restart", "jitter"], fraction(spec.backoff.jitter_percent));
    fill(node, &["restart", "stable_after"], text(duration_text(spec.stable_after)));
    fill(node, &["restart", "crash_loop", "failures"], number(spec.crash_loop_failures));
    fill(node, &["restart", "crash_loop", "window"], text(duration_text(spec.crash_loop_window)));
}

fn stop(node: &mut Node, spec: &StopSpec) {
    fill(node, &["stop", "signal"], text(signal_name(spec.signal)));
    fill(node, &["stop", "grace"], text(duration_text(spec.grace)));
    let scope = match spec.scope {
        StopScope::Leader => "leader",
        StopScope::Group => "group",
    };
    fill(node, &["stop", "scope"], text(scope));
}

fn logs(node: &mut Node, spec: &LogSpec) {
    fill(node, &["logs", "max_size"], number(spec.max_bytes));
    fill(node, &["logs", "max_files"], number(spec.max_files));
    fill(node, &["logs", "max_line"], number(spec.max_line_bytes));
    fill(node, &["logs", "ring"], number(spec.ring_bytes));
    let on_full = match spec.on_full {
        LogFull::Drop => "drop",
        LogFull::Block => "block",
    };
    fill(node, &["logs", "on_full"], text(on_full));
}

fn probe(node: &mut Node, key: &str, spec: &ProbeSpec) {
    if let (None, ProbeAction::Delay { after }) = (node.get(key), &spec.action) {
        fill(node, &[key, "delay"], text(duration_text(*after)));
    }
    fill(node, &[key, "every"], text(duration_text(spec.every)));
    fill(node, &[key, "timeout"], text(duration_text(spec.timeout)));
    fill(node, &[key, "failures"], number(spec.failures));
    fill(node, &[key, "successes"], number(spec.successes));
    fill(node, &[key, "recover_successes"], number(spec.recover_successes));
    fill(node, &[key, "start_timeout"], text(duration_text(spec.start_timeout)));
}
