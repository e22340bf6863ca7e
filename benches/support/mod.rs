//! What the benches share: a data directory with its stack, the daemon, medians, and the table in docs/benchmarks.md.

pub mod collector;
pub mod peers;
pub mod server;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const REEVE: &str = env!("CARGO_BIN_EXE_reeve");

/// A stack in a temporary directory. Dropping it brings it down.
pub struct Stack {
    pub file: PathBuf,
    pub data: PathBuf,
    offset: u16,
}

impl Stack {
    pub fn new(file: PathBuf, data: PathBuf, offset: u16) -> Self {
        Self { file, data, offset }
    }

    pub fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(REEVE);
        command.arg(verb).arg("--file").arg(&self.file).arg("--data-dir").arg(&self.data);
        if verb == "up" && self.offset != 0 {
            command.arg("--port-offset").arg(self.offset.to_string());
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, verb: &str, arguments: &[&str]) -> Output {
        let output = self.command(verb, arguments).output().expect("reeve runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "reeve {verb} {arguments:?}: {}\n{said}", output.status);
        output
    }

    /// A foreground `up`, whose process is the daemon.
    #[expect(clippy::disallowed_methods, reason = "a bench is no supervisor: it waits for this child itself")]
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command("up", arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("reeve starts")
    }

    pub fn down(&self) {
        self.run("down", &[]);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Brought down already, most times; then this answers that no reeve is running.
        let _ = self.command("down", &[]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Polls until it holds.
#[expect(clippy::disallowed_methods, reason = "a bench has no event to wait for here")]
pub fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// A row of the table: what, figures of both sides, the ratio and what it must reach.
pub struct Row {
    pub what: String,
    pub reeve: String,
    pub bare: String,
    pub value: f64,
    pub limit: Option<f64>,
    /// The limit is the least, not the most.
    pub at_least: bool,
}

impl Row {
    pub fn ratio(what: &str, reeve: &[f64], bare: &[f64], unit: &str, limit: Option<f64>) -> Self {
        let (ours, theirs) = (median(reeve), median(bare));
        let side = |value: f64, all: &[f64]| {
            let low = all.iter().copied().fold(f64::INFINITY, f64::min);
            let high = all.iter().copied().fold(0.0, f64::max);
            format!("{value:.2} {unit} ({low:.2}–{high:.2}, n={})", all.len())
        };
        Self {
            what: what.into(),
            reeve: side(ours, reeve),
            bare: side(theirs, bare),
            value: ours / theirs,
            limit,
            at_least: false,
        }
    }

    /// More is better: the limit is the least.
    pub fn at_least(mut self) -> Self {
        self.at_least = true;
        self
    }

    pub fn value(what: &str, value: f64, unit: &str, limit: Option<f64>) -> Self {
        Self {
            what: what.into(), reeve: format!("{value:.2} {unit}"), bare: "–".into(), value, limit, at_least: false
        }
    }
}

/// A mark that is a fraction of something is written with one more digit than it deserves, not with fourteen.
fn short(limit: f64) -> f64 {
    (limit * 100.0).round() / 100.0
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from("| what | reeve | bare | ratio or value | mark | |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let (mark, verdict) = match row.limit {
            Some(limit) if row.at_least => (format!("≥ {}", short(limit)), row.value >= limit),
            Some(limit) => (format!("≤ {}", short(limit)), row.value <= limit),
            None => ("–".into(), true),
        };
        let verdict = match (row.limit, verdict) {
            (None, _) => "",
            (_, true) => "met",
            (_, false) => "**missed**",
        };
        writeln!(table, "| {} | {} | {} | {:.2} | {mark} | {verdict} |", row.what, row.reeve, row.bare, row.value)
            .expect("writing to a String");
    }
    table
}

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
pub fn print(rows: &[Row]) {
    println!("{}\n\n{}", machine(), table(rows));
}

/// Prints the table and puts it between the marks `<!-- name -->` of docs/benchmarks.md.
pub fn report(name: &str, rows: &[Row]) {
    print(rows);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    let text = fs::read_to_string(&path).expect("docs/benchmarks.md is there");
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&open).expect("the opening mark");
    let (_, after) = rest.split_once(&close).expect("the closing mark");
    fs::write(&path, format!("{before}{open}{}\n\n{}{close}{after}", machine(), table(rows)))
        .expect("docs/benchmarks.md is written");
}

fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("", |rest| rest.trim_start_matches(['\t', ':', ' ']));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Without what a distributor adds to the number.
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    format!("{cores} × {model}, Linux {kernel}")
}
