//! The dependency graph: order, levels, who depends on whom, and the path of a cycle. Nothing recurses, so that a chain
//! of ten thousand services is no danger to the stack.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::service::{Condition, ServiceId};
use super::stack::StackSpec;

/// Edges of a loaded stack in both directions; free of cycles, since a file with one is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    dependencies: Vec<Vec<ServiceId>>,
    dependents: Vec<Vec<ServiceId>>,
    levels: Vec<Vec<ServiceId>>,
}

impl Graph {
    pub fn new(stack: &StackSpec) -> Self {
        let count = stack.services.len();
        let mut dependents = vec![Vec::new(); count];
        let mut dependencies = vec![Vec::new(); count];
        for service in &stack.services {
            for edge in &service.depends_on {
                dependencies[service.id.index()].push(edge.service);
                dependents[edge.service.index()].push(service.id);
            }
        }
        let levels =
            levels(&stack.services.iter().map(|service| service.id).collect::<Vec<_>>(), &dependencies, &dependents);
        Self { dependencies, dependents, levels }
    }

    /// What it waits for, directly.
    pub fn dependencies(&self, id: ServiceId) -> &[ServiceId] {
        &self.dependencies[id.index()]
    }

    /// What waits for it, directly.
    pub fn dependents(&self, id: ServiceId) -> &[ServiceId] {
        &self.dependents[id.index()]
    }

    /// Services without dependencies first; those of one level do not wait for each other.
    pub fn levels(&self) -> &[Vec<ServiceId>] {
        &self.levels
    }

    /// Every service after all that it depends on.
    pub fn order(&self) -> impl DoubleEndedIterator<Item = ServiceId> + '_ {
        self.levels.iter().flatten().copied()
    }

    /// The services and everything that they depend on.
    pub fn with_dependencies(&self, ids: impl IntoIterator<Item = ServiceId>) -> BTreeSet<ServiceId> {
        closure(ids, &self.dependencies)
    }

    /// The services and everything that depends on them.
    pub fn with_dependents(&self, ids: impl IntoIterator<Item = ServiceId>) -> BTreeSet<ServiceId> {
        closure(ids, &self.dependents)
    }
}

fn closure(ids: impl IntoIterator<Item = ServiceId>, edges: &[Vec<ServiceId>]) -> BTreeSet<ServiceId> {
    let mut found = BTreeSet::new();
    let mut open = ids.into_iter().collect::<Vec<_>>();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(&edges[id.index()]);
        }
    }
    found
}

fn levels(ids: &[ServiceId], dependencies: &[Vec<ServiceId>], dependents: &[Vec<ServiceId>]) -> Vec<Vec<ServiceId>> {
    let mut waiting = dependencies.iter().map(Vec::len).collect::<Vec<_>>();
    let mut level = ids.iter().copied().filter(|id| waiting[id.index()] == 0).collect::<Vec<_>>();
    let mut levels = Vec::new();
    while !level.is_empty() {
        let mut next = Vec::new();
        for id in level.iter().flat_map(|id| &dependents[id.index()]) {
            waiting[id.index()] -= 1;
            if waiting[id.index()] == 0 {
                next.push(*id);
            }
        }
        next.sort_unstable();
        levels.push(std::mem::replace(&mut level, next));
    }
    levels
}

/// One cycle of every knot in the graph, each as the nodes of its path; `edges[n]` are the nodes that `n` points to.
pub fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        if marks[start] != Mark::New {
            continue;
        }
        // The path from `start`, with the number of the next edge to follow at each node.
        let mut path = vec![(start, 0)];
        marks[start] = Mark::Open;
        while let Some((node, next)) = path.last_mut() {
            match edges[*node].get(*next).copied() {
                None => {
                    marks[*node] = Mark::Done;
                    path.pop();
                }
                Some(target) => {
                    *next += 1;
                    match marks[target] {
                        Mark::New => {
                            marks[target] = Mark::Open;
                            path.push((target, 0));
                        }
                        Mark::Open => {
                            let from = path.iter().position(|(node, _)| *node == target).unwrap_or(0);
                            found.push(path[from..].iter().map(|(node, _)| *node).collect());
                        }
                        Mark::Done => {}
                    }
                }
            }
        }
    }
    found
}

/// The graph as a Mermaid flow chart: arrows point from a service to what waits for it.
pub fn mermaid(stack: &StackSpec) -> String {
    let mut text = String::from("flowchart LR\n");
    for service in &stack.services {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    s{}[\"{}\"]", service.id.0, service.name);
    }
    for service in &stack.services {
        for edge in &service.depends_on {
            let label = match edge.condition {
                Condition::Started => "started",
                Condition::Ready => "ready",
                Condition::Completed => "completed",
                Condition::CompletedSuccessfully => "completed successfully",
                Condition::LogReady => "log ready",
                Condition::Stopped => "stopped",
            };
            let arrow = if edge.required { "-->" } else { "-.->" };
            let _ = writeln!(text, "    s{} {arrow}|{label}| s{}", edge.service.0, service.id.0);
        }
    }
    text
}
