//! Edges of the dependency graph: names, conditions that can hold, cycles.

use std::collections::BTreeMap;

use super::super::error::suggest;
use super::super::file::{ConditionFile, DependencyFile, DependencyTable, DependsFile, HealthFile, OnFailureFile};
use super::super::file::{OnRestartFile, ServiceFile};
use super::super::graph;
use super::super::node::Place;
use super::super::policy::RestartPolicy;
use super::super::probe::ProbeAction;
use super::super::service::{
    Condition, DependencySpec, OnDependencyFailure, OnDependencyRestart, ServiceId, ServiceKind, ServiceSpec,
};
use super::values::{At, Context};

/// Dependencies of one service; `ids` are the services that are not disabled, `files` all of them.
pub fn depends(
    cx: &mut Context<'_>,
    at: At<'_>,
    file: Option<&DependsFile>,
    ids: &BTreeMap<String, ServiceId>,
    files: &BTreeMap<String, ServiceFile>,
) -> Vec<DependencySpec> {
    let empty = || DependencyTable { condition: None, required: None, on_restart: None, on_failure: None };
    let own = cx.own.as_ref().map(|own| own.name.clone()).unwrap_or_default();
    let mut list = Vec::<DependencySpec>::new();
    let wanted: Vec<(&String, At<'_>, Option<ConditionFile>, DependencyTable)> = match file {
        None => return list,
        Some(DependsFile::List(names)) => {
            names.iter().enumerate().map(|(index, name)| (name, at.item(index), None, empty())).collect()
        }
        Some(DependsFile::Table(table)) => table
            .iter()
            .map(|(name, edge)| match edge {
                DependencyFile::Condition(condition) => (name, at.key(name), Some(*condition), empty()),
                DependencyFile::Table(edge) => (
                    name,
                    at.key(name),
                    edge.condition,
                    DependencyTable {
                        condition: edge.condition,
                        required: edge.required,
                        on_restart: edge.on_restart,
                        on_failure: edge.on_failure,
                    },
                ),
            })
            .collect(),
    };
    for (name, at, condition, table) in wanted {
        if *name == own {
            cx.error(
                at.name(),
                format!("service \"{name}\" depends on itself"),
                Some("remove the dependency".to_owned()),
            );
            continue;
        }
        let required = table.required.unwrap_or(true);
        let Some(target) = files.get(name) else {
            let known = files.keys().map(String::as_str).filter(|known| *known != own).collect::<Vec<_>>();
            cx.error(at.name(), format!("service \"{name}\" is not declared"), suggest(name, known));
            continue;
        };
        let Some(id) = ids.get(name).copied() else {
            if required {
                let hint = "enable it, or write { required = false } for this dependency".to_owned();
                cx.error(at.name(), format!("the required dependency \"{name}\" is disabled"), Some(hint));
            } else {
                let message = format!("the dependency \"{name}\" is disabled: \"{own}\" starts without it");
                cx.warning(at.name(), message);
            }
            continue;
        };
        if list.iter().any(|edge| edge.service == id) {
            cx.error(at.name(), format!("the dependency on \"{name}\" is given twice"), None);
            continue;
        }
        list.push(DependencySpec {
            service: id,
            condition: condition.map_or_else(|| implied(target), self::condition),
            required,
            on_restart: match table.on_restart {
                Some(OnRestartFile::Restart) => OnDependencyRestart::Restart,
                Some(OnRestartFile::Stop) => OnDependencyRestart::Stop,
                Some(OnRestartFile::Ignore) | None => OnDependencyRestart::Ignore,
            },
            on_failure: match table.on_failure {
                Some(OnFailureFile::Skip) => OnDependencyFailure::Skip,
                Some(OnFailureFile::Stop) => OnDependencyFailure::Stop,
                Some(OnFailureFile::Wait) | None => OnDependencyFailure::Wait,
            },
        });
    }
    list
}

fn condition(file: ConditionFile) -> Condition {
    match file {
        ConditionFile::Started => Condition::Started,
        ConditionFile::Ready | ConditionFile::Healthy => Condition::Ready,
        ConditionFile::Completed => Condition::Completed,
        ConditionFile::CompletedSuccessfully => Condition::CompletedSuccessfully,
        ConditionFile::LogReady => Condition::LogReady,
        ConditionFile::Stopped => Condition::Stopped,
    }
}

/// What a bare name waits for.
fn implied(target: &ServiceFile) -> Condition {
    if target.oneshot == Some(true) {
        Condition::CompletedSuccessfully
    } else if matches!(target.health, Some(HealthFile::Probe(_))) {
        Condition::Ready
    } else {
        Condition::Started
    }
}

/// Conditions that can never hold. A service without a probe of its own does become ready (alive for a second and
/// listening on its ports), so that `ready` is refused only where `health = "none"` says that there is no such state.
pub fn refuse_impossible(
    cx: &mut Context<'_>,
    service: &ServiceSpec,
    at: At<'_>,
    all: &[ServiceSpec],
    files: &BTreeMap<String, ServiceFile>,
) {
    let edges = at.key("depends_on");
    for edge in &service.depends_on {
        let Some(target) = all.get(edge.service.index()) else { continue };
        let name = &target.name;
        let place = edge_place(edges, name);
        let none = files.get(name).is_some_and(|file| matches!(file.health, Some(HealthFile::None(_))));
        match edge.condition {
            Condition::Ready if target.kind == ServiceKind::Oneshot => {
                let hint = "wait for \"completed_successfully\"".to_owned();
                cx.error(place, format!("\"{name}\" is a oneshot: it completes, it is never ready"), Some(hint));
            }
            Condition::Ready if none => {
                let hint = format!("give [services.{name}] a health probe, or wait for \"started\"");
                cx.error(place, format!("\"{name}\" has health = \"none\": it is never called ready"), Some(hint));
            }
            Condition::Completed | Condition::CompletedSuccessfully
                if target.restart.policy == RestartPolicy::UnlessStopped =>
            {
                let hint = format!("set oneshot = true or restart = \"no\" for \"{name}\", or wait for \"ready\"");
                cx.error(place, format!("\"{name}\" is always restarted: it never completes"), Some(hint));
            }
            Condition::LogReady if !matches!(target.readiness.action, ProbeAction::Log { .. }) => {
                let hint = format!("give \"{name}\" health = {{ log = \"…\" }}, or wait for \"ready\"");
                cx.error(place, format!("\"{name}\" has no log probe"), Some(hint));
            }
            _ => {}
        }
    }
}

/// Where an edge is written, in a list or in a table.
fn edge_place(edges: At<'_>, name: &str) -> Place {
    let Some(node) = edges.node() else { return edges.place() };
    let item = node.items().iter().find(|item| item.text() == Some(name));
    item.map_or_else(|| edges.key(name).name(), |item| item.place)
}

/// Refuses every knot of dependencies, with its whole path and the place of each edge.
pub fn cycles(
    cx: &mut Context<'_>,
    services: &[ServiceSpec],
    at: impl Fn(&str) -> Place,
    edge: impl Fn(&str, &str) -> Place,
) {
    let edges = services
        .iter()
        .map(|service| service.depends_on.iter().map(|edge| edge.service.index()).collect())
        .collect::<Vec<Vec<usize>>>();
    for cycle in graph::cycles(&edges) {
        let names = cycle.iter().map(|index| services[*index].name.as_str()).collect::<Vec<_>>();
        let Some(first) = names.first() else { continue };
        let path = names.iter().chain([first]).copied().collect::<Vec<_>>().join(" → ");
        let mut steps = names.iter().zip(names.iter().cycle().skip(1));
        let place = steps.next().map_or_else(|| at(first), |(from, to)| edge(from, to));
        let mut finding = cx.report.error(place, format!("services wait for each other: {path}"));
        for (from, to) in steps {
            finding = finding.related(edge(from, to), format!("{from} waits for {to} here"));
        }
        finding.hint("remove one of these dependencies");
    }
}

/// Where a service names a dependency.
pub fn edge_of(service: At<'_>, target: &str) -> Place {
    edge_place(service.key("depends_on"), target)
}
