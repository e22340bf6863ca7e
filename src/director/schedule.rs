//! When tasks are due: the grid of one task, and the machine that says which of all tasks is next.
//!
//! Pure: the wall clock is an argument, in milliseconds since 1970, because tasks are about times of day. Occurrences lie
//! on the grid `init + k * interval`, so that nothing drifts and a restart changes nothing. What was due while nobody
//! looked is counted, never caught up.

use std::collections::{BTreeSet, HashMap};

use jiff::tz::TimeZone;
use serde_json::Value;

use super::task::Task;
use crate::governify::dates;

/// Milliseconds since 1970.
pub type Millis = i64;

/// An interval below one millisecond cannot be told from a loop.
const SHORTEST: f64 = 1.0;

/// An occurrence noticed later than this is not run any more: the machine slept or its clock was set. The original looks
/// once in so many milliseconds.
pub const LATE: Millis = 3_000;

/// How far ahead the original programs occurrences; as far, the status of a task tells its next one.
pub const HORIZON: Millis = 10_000;

/// What a task's `init`, `interval` and `end` make together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    init: f64,
    interval: f64,
    end: f64,
}

/// Why a task has no grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoGrid {
    #[error("init is not a date")]
    Init,
    #[error("interval is not a number")]
    Interval,
    #[error("interval is shorter than a millisecond")]
    Short,
    #[error("end is not a date")]
    End,
}

impl Grid {
    pub fn of(task: &Task, zone: &TimeZone) -> Result<Self, NoGrid> {
        let date = |name| task.get(name).and_then(|value| dates::of_value(value, zone));
        let init = date("init").ok_or(NoGrid::Init)?.as_millisecond() as f64;
        let interval = task.get("interval").and_then(number).ok_or(NoGrid::Interval)?;
        let end = date("end").ok_or(NoGrid::End)?.as_millisecond() as f64;
        if interval < SHORTEST { Err(NoGrid::Short) } else { Ok(Self { init, interval, end }) }
    }

    /// The first occurrence strictly after `now` and strictly before the end.
    pub fn after(&self, now: Millis) -> Option<Millis> {
        let now = now as f64;
        let mut steps = if now < self.init { 0.0 } else { ((now - self.init) / self.interval).floor() };
        let mut time = (self.init + steps * self.interval).floor();
        while time <= now {
            steps += 1.0;
            time = (self.init + steps * self.interval).floor();
        }
        (time < self.end).then_some(time as Millis)
    }

    /// The last occurrence up to and including `now`.
    fn up_to(&self, now: Millis) -> Option<Millis> {
        let now = now as f64;
        if now < self.init {
            return None;
        }
        let last = now.min(self.end - 1.0);
        let steps = ((last - self.init) / self.interval).floor();
        let time = (self.init + steps * self.interval).floor();
        (time >= self.init && time < self.end).then_some(time as Millis)
    }

    /// Whether `time` is one of its occurrences.
    pub fn holds(&self, time: Millis) -> bool {
        self.after(time - 1) == Some(time)
    }
}

/// When a task ends, if it says so; then it is removed.
pub fn end_of(task: &Task, zone: &TimeZone) -> Option<Millis> {
    task.get("end").and_then(|value| dates::of_value(value, zone)).map(|end| end.as_millisecond())
}

/// Numbers, and texts that are numbers.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// What the machine has to know of a task that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub id: String,
    pub grid: Result<Grid, NoGrid>,
    pub end: Option<Millis>,
    pub may_overlap: bool,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// These are all running tasks now.
    Plans(Vec<Plan>),
    /// The deadline has come.
    Woken,
    /// Somebody set the clock: what was thought to come may have been, or come again.
    ClockSet,
    /// A run of this task is over.
    Finished(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Output {
    Fire {
        id: String,
        at: Millis,
    },
    /// The run before is still going on.
    Overlaps {
        id: String,
        at: Millis,
    },
    /// Noticed too late, so many of them.
    Missed {
        id: String,
        count: u64,
    },
    /// Its end has passed.
    Expire {
        id: String,
    },
    /// It will never be due, and this is the first time that one sees it.
    Never {
        id: String,
        why: NoGrid,
    },
}

#[derive(Debug)]
struct Entry {
    plan: Plan,
    /// The next moment at which something is to be done about it.
    next: Option<Millis>,
    runs: usize,
}

/// All running tasks and their next moments.
#[derive(Debug, Default)]
pub struct Schedule {
    entries: HashMap<String, Entry>,
    /// Moments in order; each belongs to the entry whose `next` it is.
    moments: BTreeSet<(Millis, String)>,
    /// Runs of tasks that are no longer planned.
    orphans: HashMap<String, usize>,
}

impl Schedule {
    /// When to call `step` with [`Input::Woken`].
    pub fn next_deadline(&self) -> Option<Millis> {
        self.moments.first().map(|(time, _)| *time)
    }

    /// How many tasks are planned.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Output> {
        let outputs = match input {
            Input::Plans(plans) => self.replace(now, plans),
            Input::Woken => self.wake(now),
            Input::ClockSet => self.start_again(now),
            Input::Finished(id) => {
                self.finish(&id);
                Vec::new()
            }
        };
        debug_assert!(self.is_consistent());
        outputs
    }

    fn replace(&mut self, now: Millis, plans: Vec<Plan>) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut before = std::mem::take(&mut self.entries);
        // Moments of plans that stay as they are stay too, also those that have just passed.
        for plan in plans {
            if self.entries.contains_key(&plan.id) {
                continue;
            }
            let entry = match before.remove(&plan.id) {
                Some(entry) if entry.plan == plan => entry,
                earlier => {
                    if let Err(why) = plan.grid {
                        outputs.push(Output::Never { id: plan.id.clone(), why });
                    }
                    let runs = match earlier {
                        Some(earlier) => {
                            self.forget(&earlier);
                            earlier.runs
                        }
                        None => self.orphans.remove(&plan.id).unwrap_or(0),
                    };
                    Entry { next: next_moment(&plan, now), plan, runs }
                }
            };
            if let Some(next) = entry.next {
                self.moments.insert((next, entry.plan.id.clone()));
            }
            self.entries.insert(entry.plan.id.clone(), entry);
        }
        for (id, entry) in before {
            self.forget(&entry);
            if entry.runs > 0 {
                self.orphans.insert(id, entry.runs);
            }
        }
        // What has ended already is told now.
        outputs.extend(self.wake(now));
        outputs
    }

    fn forget(&mut self, entry: &Entry) {
        if let Some(next) = entry.next {
            self.moments.remove(&(next, entry.plan.id.clone()));
        }
    }

    fn wake(&mut self, now: Millis) -> Vec<Output> {
        let mut due = Vec::new();
        while self.moments.first().is_some_and(|(time, _)| *time <= now)
            && let Some(moment) = self.moments.pop_first()
        {
            due.push(moment);
        }
        let mut outputs = Vec::new();
        for (time, id) in due {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            outputs.extend(entry.due(time, now));
            if let Some(next) = entry.next {
                self.moments.insert((next, id));
            }
        }
        outputs
    }

    fn start_again(&mut self, now: Millis) -> Vec<Output> {
        // First what was due in either case: a small correction of the clock loses nothing.
        let outputs = self.wake(now);
        self.moments.clear();
        for (id, entry) in &mut self.entries {
            if entry.next.is_some() {
                entry.next = next_moment(&entry.plan, now);
            }
            if let Some(next) = entry.next {
                self.moments.insert((next, id.clone()));
            }
        }
        outputs
    }

    fn finish(&mut self, id: &str) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.runs = entry.runs.saturating_sub(1);
        } else if let Some(runs) = self.orphans.get_mut(id) {
            *runs -= 1;
            if *runs == 0 {
                self.orphans.remove(id);
            }
        }
    }

    fn is_consistent(&self) -> bool {
        let of_entries = self.entries.values().filter(|entry| entry.next.is_some()).count();
        let known = |(time, id): &(Millis, String)| self.entries.get(id).is_some_and(|entry| entry.next == Some(*time));
        of_entries == self.moments.len() && self.moments.iter().all(known)
    }
}

/// The next occurrence, or when there is none any more, the first moment after the end. A task that ended already is due
/// at once.
fn next_moment(plan: &Plan, now: Millis) -> Option<Millis> {
    let ended = plan.end.map(|end| (end + 1).max(now));
    if plan.end.is_some_and(|end| now > end) {
        return ended;
    }
    plan.grid.ok().and_then(|grid| grid.after(now)).or(ended)
}

impl Entry {
    /// Its moment `time` has come. `next` is set anew.
    fn due(&mut self, time: Millis, now: Millis) -> Vec<Output> {
        let id = || self.plan.id.clone();
        if self.plan.end.is_some_and(|end| now > end) {
            // Told once; the removal comes back as a change of the folder.
            self.next = None;
            return vec![Output::Expire { id: id() }];
        }
        let Ok(grid) = self.plan.grid else {
            self.next = next_moment(&self.plan, now);
            return Vec::new();
        };
        let latest = grid.up_to(now).filter(|latest| *latest >= time);
        let mut outputs = Vec::new();
        if let Some(latest) = latest {
            let passed = ((latest - time) as f64 / grid.interval).round() as u64;
            let (late, missed) = if now - latest > LATE { (true, passed + 1) } else { (false, passed) };
            if missed > 0 {
                outputs.push(Output::Missed { id: id(), count: missed });
            }
            if !late && self.runs > 0 && !self.plan.may_overlap {
                outputs.push(Output::Overlaps { id: id(), at: latest });
            } else if !late {
                outputs.push(Output::Fire { id: id(), at: latest });
                self.runs += 1;
            }
        }
        self.next = next_moment(&self.plan, now);
        outputs
    }
}

#[cfg(test)]
mod tests;
