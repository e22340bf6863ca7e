//! Logs for whoever asks through the handle: what is written, and what comes, secrets blotted out.
//!
//! Files hold what services wrote, byte for byte; whoever may read them may read the secrets, too. Who asks through the
//! handle may be less than that, so what leaves here has the stack's secrets taken out.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::assembly::Assembly;
use super::handle::TailLine;
use super::output::{LogLine, LogReader, Subscription};
use crate::spec::ServiceId;

/// Lines of one answer: more than a person reads, and at most a few megabytes.
pub const MOST_LINES: usize = 5000;

/// Text of one answer; the oldest lines go first.
const MOST_BYTES: usize = 2 << 20;

/// Lines that wait for one follower; beyond them it is told how many it missed.
const WAITING: usize = 512;

/// The logs of a running stack.
#[derive(Debug, Clone)]
pub struct Logs {
    assembly: Arc<Assembly>,
}

impl Logs {
    pub fn new(assembly: Arc<Assembly>) -> Self {
        Self { assembly }
    }

    /// The newest `count` lines, of those since a time if one is given, oldest first; `true`: there were more. Blocks.
    pub fn read(&self, service: &str, count: usize, since: Option<Timestamp>) -> io::Result<(Vec<TailLine>, bool)> {
        let dir = self.assembly.layout.logs().join(service);
        let count = count.min(MOST_LINES);
        let mut reader = match since {
            Some(_) => LogReader::open(service, &dir, since)?,
            // One more than is wanted tells whether there are more.
            None => LogReader::last(service, &dir, count + 1)?,
        };
        let mut newest = VecDeque::new();
        let (mut bytes, mut more) = (0, false);
        while let Some(line) = reader.next_line()? {
            bytes += line.bytes.len();
            newest.push_back(line);
            while newest.len() > count || bytes > MOST_BYTES {
                let Some(oldest) = newest.pop_front() else { break };
                bytes -= oldest.bytes.len();
                more = true;
            }
        }
        Ok((newest.into_iter().map(|line| self.shown(&line)).collect(), more))
    }

    /// The newest `count` lines in memory, then every line that comes.
    pub fn follow(&self, service: ServiceId, count: usize) -> LogFollow {
        let name = &self.assembly.stack.service(service).name;
        // In this order nothing falls between the two; what is in both is known by its number.
        let lines = self.assembly.logs.subscribe_to(name, WAITING);
        let past = self.assembly.sink(service).tail(count.min(MOST_LINES));
        let next = past.last().map_or(0, |line| line.sequence + 1);
        LogFollow { logs: self.clone(), past: past.into(), lines, next }
    }

    fn shown(&self, line: &LogLine) -> TailLine {
        TailLine {
            wall: line.wall,
            stream: line.stream.name().to_owned(),
            text: self.assembly.facts.secrets.redact(&String::from_utf8_lossy(&line.bytes)),
        }
    }
}

/// A reader of one service's log.
#[derive(Debug)]
pub struct LogFollow {
    logs: Logs,
    past: VecDeque<LogLine>,
    lines: Subscription,
    /// Number of the first line that was not among the past ones.
    next: u64,
}

impl LogFollow {
    /// `None`: there will be no more.
    pub async fn next(&mut self) -> Option<TailLine> {
        if let Some(line) = self.past.pop_front() {
            return Some(self.logs.shown(&line));
        }
        loop {
            let line = self.lines.recv().await?;
            // The mark of a loss belongs to no service.
            if line.service.is_empty() || line.sequence >= self.next {
                return Some(self.logs.shown(&line));
            }
        }
    }
}
