//! Time as the engine knows it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the monotonic clock, in nanoseconds since an arbitrary start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Tick(pub u64);

impl Tick {
    pub fn after(self, span: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Time passed since `earlier`; zero if that lies ahead.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// What a deadline of a service is for. At most one of each kind is set at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Timer {
    /// The end of the back-off.
    Start,
    /// Not ready by then: the start has failed.
    Ready,
    /// The next readiness probe, or the end of patience with the one under way.
    Readiness,
    /// The same for liveness.
    Liveness,
    /// Ready for long enough: the back-off begins anew.
    Stable,
    /// Patience with a stopping process or its children ends.
    Grace,
    /// The whole stack has to be down.
    Shutdown,
}

pub(super) const TIMERS: usize = 7;

/// Deadlines of all services, ordered. Setting, clearing and finding the next one take O(log n).
#[derive(Debug, Default)]
pub(super) struct Timers {
    order: std::collections::BTreeSet<(Tick, u32, Timer)>,
    slots: Vec<[Option<Tick>; TIMERS]>,
}

impl Timers {
    pub(super) fn new(owners: usize) -> Self {
        Self { order: std::collections::BTreeSet::new(), slots: vec![[None; TIMERS]; owners] }
    }

    pub(super) fn set(&mut self, owner: u32, timer: Timer, at: Tick) {
        let slot = &mut self.slots[owner as usize][timer as usize];
        if let Some(old) = slot.replace(at) {
            if old == at {
                return;
            }
            self.order.remove(&(old, owner, timer));
        }
        self.order.insert((at, owner, timer));
    }

    pub(super) fn clear(&mut self, owner: u32, timer: Timer) {
        if let Some(old) = self.slots[owner as usize][timer as usize].take() {
            self.order.remove(&(old, owner, timer));
        }
    }

    pub(super) fn clear_all(&mut self) {
        self.order.clear();
        self.slots.fill([None; TIMERS]);
    }

    pub(super) fn get(&self, owner: u32, timer: Timer) -> Option<Tick> {
        self.slots[owner as usize][timer as usize]
    }

    pub(super) fn next(&self) -> Option<Tick> {
        self.order.first().map(|(at, _, _)| *at)
    }

    /// Takes the earliest deadline that has passed.
    pub(super) fn pop_due(&mut self, now: Tick) -> Option<(u32, Timer)> {
        let (at, owner, timer) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.slots[owner as usize][timer as usize] = None;
        Some((owner, timer))
    }
}

/// `120 ms`, `2.5 s`, `3 min`: for people.
pub(super) fn span_text(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..=999 => format!("{millis} ms"),
        1_000..=119_999 if millis % 1000 < 100 => format!("{} s", millis / 1000),
        1_000..=119_999 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} min", millis / 60_000),
    }
}
