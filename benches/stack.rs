//! How long the whole stack takes to start, over what its slowest chain takes alone: warm (data there) and cold (empty
//! volumes). Each service is also started by itself with what it depends on; the slowest of these is the chain.
//! Names in the arguments narrow the services; `REEVE_FILE` or the repository's services.toml is the stack.

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use support::{Row, Stack, median, report};

const SAMPLES: usize = 10;
/// After so many samples of every service it is clear which one is the slowest; the others are left out from then on.
const SCOUTS: usize = 2;

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("services.toml");
    let work = tempfile::tempdir().expect("a temporary directory");
    let services = if names.is_empty() { required(&file, work.path()) } else { names };
    let all: Vec<&str> = services.iter().map(String::as_str).collect();
    // Parts are installed before the clock runs: fetching is no start.
    let install = Stack::new(file.clone(), work.path().join("install"), 0);
    install.run("install", &[]);

    let mut sides: Vec<Vec<&str>> = vec![all.clone()];
    sides.extend(all.iter().map(|name| vec![*name]));
    let (mut warm, mut cold) = (vec![Vec::new(); sides.len()], vec![Vec::new(); sides.len()]);
    let slowest = |times: &[Vec<f64>]| {
        (1..times.len()).max_by(|a, b| median(&times[*a]).total_cmp(&median(&times[*b]))).expect("at least one service")
    };
    // Sides alternate within a sample, so that a change of the machine's speed meets all of them.
    for sample in 0..SAMPLES {
        let chosen = (sample >= SCOUTS).then(|| [0, slowest(&warm), slowest(&cold)]);
        for (index, side) in sides.iter().enumerate() {
            if chosen.is_some_and(|chosen| !chosen.contains(&index)) {
                continue;
            }
            let data = work.path().join(format!("data-{sample}-{index}"));
            let (first, second) = starts(&file, data, offset(sample, index), side);
            cold[index].push(first);
            warm[index].push(second);
        }
    }
    let (w, c) = (slowest(&warm), slowest(&cold));
    let mut rows = vec![
        Row::ratio(&format!("warm start ÷ slowest chain alone ({})", all[w - 1]), &warm[0], &warm[w], "ms", Some(1.10)),
        Row::ratio(&format!("cold start ÷ slowest chain alone ({})", all[c - 1]), &cold[0], &cold[c], "ms", Some(1.15)),
    ];
    for (index, name) in all.iter().enumerate() {
        rows.push(Row::ratio(&format!("{name} alone: warm ÷ cold"), &warm[index + 1], &cold[index + 1], "ms", None));
    }
    report("stack", &rows);
}

/// Services that `up` must bring, from the file as reeve understands it.
fn required(file: &Path, work: &Path) -> Vec<String> {
    let stack = Stack::new(file.to_owned(), work.join("config"), 0);
    let output = stack.run("config", &["--json"]);
    let config: serde_json::Value = serde_json::from_slice(&output.stdout).expect("config --json is JSON");
    // Every value stands beside its origin.
    let services = config.pointer("/config/services").and_then(|services| services.as_object());
    let services = services.expect("config --json has services");
    let off = |service: &serde_json::Value, key: &str| service[key]["value"] == false;
    let wanted = services.iter().filter(|(_, service)| !off(service, "required") && !off(service, "autostart"));
    wanted.map(|(name, _)| name.clone()).collect()
}

/// Every start has ports of its own, so that none waits for another's to be free.
fn offset(sample: usize, index: usize) -> u16 {
    u16::try_from(20_000 + sample * 100 + index * 10).expect("a port offset")
}

/// Milliseconds of a cold start and of a warm one after it.
fn starts(file: &Path, data: PathBuf, offset: u16, names: &[&str]) -> (f64, f64) {
    let stack = Stack::new(file.to_owned(), data, offset);
    let mut arguments = vec!["-d", "--wait"];
    arguments.extend(names);
    let time = || {
        let begun = Instant::now();
        stack.run("up", &arguments);
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        stack.down();
        taken
    };
    (time(), time())
}
