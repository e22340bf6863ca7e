//! From the limits of the specification to what the kernel is asked for.

use crate::platform::Rlimit;
use crate::platform::limits::Limits;
use crate::spec::LimitsSpec;

/// Limits on the whole tree.
pub fn asked(spec: &LimitsSpec) -> Limits {
    Limits { memory_bytes: spec.memory_bytes, cpu_percent: spec.cpu_percent, processes: spec.processes }
}

/// Limits on the leader, inherited by its children.
pub fn rlimits(spec: &LimitsSpec) -> Vec<Rlimit> {
    let limit = |resource, value: Option<u64>| value.map(|value| Rlimit { resource, soft: value, hard: value });
    [limit(libc::RLIMIT_NOFILE, spec.open_files), limit(libc::RLIMIT_CORE, spec.core_bytes)]
        .into_iter()
        .flatten()
        .collect()
}
