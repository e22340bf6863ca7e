//! Where the logs of all services meet: one thread, a sink per service, subscribers.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use regex::bytes::Regex;
use tokio::sync::{mpsc, oneshot, watch};

use super::cap::Archive;
use super::file::{LogFile, Written};
use super::line::{LogLine, Prefix, Stream, format_note, parse_line};
use super::pump::{self, Attached};
use super::ring::Ring;
use super::split::Splitter;
use super::subscribe::{Subscribers, Subscription};
use super::watch::Watch;
use crate::spec::{LogFull, LogSpec};

/// Bytes taken from a pipe at once. Large enough for few system calls, small enough to stay in the processor's cache.
const READ_BYTES: usize = 256 << 10;
/// Records are handed on once there are this many bytes of them: a chunk of empty lines grows forty times.
const WRITE_BYTES: usize = 512 << 10;
/// Under `drop`, the part of a second that a service which keeps its pipe full may spend on the disk.
const DISK_SHARE: Duration = Duration::from_millis(500);
const DISK_WINDOW: Duration = Duration::from_secs(1);

/// Way in to the logs; clones mean the same. The thread ends when the last handle and sink are gone.
#[derive(Debug, Clone)]
pub struct LogHub {
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
}

/// Way in to the log of one service.
#[derive(Debug, Clone)]
pub struct LogSink {
    log: Arc<ServiceLog>,
    orders: mpsc::UnboundedSender<Order>,
}

/// Something about a log that a person should hear once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTrouble {
    /// Lines are being lost on disk; the service runs on.
    Failed { service: String, path: PathBuf, cause: String },
    /// They are written again; so many are missing.
    Resumed { service: String, lost: u64 },
}

impl fmt::Display for LogTrouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogTrouble::Failed { service, path, cause } => {
                write!(
                    out,
                    "the log of {service} cannot be written ({}: {cause}); its lines are lost until it can",
                    path.display()
                )
            }
            LogTrouble::Resumed { service, lost } => {
                write!(out, "the log of {service} is written again; {lost} lines are missing")
            }
        }
    }
}

type Observer = Arc<dyn Fn(LogTrouble) + Send + Sync>;

pub(super) enum Order {
    Attach { log: Arc<ServiceLog>, pipes: [OwnedFd; 2], cancel: watch::Receiver<bool>, done: oneshot::Sender<()> },
    Note { log: Arc<ServiceLog>, wall: Timestamp, text: String },
    Reopen,
    Flush(oneshot::Sender<()>),
}

struct Shared {
    dir: PathBuf,
    archive: Mutex<Archive>,
    services: Mutex<BTreeMap<String, Arc<ServiceLog>>>,
    subscribers: Subscribers,
    observer: Mutex<Option<Observer>>,
    scratch: Mutex<Scratch>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Shared").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Buffers that all pipes of the thread use in turn; allocated by the first output of all.
#[derive(Default)]
struct Scratch {
    input: Vec<u8>,
    records: Vec<u8>,
}

/// The log of one service, over all its runs.
pub(super) struct ServiceLog {
    name: Arc<str>,
    shared: Arc<Shared>,
    memory: Mutex<Memory>,
    /// Locked by the log thread alone, so that a slow disk holds up nobody else.
    disk: Mutex<Disk>,
}

impl fmt::Debug for ServiceLog {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ServiceLog").field("name", &self.name).finish_non_exhaustive()
    }
}

struct Memory {
    spec: LogSpec,
    ring: Ring,
    watches: Vec<Watch>,
    /// Of the next record.
    sequence: u64,
}

struct Disk {
    file: LogFile,
    window: Instant,
    busy: Duration,
}

/// What one turn of a pipe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// So many bytes were read; `full` if the buffer could not take more.
    Read {
        bytes: usize,
        full: bool,
    },
    End,
}

impl LogHub {
    /// Starts the thread. `dir` is `logs/` of the data directory; it is made when something is written.
    pub fn start(dir: PathBuf, total_cap: u64) -> io::Result<Self> {
        let archive = Archive::load(&dir, total_cap);
        let shared = Arc::new(Shared {
            dir,
            archive: Mutex::new(archive),
            services: Mutex::default(),
            subscribers: Subscribers::default(),
            observer: Mutex::default(),
            scratch: Mutex::default(),
        });
        let (orders, inbox) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        std::thread::Builder::new().name("logs".to_owned()).spawn(move || runtime.block_on(serve(inbox)))?;
        Ok(Self { shared, orders })
    }

    /// Called (on the log thread) once when a log cannot be written any more, and once when it can again.
    pub fn on_trouble(&self, observer: impl Fn(LogTrouble) + Send + Sync + 'static) {
        *lock(&self.shared.observer) = Some(Arc::new(observer));
    }

    /// The log of a service; asked again with other limits, the same log under these limits.
    pub fn sink(&self, service: &str, spec: &LogSpec) -> LogSink {
        let mut services = lock(&self.shared.services);
        let log = services.entry(service.to_owned()).or_insert_with(|| {
            Arc::new(ServiceLog::new(Arc::from(service), self.shared.clone(), self.shared.dir.join(service), spec))
        });
        log.set_spec(spec);
        LogSink { log: log.clone(), orders: self.orders.clone() }
    }

    /// Lines of all services from now on, at most `capacity` of them waiting.
    pub fn subscribe(&self, capacity: usize) -> Subscription {
        self.shared.subscribers.add(capacity, None)
    }

    /// The same of one service, so that a busy neighbour costs this reader nothing.
    pub fn subscribe_to(&self, service: &str, capacity: usize) -> Subscription {
        self.shared.subscribers.add(capacity, Some(Arc::from(service)))
    }

    /// Opens every file anew at its next write: for those who rotate from outside.
    pub fn reopen(&self) {
        self.send(Order::Reopen);
    }

    /// Comes back when every note given before is written.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        self.send(Order::Flush(done));
        // The thread has ended: nothing is left to write.
        let _ = wait.await;
    }

    /// `logs/`.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    fn send(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::error!("the log thread has ended");
        }
    }
}

impl LogSink {
    /// Takes the read ends of a new run's pipes. What was written by earlier runs stays.
    pub fn attach(&self, run: u64, stdout: OwnedFd, stderr: OwnedFd) -> Attached {
        let (cancel, cancelled) = watch::channel(false);
        let (done, wait) = oneshot::channel();
        for watch in &mut lock(&self.log.memory).watches {
            watch.forget();
        }
        let order = Order::Attach { log: self.log.clone(), pipes: [stdout, stderr], cancel: cancelled, done };
        if self.orders.send(order).is_err() {
            tracing::error!(service = %self.log.name, run, "the log thread has ended, output is lost");
        }
        Attached::new(run, cancel, wait)
    }

    /// A line by reeve in the service's log.
    pub fn note(&self, text: impl Into<String>) {
        let note = Order::Note { log: self.log.clone(), wall: Timestamp::now(), text: text.into() };
        if self.orders.send(note).is_err() {
            tracing::error!(service = %self.log.name, "the log thread has ended, a note is lost");
        }
    }

    /// Answers when output from now on matches, line by line; drop the receiver to give up. Ask before `attach`.
    pub fn watch(&self, pattern: Regex) -> oneshot::Receiver<()> {
        let (watch, found) = Watch::new(pattern);
        lock(&self.log.memory).watches.push(watch);
        found
    }

    /// The newest lines in memory, oldest first.
    pub fn tail(&self, max_lines: usize) -> Vec<LogLine> {
        let (records, sequence) = {
            let memory = lock(&self.log.memory);
            (memory.ring.newest(max_lines), memory.sequence)
        };
        let records: Vec<&[u8]> = records.split_inclusive(|byte| *byte == b'\n').collect();
        let first = sequence.saturating_sub(records.len() as u64);
        (first..)
            .zip(records)
            .filter_map(|(sequence, record)| Some(parse_line(record)?.to_line(&self.log.name, sequence)))
            .collect()
    }

    pub fn service(&self) -> &str {
        &self.log.name
    }
}

/// The log thread.
async fn serve(mut inbox: mpsc::UnboundedReceiver<Order>) {
    let mut seen: Vec<Arc<ServiceLog>> = Vec::new();
    while let Some(order) = inbox.recv().await {
        match order {
            Order::Attach { log, pipes, cancel, done } => {
                if !seen.iter().any(|known| Arc::ptr_eq(known, &log)) {
                    seen.push(log.clone());
                }
                // The task ends with the pipes; its end is told through `done`.
                drop(tokio::spawn(pump::run(log, pipes, cancel, done)));
            }
            Order::Note { log, wall, text } => log.note(wall, &text),
            Order::Reopen => seen.iter().for_each(|log| lock(&log.disk).file.reopen()),
            Order::Flush(done) => {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }
}

impl ServiceLog {
    fn new(name: Arc<str>, shared: Arc<Shared>, dir: PathBuf, spec: &LogSpec) -> Self {
        let ring = Ring::new(spec.ring_bytes as usize);
        Self {
            shared,
            memory: Mutex::new(Memory { spec: spec.clone(), ring, watches: Vec::new(), sequence: 0 }),
            disk: Mutex::new(Disk {
                file: LogFile::new(name.clone(), dir),
                window: Instant::now(),
                busy: Duration::ZERO,
            }),
            name,
        }
    }

    fn set_spec(&self, spec: &LogSpec) {
        let mut memory = lock(&self.memory);
        memory.ring.resize(spec.ring_bytes as usize);
        memory.spec = spec.clone();
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// One read of a pipe, and everything that follows from it. `full` tells that the pipe was found full.
    pub(super) fn turn(
        &self,
        stream: Stream,
        splitter: &mut Splitter,
        read: impl FnOnce(&mut [u8]) -> io::Result<(usize, bool)>,
    ) -> io::Result<Turn> {
        let mut scratch = lock(&self.shared.scratch);
        let Scratch { input, records } = &mut *scratch;
        if input.is_empty() {
            // Zeroed pages are not resident until they are written to.
            *input = vec![0; READ_BYTES];
        }
        let (bytes, pipe_full) = read(input)?;
        if bytes == 0 {
            return Ok(Turn::End);
        }
        let chunk = &input[..bytes];
        let prefix = Prefix::new(Timestamp::now(), stream);
        let spec = self.watch_and_spec(stream, chunk);
        let cap = (spec.max_line_bytes as usize).max(1);
        let mut from = 0;
        while from < chunk.len() {
            records.clear();
            let split = splitter.split(&chunk[from..], cap, &prefix, WRITE_BYTES, records);
            from += split.consumed;
            self.accept(records, split.records, &spec, pipe_full);
        }
        Ok(Turn::Read { bytes, full: bytes == input.len() })
    }

    /// The end of a stream: its last line may lack a newline.
    pub(super) fn end(&self, stream: Stream, splitter: &mut Splitter) {
        let mut records = Vec::new();
        let count = splitter.end(&Prefix::new(Timestamp::now(), stream), &mut records);
        let spec = lock(&self.memory).spec.clone();
        if count > 0 || lock(&self.disk).file.owes_statement() {
            self.accept(&records, count, &spec, false);
        }
    }

    fn note(&self, wall: Timestamp, text: &str) {
        let mut records = Vec::new();
        format_note(wall, text, &mut records);
        let spec = lock(&self.memory).spec.clone();
        self.accept(&records, 1, &spec, false);
    }

    fn watch_and_spec(&self, stream: Stream, chunk: &[u8]) -> LogSpec {
        let mut memory = lock(&self.memory);
        if !memory.watches.is_empty() {
            memory.watches.retain_mut(|watch| !watch.feed(stream, chunk));
        }
        memory.spec.clone()
    }

    /// Records go to memory, to those who watch, to the disk.
    fn accept(&self, records: &[u8], count: u64, spec: &LogSpec, pipe_full: bool) {
        let first = {
            let mut memory = lock(&self.memory);
            memory.ring.push(records);
            let first = memory.sequence;
            memory.sequence += count;
            first
        };
        if !self.shared.subscribers.is_empty() {
            self.shared.subscribers.offer(&self.name, records, first);
        }
        self.store(records, count, spec, pipe_full);
    }

    fn store(&self, records: &[u8], count: u64, spec: &LogSpec, pipe_full: bool) {
        let mut disk = lock(&self.disk);
        if spec.on_full == LogFull::Drop && disk.behind() && pipe_full {
            disk.file.leave_out(count);
            return;
        }
        let begun = Instant::now();
        let written = disk.file.append(records, spec, &self.shared.archive);
        disk.busy += begun.elapsed();
        drop(disk);
        let service = self.name.to_string();
        match written {
            Written::Done | Written::Lost => {}
            Written::Failed(error) => {
                let path = self.shared.dir.join(&service);
                tracing::error!(%service, path = %path.display(), %error, "the log cannot be written, its lines are lost until it can");
                self.tell(LogTrouble::Failed { service, path, cause: error.to_string() });
            }
            Written::Resumed { lost } => {
                tracing::warn!(%service, lost, "the log is written again");
                self.tell(LogTrouble::Resumed { service, lost });
            }
        }
    }

    fn tell(&self, trouble: LogTrouble) {
        let observer = lock(&self.shared.observer).clone();
        if let Some(observer) = observer {
            observer(trouble);
        }
    }
}

impl Disk {
    /// Whether the service has had its share of the disk in the current window.
    fn behind(&mut self) -> bool {
        if self.window.elapsed() >= DISK_WINDOW {
            self.window = Instant::now();
            self.busy = Duration::ZERO;
        }
        self.busy > DISK_SHARE
    }
}

/// A panic of another holder leaves nothing half done that matters here: lines go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
