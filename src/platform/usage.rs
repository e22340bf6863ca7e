//! What processes use, read from `/proc` at the moment somebody asks.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::identity;

/// Of some processes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory. Of what processes may share (files, shared memory) the largest part counts once, since it is
    /// mostly the same pages in each of them.
    pub memory_bytes: u64,
    /// Processor time of those that live.
    pub cpu: Duration,
}

/// The sum over these processes; who has ended meanwhile adds nothing.
pub fn usage(pids: &[i32]) -> Usage {
    let (mut own, mut shared, mut cpu) = (0, 0, Duration::ZERO);
    for pid in pids {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        own += kibibytes(&status, "RssAnon:");
        shared = shared.max(kibibytes(&status, "RssFile:") + kibibytes(&status, "RssShmem:"));
        cpu += cpu_time(&fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()).unwrap_or_default();
    }
    Usage { memory_bytes: (own + shared) * 1024, cpu }
}

fn kibibytes(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

/// User and system time: the 14th and 15th field of `/proc/<pid>/stat`.
fn cpu_time(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    Some(Duration::from_millis(ticks * 1000 / u64::try_from(per_second).ok()?))
}

/// Each leader with everything below it, by one look at all processes.
pub fn families(leaders: &[i32]) -> Vec<Vec<i32>> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for stat in identity::processes() {
        children.entry(stat.parent).or_default().push(stat.pid);
    }
    let family = |leader: &i32| {
        let mut members = vec![*leader];
        let mut next = 0;
        while let Some(pid) = members.get(next) {
            members.extend(children.get(pid).into_iter().flatten().copied());
            next += 1;
        }
        members
    };
    leaders.iter().map(family).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_use_memory_and_our_family_is_ours() {
        let own = std::process::id() as i32;
        let families = families(&[own]);
        assert_eq!(families[0][0], own);
        assert!(usage(&families[0]).memory_bytes > 100 << 10);
        assert_eq!(usage(&[i32::MAX]), Usage::default());
    }

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let stat = "7 (a) S 1 (b)) S 1 2 3 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 777 8 9\n";
        assert_eq!(cpu_time(stat), Some(Duration::from_secs(2)));
    }
}
