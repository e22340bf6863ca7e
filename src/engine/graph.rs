//! The dependency graph as the engine walks it: both directions, one topological rank per service.

use crate::spec::{Condition, OnDependencyRestart};

use super::service::Service;

/// Somebody who depends on a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dependent {
    pub service: usize,
    /// It is not stopped before the dependency (it waits for the dependency's absence).
    pub inverse: bool,
    pub on_restart: OnDependencyRestart,
}

#[derive(Debug)]
pub(super) struct Graph {
    pub dependents: Vec<Vec<Dependent>>,
    pub dependencies: Vec<Vec<usize>>,
    ranks: Vec<u32>,
    order: Vec<usize>,
}

impl Graph {
    pub(super) fn new(services: &[Service]) -> Self {
        let mut dependents: Vec<Vec<Dependent>> = vec![Vec::new(); services.len()];
        let mut dependencies: Vec<Vec<usize>> = vec![Vec::new(); services.len()];
        for (index, service) in services.iter().enumerate() {
            for edge in &service.policy.depends_on {
                let Some(list) = dependents.get_mut(edge.service.index()) else { continue };
                list.push(Dependent {
                    service: index,
                    inverse: edge.condition == Condition::Stopped,
                    on_restart: edge.on_restart,
                });
                dependencies[index].push(edge.service.index());
            }
        }
        let order = order(&dependents, &dependencies);
        let mut ranks = vec![0; services.len()];
        for (rank, index) in order.iter().enumerate() {
            ranks[*index] = u32::try_from(rank).unwrap_or(u32::MAX);
        }
        Self { dependents, dependencies, ranks, order }
    }

    pub(super) fn rank(&self, index: usize) -> u32 {
        self.ranks[index]
    }

    pub(super) fn at_rank(&self, rank: u32) -> usize {
        self.order[rank as usize]
    }
}

/// Whether the condition can cease to hold by the dependency going down.
pub(super) fn is_live(condition: Condition) -> bool {
    matches!(condition, Condition::Started | Condition::Ready | Condition::LogReady)
}

/// Dependencies first. What lies on a cycle (the loader refuses those) comes last, in the order of the file.
fn order(dependents: &[Vec<Dependent>], dependencies: &[Vec<usize>]) -> Vec<usize> {
    let mut missing: Vec<usize> = dependencies.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..missing.len()).filter(|index| missing[*index] == 0).collect();
    let mut next = 0;
    while let Some(index) = order.get(next).copied() {
        next += 1;
        for dependent in &dependents[index] {
            missing[dependent.service] -= 1;
            if missing[dependent.service] == 0 {
                order.push(dependent.service);
            }
        }
    }
    order.extend((0..missing.len()).filter(|index| missing[*index] > 0));
    order
}

/// The set of ranks still to be looked at.
#[derive(Debug)]
pub(super) struct Marks {
    words: Vec<u64>,
    /// No word before this one has a bit.
    first: usize,
}

impl Marks {
    pub(super) fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)], first: 0 }
    }

    pub(super) fn insert(&mut self, rank: u32) {
        let word = rank as usize / 64;
        self.words[word] |= 1 << (rank % 64);
        self.first = self.first.min(word);
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        while let Some(word) = self.words.get_mut(self.first) {
            if *word == 0 {
                self.first += 1;
                continue;
            }
            let bit = word.trailing_zeros();
            *word &= *word - 1;
            return u32::try_from(self.first * 64).ok().map(|base| base + bit);
        }
        None
    }
}
