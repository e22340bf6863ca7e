//! One child writes 512 MiB of 100-byte lines: through the log hub, every line with its time, against `child | cat > file`.
//!
//! The two sides alternate in one run; the ratio is that of their medians. `REEVE_BENCH_SAMPLES` (10) and
//! `REEVE_BENCH_MIB` (512) change the size.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench talks, and ends when it cannot go on")]
#![expect(clippy::disallowed_methods, reason = "the children here belong to the bench, not to a stack")]

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reeve::spec::LogSpec;
use reeve::supervisor::output::{Drained, LogHub, LogReader, Stream};

/// Of one line, newline included.
const LINE: usize = 100;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("write") {
        let lines = arguments.next().and_then(|lines| lines.parse().ok()).expect("the number of lines");
        return write_lines(lines);
    }
    let samples = number("REEVE_BENCH_SAMPLES", 10);
    let mib = number("REEVE_BENCH_MIB", 512);
    let lines = (mib << 20) / LINE as u64;
    let dir = tempfile::tempdir().expect("a directory");
    let (mut ours, mut cats) = (Vec::new(), Vec::new());
    for sample in 0..samples {
        let cat = through_cat(lines, &dir.path().join("cat"));
        let hub = through_hub(lines, &dir.path().join("logs"));
        println!("{sample:>3}: child | cat > file {:6.0} MiB/s, log {:6.0} MiB/s", speed(lines, cat), speed(lines, hub));
        cats.push(cat);
        ours.push(hub);
    }
    let (cat, hub) = (median(&mut cats), median(&mut ours));
    println!(
        "logs: {:.0} MiB/s, child | cat > file: {:.0} MiB/s, ratio {:.2} (at least 0.60), {samples} samples of {mib} MiB",
        speed(lines, hub),
        speed(lines, cat),
        cat.as_secs_f64() / hub.as_secs_f64()
    );
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a speed for people")]
fn speed(lines: u64, time: Duration) -> f64 {
    (lines * LINE as u64) as f64 / time.as_secs_f64() / f64::from(1 << 20)
}

/// The child: numbered lines, 64 KiB at a time.
fn write_lines(lines: u64) {
    let mut out = std::io::stdout().lock();
    let mut buffer = Vec::with_capacity(128 << 10);
    for line in 0..lines {
        write!(buffer, "{line:010} ").expect("memory takes it");
        buffer.resize(buffer.len() + LINE - 12, b'x');
        buffer.push(b'\n');
        if buffer.len() >= 64 << 10 {
            out.write_all(&buffer).expect("the reader takes it");
            buffer.clear();
        }
    }
    out.write_all(&buffer).expect("the reader takes it");
}

fn writer(lines: u64, stdout: Stdio, stderr: Stdio) -> std::process::Child {
    let program = std::env::current_exe().expect("our own path");
    let mut command = Command::new(program);
    command.arg("write").arg(lines.to_string()).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    command.spawn().expect("the child starts")
}

fn through_cat(lines: u64, file: &Path) -> Duration {
    let begun = Instant::now();
    let mut child = writer(lines, Stdio::piped(), Stdio::inherit());
    let pipe = child.stdout.take().expect("a pipe");
    let out = std::fs::File::create(file).expect("a file");
    let mut cat = Command::new("cat").stdin(pipe).stdout(out).spawn().expect("cat starts");
    assert!(cat.wait().expect("cat ends").success());
    let took = begun.elapsed();
    assert!(child.wait().expect("the child ends").success());
    std::fs::remove_file(file).expect("the file goes");
    took
}

fn through_hub(lines: u64, dir: &Path) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let hub = LogHub::start(dir.to_owned(), u64::MAX).expect("a hub");
    // Files of the usual size, and so many that the whole output is kept and can be checked.
    let sink = hub.sink("child", &LogSpec { max_files: 10_000, ..LogSpec::default() });
    let begun = Instant::now();
    let mut child = writer(lines, Stdio::piped(), Stdio::piped());
    let stdout = OwnedFd::from(child.stdout.take().expect("a pipe"));
    let stderr = OwnedFd::from(child.stderr.take().expect("a pipe"));
    let attached = sink.attach(1, stdout, stderr);
    let drained = runtime.block_on(attached.drained(Duration::from_secs(600)));
    let took = begun.elapsed();
    assert_eq!(drained, Drained::End);
    assert!(child.wait().expect("the child ends").success());
    check(lines, &dir.join("child"));
    std::fs::remove_dir_all(dir).expect("the logs go");
    took
}

/// Every line is there, once, whole, in order.
fn check(lines: u64, dir: &Path) {
    let mut expected = 0;
    for line in LogReader::open("child", dir, None).expect("a log") {
        let line = line.expect("a line");
        assert_eq!((line.stream, line.partial, line.bytes.len()), (Stream::Stdout, false, LINE - 1));
        let number = std::str::from_utf8(&line.bytes[..10]).ok().and_then(|text| text.parse().ok());
        assert_eq!(number, Some(expected));
        expected += 1;
    }
    assert_eq!(expected, lines);
}
