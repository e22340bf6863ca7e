//! The whole path with real pipes and files, and the pure parts with generated input.

mod disk;
mod pipes;
mod pure;
mod reading;

use std::fs::File;
use std::future::Future;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use super::{Attached, Drained, LogHub, LogLine, LogReader, LogSink, Merged};
use crate::spec::LogSpec;

/// Long enough for any machine; nothing waits for it unless something is broken.
const LONG: Duration = Duration::from_secs(60);

/// A hub in a directory of its own.
struct Logs {
    hub: LogHub,
    root: tempfile::TempDir,
}

impl Logs {
    fn new() -> Self {
        Self::with_cap(1 << 30)
    }

    fn with_cap(total_cap: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let hub = LogHub::start(root.path().join("logs"), total_cap).unwrap();
        Self { hub, root }
    }

    fn dir(&self, service: &str) -> PathBuf {
        self.root.path().join("logs").join(service)
    }

    fn lines(&self, service: &str) -> Vec<LogLine> {
        read(service, &self.dir(service))
    }
}

fn read(service: &str, dir: &Path) -> Vec<LogLine> {
    LogReader::open(service, dir, None).unwrap().map(Result::unwrap).collect()
}

/// The text of lines, split ones joined.
fn joined(lines: &[LogLine]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut text = Vec::new();
    for line in lines {
        text.extend_from_slice(&line.bytes);
        if !line.partial {
            texts.push(std::mem::take(&mut text));
        }
    }
    assert!(text.is_empty(), "a line that goes on has no end");
    texts
}

fn texts(lines: &[LogLine]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
}

/// A run whose write ends are ours.
struct Run {
    attached: Attached,
    stdout: File,
    stderr: File,
}

fn run(sink: &LogSink, number: u64) -> Run {
    let (stdout_read, stdout) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    let (stderr_read, stderr) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    let attached = sink.attach(number, stdout_read, stderr_read);
    Run { attached, stdout: stdout.into(), stderr: stderr.into() }
}

impl Run {
    /// Closes the write ends and waits until all is written.
    async fn end(self) {
        drop((self.stdout, self.stderr));
        assert_eq!(self.attached.drained(LONG).await, Drained::End);
    }

    /// Has a thread write, as a service would, and ends.
    async fn write_all(mut self, write: impl FnOnce(&mut File) + Send + 'static) {
        let writer = std::thread::spawn(move || write(&mut self.stdout));
        drop(self.stderr);
        assert_eq!(self.attached.drained(LONG).await, Drained::End);
        writer.join().unwrap();
    }
}

/// Waits for a condition.
async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Writes the numbers of a range as lines.
fn write_numbers(out: &mut File, numbers: std::ops::Range<u64>) {
    let mut buffer = Vec::new();
    for number in numbers {
        writeln!(buffer, "line {number:09}").unwrap();
        if buffer.len() > 32 << 10 {
            out.write_all(&buffer).unwrap();
            buffer.clear();
        }
    }
    out.write_all(&buffer).unwrap();
}

fn number_of(line: &LogLine) -> u64 {
    let text = std::str::from_utf8(&line.bytes).unwrap();
    assert_eq!(text.len(), "line 000000000".len(), "a torn line: {text}");
    text.strip_prefix("line ").unwrap().parse().unwrap()
}

fn small(max_bytes: u64, max_files: u32) -> LogSpec {
    LogSpec { max_bytes, max_files, ..LogSpec::default() }
}

fn merge(readers: Vec<LogReader>) -> Vec<LogLine> {
    Merged::new(readers).map(Result::unwrap).collect()
}
