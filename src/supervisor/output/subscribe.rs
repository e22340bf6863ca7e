//! Lines as they come, for a terminal. A slow reader loses lines and is told how many; nobody ever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::line::{LogLine, Stream, parse_line};

/// Everybody who wants lines.
#[derive(Debug, Default)]
pub struct Subscribers {
    list: Mutex<Vec<Subscriber>>,
    /// So that a stack nobody looks at costs one load per chunk.
    count: AtomicUsize,
}

#[derive(Debug)]
struct Subscriber {
    /// The one service it wants lines of, or all.
    only: Option<Arc<str>>,
    lines: mpsc::Sender<LogLine>,
    lost: Arc<AtomicU64>,
}

/// The receiving end, bounded.
#[derive(Debug)]
pub struct Subscription {
    lines: mpsc::Receiver<LogLine>,
    lost: Arc<AtomicU64>,
}

impl Subscribers {
    pub fn add(&self, capacity: usize, only: Option<Arc<str>>) -> Subscription {
        let (sender, lines) = mpsc::channel(capacity.max(2));
        let lost = Arc::new(AtomicU64::new(0));
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(Subscriber { only, lines: sender, lost: lost.clone() });
        self.count.store(list.len(), Ordering::Release);
        Subscription { lines, lost }
    }

    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Offers the records of one chunk to everybody.
    pub fn offer(&self, service: &Arc<str>, records: &[u8], first_sequence: u64) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|subscriber| !subscriber.lines.is_closed());
        self.count.store(list.len(), Ordering::Release);
        if list.is_empty() {
            return;
        }
        let ends = memchr::memchr_iter(b'\n', records);
        let mut start = 0;
        for (sequence, end) in (first_sequence..).zip(ends) {
            let record = &records[start..end];
            start = end + 1;
            for subscriber in list.iter().filter(|subscriber| subscriber.wants(service)) {
                subscriber.offer(service, record, sequence);
            }
        }
    }
}

impl Subscriber {
    fn wants(&self, service: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == service)
    }

    fn offer(&self, service: &Arc<str>, record: &[u8], sequence: u64) {
        if self.lost.load(Ordering::Acquire) > 0 {
            match self.lines.try_reserve() {
                Ok(place) => {
                    let lost = self.lost.swap(0, Ordering::AcqRel);
                    if lost > 0 {
                        place.send(loss(lost));
                    }
                }
                Err(_) => {
                    self.lost.fetch_add(1, Ordering::AcqRel);
                    return;
                }
            }
        }
        match self.lines.try_reserve() {
            // A copy of its own, so that a queued line never holds a whole chunk.
            Ok(place) => {
                if let Some(record) = parse_line(record) {
                    place.send(record.to_line(service, sequence));
                }
            }
            Err(_) => {
                self.lost.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

impl Subscription {
    /// The next line, or the mark of a loss at the place where lines are missing. `None`: the hub has ended.
    pub async fn recv(&mut self) -> Option<LogLine> {
        match self.try_recv() {
            Some(line) => Some(line),
            None => self.lines.recv().await,
        }
    }

    /// The next line, if one is there.
    pub fn try_recv(&mut self) -> Option<LogLine> {
        match self.lines.try_recv() {
            Ok(line) => Some(line),
            Err(_) => match self.lost.swap(0, Ordering::AcqRel) {
                0 => None,
                lost => Some(loss(lost)),
            },
        }
    }
}

fn loss(lost: u64) -> LogLine {
    LogLine {
        service: Arc::from(""),
        wall: Timestamp::now(),
        stream: Stream::Reeve,
        partial: false,
        bytes: Bytes::from(format!("{lost} lines are not shown here: the reader is too slow (the log has them)")),
        sequence: 0,
    }
}
