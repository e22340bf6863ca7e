//! A digest of what the engine said, to compare two runs of one seed.

use std::hash::{DefaultHasher, Hash};

use crate::engine::Effect;

pub(super) fn hash_effect(effect: &Effect, hasher: &mut DefaultHasher) {
    std::mem::discriminant(effect).hash(hasher);
    match effect {
        Effect::Prepare { service, run } | Effect::Spawn { service, run } | Effect::KillTree { service, run } => {
            (service, run).hash(hasher);
        }
        Effect::Probe { service, run, sequence, .. } => (service, run, sequence).hash(hasher),
        Effect::Record(record) => record.message.hash(hasher),
        Effect::Reply { request, .. } => request.hash(hasher),
        _ => {}
    }
}
