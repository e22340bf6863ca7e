//! Limits on a whole tree, by whatever this machine has for them, and an honest account of what holds.

use std::fmt;

use super::hierarchy;
use super::tree::Tree;

/// Controllers that limits use.
pub const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];
pub const UNIFIED: &str = "cgroup v2";
pub const LEGACY: &str = "cgroup v1";
/// The period that a share of CPU time refers to, in microseconds.
const PERIOD: u64 = 100_000;

/// What all processes of a tree together may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    /// Of one CPU: 250 is two and a half.
    pub cpu_percent: Option<u32>,
    pub processes: Option<u64>,
}

impl Limits {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforcement {
    pub what: &'static str,
    /// For people: `400 MB`.
    pub amount: String,
    /// The mechanism that holds it, or why nothing does.
    pub outcome: Result<&'static str, String>,
}

impl Enforcement {
    pub fn holds(&self) -> bool {
        self.outcome.is_ok()
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(mechanism) => write!(f, "{} {} by {mechanism}", self.what, self.amount),
            Err(reason) => write!(f, "{} not enforced: {reason}", self.what),
        }
    }
}

/// One limit as the files of both cgroup versions.
struct Wanted {
    what: &'static str,
    amount: String,
    controller: &'static str,
    unified: (&'static str, String),
    legacy: Vec<(&'static str, String)>,
}

/// Puts limits on a tree that nothing runs in yet. A start must then use `Tree::joins`.
pub fn apply(tree: &Tree, limits: &Limits) -> Vec<Enforcement> {
    let enforce = |wanted: Wanted| {
        let outcome = unified(tree, &wanted).unwrap_or_else(|| legacy(tree, &wanted));
        Enforcement { what: wanted.what, amount: wanted.amount, outcome }
    };
    wanted(limits).into_iter().map(enforce).collect()
}

fn wanted(limits: &Limits) -> Vec<Wanted> {
    let memory = limits.memory_bytes.map(|bytes| Wanted {
        what: "memory",
        amount: size(bytes),
        controller: "memory",
        unified: ("memory.max", bytes.to_string()),
        legacy: vec![("memory.limit_in_bytes", bytes.to_string())],
    });
    let cpu = limits.cpu_percent.map(|percent| {
        // The kernel takes no less than one millisecond.
        let quota = (u64::from(percent) * PERIOD / 100).max(1000);
        Wanted {
            what: "cpu",
            amount: format!("{percent} %"),
            controller: "cpu",
            unified: ("cpu.max", format!("{quota} {PERIOD}")),
            legacy: vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota.to_string())],
        }
    });
    let processes = limits.processes.map(|count| Wanted {
        what: "processes",
        amount: count.to_string(),
        controller: "pids",
        unified: ("pids.max", count.to_string()),
        legacy: vec![("pids.max", count.to_string())],
    });
    [memory, cpu, processes].into_iter().flatten().collect()
}

/// `None` when the tree's own group has no such controller.
fn unified(tree: &Tree, wanted: &Wanted) -> Option<Result<&'static str, String>> {
    let (file, text) = &wanted.unified;
    let group = tree.group().filter(|group| group.path.join(file).exists())?;
    let written = group.write(file, text);
    Some(match written {
        Ok(()) => Ok(UNIFIED),
        Err(error) => Err(format!("cannot write {}: {error}", group.path.join(file).display())),
    })
}

fn legacy(tree: &Tree, wanted: &Wanted) -> Result<&'static str, String> {
    let group = hierarchy::limit(wanted.controller, tree.name(), &wanted.legacy)?;
    tree.add_legacy(group);
    Ok(LEGACY)
}

/// In the largest unit that gives a whole number.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] =
        [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000)];
    let fits = UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{bytes} bytes"), |(name, unit)| format!("{} {name}", bytes / unit))
}
