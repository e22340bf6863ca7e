//! One child writes 512 MiB of 100-byte lines: through the whole of reeve into its log, every line with its time, against
//! `child | cat > file`. The clock runs from the start of `reeve up -d` to the last byte in the file, so reeve's own start
//! is part of it; afterwards every line is read back and checked.
//!
//! The two sides alternate in one run. `REEVE_BENCH_SAMPLES` (10) and `REEVE_BENCH_MIB` (512) change the size.

#![expect(clippy::expect_used, reason = "a bench ends when it cannot go on")]
#![expect(clippy::disallowed_methods, reason = "the children here belong to the bench, not to a stack")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reeve::supervisor::output::{LogReader, Stream};
use support::{Row, Stack, eventually, report};

/// Of one line, newline included.
const LINE: usize = 100;
const LOOK: Duration = Duration::from_millis(5);
const LIMIT: Duration = Duration::from_secs(300);

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
    // As root the child runs as another account, which must reach its program.
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("the directory is ours");
    let program = dir.path().join("writer");
    std::fs::copy(std::env::current_exe().expect("our own path"), &program).expect("a copy");
    let (mut ours, mut cats) = (Vec::new(), Vec::new());
    for sample in 0..samples {
        cats.push(speed(lines, through_cat(&program, lines, &dir.path().join("cat"))));
        ours.push(speed(lines, through_reeve(&program, lines, &dir.path().join(format!("stack-{sample}")))));
    }
    let what = format!("{mib} MiB of {LINE}-byte lines into the log ÷ child piped to cat into a file");
    report("logs", &[Row::ratio(&what, &ours, &cats, "MiB/s", Some(0.6)).at_least()]);
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
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

fn through_cat(program: &Path, lines: u64, file: &Path) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.arg("write").arg(lines.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the child starts");
    let pipe = child.stdout.take().expect("a pipe");
    let out = std::fs::File::create(file).expect("a file");
    let mut cat = Command::new("cat").stdin(pipe).stdout(out).spawn().expect("cat starts");
    assert!(cat.wait().expect("cat ends").success());
    let took = begun.elapsed();
    assert!(child.wait().expect("the child ends").success());
    std::fs::remove_file(file).expect("the file goes");
    took
}

fn through_reeve(program: &Path, lines: u64, dir: &Path) -> Duration {
    std::fs::create_dir(dir).expect("a new directory");
    // So many files that the whole output is kept and can be checked.
    let text = format!(
        "[stack]\nname = \"bench\"\nlog_total = \"100GiB\"\n\n[services.child]\ncommand = [{:?}, \"write\", \"{lines}\"]\n\
         oneshot = true\nlogs = {{ max_files = 1000 }}\n",
        program.display().to_string()
    );
    let file = dir.join("services.toml");
    std::fs::write(&file, text).expect("services.toml is written");
    let stack = Stack::new(file, dir.join("data"), 0);
    let logs = dir.join("data/logs/child");
    // The time in front of each line has a fixed length.
    let record = LINE as u64 + "2026-01-01T00:00:00.000000000Z stdout F ".len() as u64;
    let begun = Instant::now();
    stack.run("up", &["-d"]);
    eventually("the whole output in the log", LIMIT, || {
        // Seldom: listing all the files takes a share of the two processors that are measured.
        std::thread::sleep(LOOK);
        size(&logs) >= lines * record
    });
    let took = begun.elapsed();
    stack.down();
    check(lines, &logs);
    std::fs::remove_dir_all(dir).expect("the logs go");
    took
}

fn size(logs: &Path) -> u64 {
    let files = std::fs::read_dir(logs).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
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
