//! What happened lately: a bounded ring of event lines, and readers that are told when they were too slow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::handle::EventLine;
use crate::engine::snapshot::Record;

/// Lines kept: a few hundred bytes each, so about a megabyte at most, and hours of a healthy stack.
pub const KEPT: usize = 4096;

#[derive(Debug)]
pub struct History {
    lines: Mutex<VecDeque<EventLine>>,
    /// Sequence number of the newest line; `u64::MAX` once no more will come.
    newest: watch::Sender<u64>,
}

impl Default for History {
    fn default() -> Self {
        Self { lines: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl History {
    pub fn push(&self, wall: Timestamp, record: Record) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = lines.back().map_or(1, |line| line.sequence + 1);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(EventLine { sequence, wall, record });
        self.newest.send_replace(sequence);
    }

    pub fn close(&self) {
        self.newest.send_replace(u64::MAX);
    }

    /// The newest lines of a service, oldest first.
    pub fn of(&self, service: &str, count: usize) -> Vec<EventLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = lines.iter().rev().filter(|line| line.record.service == service).take(count).cloned();
        let mut newest_first = found.by_ref().collect::<Vec<_>>();
        newest_first.reverse();
        newest_first
    }

    fn next_sequence(&self) -> u64 {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).back().map_or(1, |line| line.sequence + 1)
    }

    fn at(&self, wanted: u64) -> Option<EventStep> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = lines.front()?.sequence;
        if wanted < oldest {
            return Some(EventStep::Dropped { from: wanted, to: oldest - 1 });
        }
        let index = usize::try_from(wanted - oldest).ok()?;
        lines.get(index).cloned().map(EventStep::Line)
    }
}

/// What a reader of the history gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventStep {
    Line(EventLine),
    /// These are no longer kept: read the state anew, then go on.
    Dropped {
        from: u64,
        to: u64,
    },
}

/// A reader's place in the history.
#[derive(Debug)]
pub struct Events {
    history: Arc<History>,
    newest: watch::Receiver<u64>,
    next: u64,
}

impl Events {
    pub(super) fn new(history: Arc<History>, from: Option<u64>) -> Self {
        let newest = history.newest.subscribe();
        let next = from.map_or_else(|| history.next_sequence(), |from| from.max(1));
        Self { history, newest, next }
    }

    /// The next one, if it has happened already.
    pub fn next_now(&mut self) -> Option<EventStep> {
        let step = self.history.at(self.next)?;
        self.next = match &step {
            EventStep::Line(line) => line.sequence + 1,
            EventStep::Dropped { to, .. } => to + 1,
        };
        Some(step)
    }

    /// Waits for the next one. `None`: the supervisor has ended.
    pub async fn next(&mut self) -> Option<EventStep> {
        loop {
            // Marked as seen before looking, so that nothing falls between look and wait.
            let closed = *self.newest.borrow_and_update() == u64::MAX;
            if let Some(step) = self.next_now() {
                return Some(step);
            }
            if closed || self.newest.changed().await.is_err() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str) -> Record {
        Record {
            service: "a".to_owned(),
            run: None,
            kind: "phase".to_owned(),
            phase: None,
            message: message.to_owned(),
            cause: None,
        }
    }

    fn push(history: &History, count: usize) {
        for number in 0..count {
            history.push(Timestamp::UNIX_EPOCH, record(&number.to_string()));
        }
    }

    #[tokio::test]
    async fn a_reader_gets_every_line_once_and_then_the_end() {
        let history = Arc::new(History::default());
        push(&history, 2);
        let mut events = Events::new(history.clone(), Some(2));
        let mut to_come = Events::new(history.clone(), None);
        push(&history, 1);
        history.close();
        let mut seen = Vec::new();
        while let Some(EventStep::Line(line)) = events.next().await {
            seen.push(line.sequence);
        }
        assert_eq!(seen, [2, 3]);
        assert!(matches!(to_come.next().await, Some(EventStep::Line(line)) if line.sequence == 3));
        assert_eq!(to_come.next().await, None);
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_what_it_missed() {
        let history = Arc::new(History::default());
        let mut events = Events::new(history.clone(), Some(1));
        push(&history, KEPT + 10);
        assert_eq!(events.next().await, Some(EventStep::Dropped { from: 1, to: 10 }));
        assert!(matches!(events.next().await, Some(EventStep::Line(line)) if line.sequence == 11));
    }

    #[test]
    fn the_lines_of_a_service_come_oldest_first() {
        let history = History::default();
        push(&history, 5);
        let numbers = history.of("a", 2).into_iter().map(|line| line.sequence).collect::<Vec<_>>();
        assert_eq!(numbers, [4, 5]);
        assert!(history.of("b", 2).is_empty());
    }
}
