//! A process tree without a cgroup: found by session, group, parent and a marker in the environment.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::identity::{self, Stat};

/// The variable that marks a run's processes.
pub const MARKER: &str = "REEVE_RUN";
/// The parent of the kernel's own threads.
const KTHREADD: i32 = 2;
/// Rescans while waiting: no event tells when a stranger's child ends.
const RESCAN: [Duration; 3] = [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(50)];
/// Freezing rounds: each must stop at least one process more than the last, so a fork bomb runs out of living parents.
const FREEZE_ROUNDS: usize = 200;
/// Looks after a kill, for those that a look missed.
const KILL_ROUNDS: usize = 20;
/// Looks at a process that shows no environment, before it is taken for one that has none.
const UNSURE_LOOKS: usize = 3;

/// What is known of one run's processes.
#[derive(Debug)]
pub struct Scan {
    marker: Option<Vec<u8>>,
    /// Everything below a leader by parent, session or marker; without it, the leader's group only.
    whole_tree: bool,
    known: Mutex<Known>,
    /// Nobody may live any more: who is found late is killed too.
    condemned: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    members: HashSet<(i32, u64)>,
    sessions: HashSet<i32>,
    groups: HashSet<i32>,
    /// No member can be older: guards against numbers that were used before.
    since: u64,
}

impl Scan {
    pub fn new(marker: Option<&str>, whole_tree: bool) -> Self {
        let marker = marker.map(|m| format!("{MARKER}={m}").into_bytes());
        Self { marker, whole_tree, known: Mutex::default(), condemned: AtomicBool::new(false) }
    }

    /// Tells who leads; its session and group are its pid.
    pub fn add_leader(&self, pid: i32, start_time: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.members.insert((pid, start_time));
        known.sessions.insert(pid);
        known.groups.insert(pid);
        known.since = if known.since == 0 { start_time } else { known.since.min(start_time) };
    }

    /// The living members, by one look (repeated until nothing more follows from what was found).
    pub fn members(&self) -> Vec<Stat> {
        self.look().0
    }

    /// The living members, and whether somebody else could be one: who is just becoming another program shows no
    /// environment for a moment.
    fn look(&self) -> (Vec<Stat>, bool) {
        let all = identity::processes();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let own = std::process::id() as i32;
        let mut found: HashSet<i32> = HashSet::new();
        let mut unread: HashSet<i32> = HashSet::new();
        let mut bare: HashSet<i32> = HashSet::new();
        loop {
            let before = found.len();
            for stat in &all {
                if found.contains(&stat.pid) || stat.pid == own || stat.start_time < known.since {
                    continue;
                }
                let belongs = known.members.contains(&(stat.pid, stat.start_time))
                    || known.groups.contains(&stat.group)
                    || self.whole_tree && (known.sessions.contains(&stat.session) || found.contains(&stat.parent))
                    || self.whole_tree && unread.insert(stat.pid) && self.is_marked(stat, &mut bare);
                if belongs {
                    found.insert(stat.pid);
                    known.members.insert((stat.pid, stat.start_time));
                    if self.whole_tree {
                        known.sessions.insert(stat.session);
                        known.groups.insert(stat.group);
                    }
                }
            }
            if found.len() == before {
                break;
            }
        }
        let alive: Vec<Stat> = all.into_iter().filter(|s| found.contains(&s.pid) && !s.is_dead()).collect();
        // A number whose last process is gone may be given to a stranger: forget it.
        known.members = alive.iter().map(|s| (s.pid, s.start_time)).collect();
        known.sessions = alive.iter().map(|s| s.session).collect();
        known.groups = alive.iter().map(|s| s.group).collect();
        if !self.whole_tree {
            known.sessions.clear();
        }
        let unsure = bare.iter().any(|pid| !found.contains(pid));
        (alive, unsure)
    }

    /// Whoever shows no environment at all is put with the `bare`. One that may not be read is a stranger's.
    fn is_marked(&self, stat: &Stat, bare: &mut HashSet<i32>) -> bool {
        let Some(marker) = &self.marker else { return false };
        let Ok(environment) = fs::read(format!("/proc/{}/environ", stat.pid)) else { return false };
        if environment.is_empty() && !stat.is_dead() && stat.parent != KTHREADD {
            bare.insert(stat.pid);
        }
        environment.split(|b| *b == 0).any(|entry| entry == marker.as_slice())
    }

    /// Kills everybody, and whoever shows up later while `wait_empty` is waited for.
    pub fn kill(&self) -> io::Result<()> {
        self.condemned.store(true, Ordering::Relaxed);
        let mut killed = HashSet::new();
        for _ in 0..KILL_ROUNDS {
            if self.kill_found(&mut killed)? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Stops everybody first, so that nobody forks between the look and the kill; repeated until nobody is new. Answers
    /// how many were not killed before.
    fn kill_found(&self, killed: &mut HashSet<(i32, u64)>) -> io::Result<usize> {
        let mut stopped: HashSet<(i32, u64)> = HashSet::new();
        for _ in 0..FREEZE_ROUNDS {
            let known = |s: &Stat| stopped.contains(&(s.pid, s.start_time)) || killed.contains(&(s.pid, s.start_time));
            let fresh: Vec<Stat> = self.members().into_iter().filter(|s| !known(s)).collect();
            if fresh.is_empty() {
                break;
            }
            for stat in fresh {
                identity::signal_exact(stat.pid, stat.start_time, libc::SIGSTOP)?;
                stopped.insert((stat.pid, stat.start_time));
            }
        }
        let before = killed.len();
        for stat in self.members() {
            if killed.insert((stat.pid, stat.start_time)) {
                identity::signal_exact(stat.pid, stat.start_time, libc::SIGKILL)?;
            }
        }
        Ok(killed.len() - before)
    }

    /// Kills whoever is left, if anybody is, and waits until nobody is.
    pub async fn clear(&self) -> io::Result<()> {
        let (members, unsure) = self.look();
        if members.is_empty() && !unsure {
            return Ok(());
        }
        self.kill()?;
        self.wait_empty().await
    }

    /// Until a look finds nobody.
    pub async fn wait_empty(&self) -> io::Result<()> {
        let mut waits = RESCAN.iter();
        let mut wait = RESCAN[0];
        let mut empty_looks = 0;
        loop {
            let condemned = self.condemned.load(Ordering::Relaxed);
            let (members, unsure) = self.look();
            if members.is_empty() {
                empty_looks += 1;
                // After a kill one look is not enough: a process that was made during it can be missed.
                let enough = match (unsure, condemned) {
                    (true, _) => UNSURE_LOOKS,
                    (false, true) => 2,
                    (false, false) => 1,
                };
                if empty_looks >= enough {
                    break;
                }
            } else {
                empty_looks = 0;
                if condemned {
                    self.kill_found(&mut HashSet::new())?;
                }
            }
            wait = *waits.next().unwrap_or(&wait);
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}
