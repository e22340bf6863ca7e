//! Which way each service is run: the first of its alternatives whose parts can be had.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::assemble::part_facts;
use super::facts::PartFacts;
use crate::engine::{Failure, FailureKind};
use crate::parts::{self, PartError, PartsEnv, Resolved};
use crate::spec::{PartSpec, ServiceId, ServiceSpec, StackSpec};
use crate::volumes;

/// What came of it.
#[derive(Debug, Default)]
pub struct Selection {
    pub parts: BTreeMap<String, PartFacts>,
    /// Services for which an alternative stands in, and its preset.
    pub chosen: BTreeMap<ServiceId, String>,
    /// Services none of whose alternatives can be had.
    pub unavailable: BTreeMap<ServiceId, Failure>,
    /// For those, every place that was tried and what came of it.
    pub tried: BTreeMap<ServiceId, Vec<String>>,
}

/// Brings the parts, all at once, and puts the chosen alternative in each service's place.
pub async fn select(
    stack: &mut StackSpec,
    volume_paths: &BTreeMap<String, PathBuf>,
    env: &PartsEnv,
    say: &(dyn Fn(&str) + Sync),
) -> Selection {
    let mut tried: BTreeMap<String, Result<Resolved, PartError>> = BTreeMap::new();
    let mut selection = Selection::default();
    let mut open: BTreeMap<ServiceId, Vec<ServiceSpec>> =
        stack.services.iter().map(|service| (service.id, candidates(service, volume_paths))).collect();
    // Each round brings the parts of the first candidate left of every open service.
    while !open.is_empty() {
        let wanted: BTreeSet<&str> = open
            .values()
            .filter_map(|candidates| candidates.first())
            .flat_map(|candidate| candidate.parts.iter().map(String::as_str))
            .filter(|part| !tried.contains_key(*part))
            .collect();
        let specs: Vec<PartSpec> = wanted.iter().filter_map(|name| stack.parts.get(*name).cloned()).collect();
        for (spec, result) in parts::install_all(&specs, env).await {
            tried.insert(spec.name.clone(), result);
        }
        open.retain(|id, candidates| {
            let Some(candidate) = candidates.first() else { return false };
            let missing = candidate.parts.iter().find(|part| !matches!(tried.get(*part), Some(Ok(_))));
            let Some(missing) = missing else {
                let first = stack.service(*id).preset.clone();
                if candidate.preset != first {
                    let stand_in = candidate.preset.clone().unwrap_or_default();
                    say(&format!("{}: {stand_in} in place of {}", candidate.name, first.unwrap_or_default()));
                    selection.chosen.insert(*id, stand_in);
                }
                stack.services[id.index()] = candidate.clone();
                return false;
            };
            let (failure, places) = unavailable(missing, tried.get(missing));
            candidates.remove(0);
            let was_last = candidates.is_empty();
            // The first choice tells best what to bring.
            selection.unavailable.entry(*id).or_insert(failure);
            selection.tried.entry(*id).or_default().extend(places);
            !was_last
        });
    }
    let unavailable: Vec<ServiceId> = selection.unavailable.keys().copied().collect();
    for id in unavailable {
        let service = stack.service(id);
        let had = service.parts.iter().all(|part| matches!(tried.get(part), Some(Ok(_))));
        if had {
            selection.unavailable.remove(&id);
            selection.tried.remove(&id);
        }
    }
    selection.parts =
        tried.iter().filter_map(|(name, result)| Some((name.clone(), part_facts(result.as_ref().ok()?)))).collect();
    selection
}

/// The service itself, then its alternatives; the one whose data is there already comes first.
fn candidates(service: &ServiceSpec, volume_paths: &BTreeMap<String, PathBuf>) -> Vec<ServiceSpec> {
    let mut own = service.clone();
    let alternatives = std::mem::take(&mut own.alternatives);
    let mut all: Vec<ServiceSpec> = std::iter::once(own).chain(alternatives).collect();
    let maker = service
        .volumes
        .values()
        .filter_map(|volume| volume_paths.get(volume))
        // A manifest that cannot be read is told when the volume is prepared.
        .find_map(|path| volumes::existing(path).ok().flatten())
        .and_then(|manifest| manifest.preset);
    if let Some(maker) = maker {
        all.sort_by_key(|candidate| candidate.preset.as_deref() != Some(maker.as_str()));
    }
    all
}

/// The last place that was tried is part of the reason; all of them stand in the service's log.
fn unavailable(part: &str, tried: Option<&Result<Resolved, PartError>>) -> (Failure, Vec<String>) {
    let (message, hint, places) = match tried {
        Some(Err(error)) => (crate::telemetry::chain(error), error.hint(), error.details()),
        _ => (format!("no part {part} is declared"), Some(format!("declare [parts.{part}]")), Vec::new()),
    };
    let places = places.into_iter().map(|place| format!("part {part}: {place}")).collect();
    (Failure { kind: FailureKind::Permanent, message, hint }, places)
}
