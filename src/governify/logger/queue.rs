//! A bounded queue between those who log and the one who writes.
//!
//! Putting in never waits. Taking out goes in batches: what came while one was being written is the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use tokio::sync::mpsc;

use super::record::Record;

/// Records that may wait: some seconds of a busy service. Usually a megabyte, and never more than
/// [`super::record::LONGEST`] for each.
pub const LENGTH: usize = 4096;
/// Records written at once.
pub const BATCH: usize = 512;

/// The end of those who log.
#[derive(Debug, Clone)]
pub struct Lane {
    records: mpsc::Sender<Arc<Record>>,
    flushes: mpsc::UnboundedSender<Flush>,
    dropped: Arc<AtomicU64>,
}

/// Told whether everything was written.
pub type Flush = SyncSender<bool>;

/// The end of the one who writes.
#[derive(Debug)]
pub struct Queue {
    records: mpsc::Receiver<Arc<Record>>,
    flushes: mpsc::UnboundedReceiver<Flush>,
    asked: Vec<Flush>,
}

pub fn lane() -> (Lane, Queue) {
    let (records, received) = mpsc::channel(LENGTH);
    // One entry per end of a process.
    let (flushes, asked) = mpsc::unbounded_channel();
    let lane = Lane { records, flushes, dropped: Arc::default() };
    (lane, Queue { records: received, flushes: asked, asked: Vec::new() })
}

impl Lane {
    pub fn put(&self, record: Arc<Record>) {
        if self.records.try_send(record).is_err() {
            self.drop_some(1);
        }
    }

    pub fn drop_some(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether everything that was put in is written at the deadline.
    pub fn flush(&self, deadline: Instant) -> bool {
        let (done, written) = sync_channel(1);
        if self.flushes.send(done).is_err() {
            // Nobody writes, so nothing was meant to be written.
            return true;
        }
        written.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or(false)
    }
}

impl Queue {
    /// Waits for records and puts them into the batch; false when there will be none any more. Who asked for a flush is
    /// answered once there is nothing left.
    pub async fn take(&mut self, batch: &mut Vec<Arc<Record>>) -> bool {
        loop {
            if self.records.is_empty() {
                self.answer(true);
            }
            tokio::select! {
                biased;
                count = self.records.recv_many(batch, BATCH) => return count > 0,
                Some(flush) = self.flushes.recv() => self.asked.push(flush),
            }
        }
    }

    /// Waits for somebody who asks for a flush.
    pub async fn asked(&mut self) {
        match self.flushes.recv().await {
            Some(flush) => self.asked.push(flush),
            // Nobody can ask any more.
            None => std::future::pending().await,
        }
    }

    /// Tells those who asked.
    pub fn answer(&mut self, is_written: bool) {
        for flush in self.asked.drain(..) {
            // Who asked may have stopped waiting.
            let _ = flush.send(is_written);
        }
    }
}
