//! How long the whole stack takes to start, over what its slowest chain of dependencies takes alone: warm (data there) and
//! cold (empty volumes). Each service is started by itself, what it depends on being ready already; a chain takes as long as
//! its members one after the other, and the slowest such path through the graph is the floor.
//! Names in the arguments narrow the services; `REEVE_FILE` or the repository's services.toml is the stack.

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::server::resident;
use support::{REEVE, Row, Stack, eventually, median, report};

const SAMPLES: usize = 10;
/// After so many samples of every service it is clear which chain is the slowest; the others are left out from then on.
const SCOUTS: usize = 2;

/// A service, and which of the others it waits for.
struct Service {
    name: String,
    needs: Vec<usize>,
}

/// Times of one service or of the whole: a cold start and a warm one after it, sample by sample.
#[derive(Default)]
struct Times {
    cold: Vec<f64>,
    warm: Vec<f64>,
}

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("services.toml");
    let work = tempfile::tempdir().expect("a temporary directory");
    let services = services(&file, work.path(), &names);
    let all: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    // Parts are installed before the clock runs: fetching is no start.
    let install = Stack::new(file.clone(), work.path().join("install"), 0);
    install.run("install", &[]);

    let mut whole = Times::default();
    let mut alone: Vec<Times> = services.iter().map(|_| Times::default()).collect();
    // Sides alternate within a sample, so that a change of the machine's speed meets all of them.
    for sample in 0..SAMPLES {
        let data = |index: usize| work.path().join(format!("data-{sample}-{index}"));
        whole.add(starts(&file, data(0), offset(sample, 0), &[], &all));
        let chosen = (sample >= SCOUTS).then(|| {
            let mut both = slowest_chain(&services, &medians(&alone, |times| &times.warm));
            both.extend(slowest_chain(&services, &medians(&alone, |times| &times.cold)));
            both
        });
        for index in 0..services.len() {
            if chosen.as_ref().is_some_and(|chosen| !chosen.contains(&index)) {
                continue;
            }
            let before: Vec<&str> = closure(&services, index).into_iter().map(|needed| all[needed]).collect();
            let side = index + 1;
            alone[index].add(starts(&file, data(side), offset(sample, side), &before, &[all[index]]));
        }
    }
    let row = |what: &str, side: fn(&Times) -> &Vec<f64>, mark: f64| {
        let chain = slowest_chain(&services, &medians(&alone, side));
        let path: Vec<&str> = chain.iter().map(|index| all[*index]).collect();
        let times: Vec<f64> =
            (0..SAMPLES).map(|sample| chain.iter().map(|index| side(&alone[*index])[sample]).sum()).collect();
        let what = format!("{what} start ÷ slowest chain alone ({})", path.join(" → "));
        Row::ratio(&what, side(&whole), &times, "ms", Some(mark))
    };
    let mut rows = vec![row("warm", |times| &times.warm, 1.10), row("cold", |times| &times.cold, 1.15)];
    if names.is_empty() {
        let resident = own_memory(&file, work.path().join("rest"), offset(SAMPLES, 0));
        rows.push(Row::value(
            "resident memory of reeve and of its own services, at rest",
            resident,
            "MiB",
            Some(120.0),
        ));
    }
    for (name, times) in all.iter().zip(&alone) {
        rows.push(Row::ratio(&format!("{name} alone: warm ÷ cold"), &times.warm, &times.cold, "ms", None));
    }
    report("stack", &rows);
}

/// MiB of the supervisor and of everything in the stack that is reeve itself, once what only the start needed is given back.
fn own_memory(file: &Path, data: PathBuf, offset: u16) -> f64 {
    let stack = Stack::new(file.to_owned(), data, offset);
    stack.run("up", &["-d", "--wait"]);
    let begun = Instant::now();
    eventually("the stack rests", Duration::from_secs(30), || begun.elapsed() > Duration::from_secs(15));
    let status: serde_json::Value = serde_json::from_slice(&stack.run("ps", &["--json"]).stdout).expect("JSON");
    let services = status["services"].as_array().expect("services");
    let leaders = services.iter().filter_map(|service| service["pid"].as_u64());
    let parent = |pid: u64| stat(pid).split_whitespace().nth(1).and_then(|pid| pid.parse::<u64>().ok());
    let own = std::fs::canonicalize(REEVE).expect("reeve");
    let is_reeve = |pid: &u64| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == own);
    let mut pids: Vec<u64> = leaders.clone().chain(leaders.filter_map(parent)).filter(is_reeve).collect();
    pids.sort_unstable();
    pids.dedup();
    assert!(pids.len() >= 5, "supervisor, proxy, backend, registry and director: {pids:?} of {status}");
    pids.into_iter().map(resident).sum()
}

/// What stands behind the name in /proc/PID/stat.
fn stat(pid: u64) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    text.rsplit(')').next().expect("fields").to_owned()
}

impl Times {
    fn add(&mut self, (cold, warm): (f64, f64)) {
        self.cold.push(cold);
        self.warm.push(warm);
    }
}

fn medians(times: &[Times], side: fn(&Times) -> &Vec<f64>) -> Vec<f64> {
    times.iter().map(|times| median(side(times))).collect()
}

/// The path through the graph that takes longest, first member first.
fn slowest_chain(services: &[Service], own: &[f64]) -> Vec<usize> {
    fn chain(services: &[Service], own: &[f64], index: usize) -> (f64, Vec<usize>) {
        let before = services[index].needs.iter().map(|needed| chain(services, own, *needed));
        let (time, mut path) = before.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
        path.push(index);
        (time + own[index], path)
    }
    let chains = (0..services.len()).map(|index| chain(services, own, index));
    chains.max_by(|a, b| a.0.total_cmp(&b.0)).expect("at least one service").1
}

/// All that must be ready before a service may start.
fn closure(services: &[Service], index: usize) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    let mut open = services[index].needs.clone();
    while let Some(next) = open.pop() {
        if !found.contains(&next) {
            found.push(next);
            open.extend(&services[next].needs);
        }
    }
    found
}

/// Services that `up` must bring, from the file as reeve understands it; or those that are named.
fn services(file: &Path, work: &Path, names: &[String]) -> Vec<Service> {
    let stack = Stack::new(file.to_owned(), work.join("config"), 0);
    let output = stack.run("config", &["--json"]);
    let config: serde_json::Value = serde_json::from_slice(&output.stdout).expect("config --json is JSON");
    // Every value stands beside its origin.
    let services = config.pointer("/config/services").and_then(|services| services.as_object());
    let services = services.expect("config --json has services");
    let off = |service: &serde_json::Value, key: &str| service[key]["value"] == false;
    let wanted = |name: &str, service: &serde_json::Value| match names {
        [] => !off(service, "required") && !off(service, "autostart"),
        names => names.iter().any(|wanted| wanted == name),
    };
    let kept: Vec<_> = services.iter().filter(|(name, service)| wanted(name, service)).collect();
    let position = |wanted: &String| kept.iter().position(|(name, _)| *name == wanted);
    let needs = |service: &serde_json::Value| {
        service["depends_on"].as_object().map(|on| on.keys().filter_map(position).collect()).unwrap_or_default()
    };
    kept.iter().map(|(name, service)| Service { name: (*name).clone(), needs: needs(service) }).collect()
}

/// Every start has ports of its own, so that none waits for another's to be free.
fn offset(sample: usize, side: usize) -> u16 {
    u16::try_from(20_000 + sample * 200 + side * 10).expect("a port offset")
}

/// Milliseconds of a cold start of the named services and of a warm one after it; what comes before is ready each time.
fn starts(file: &Path, data: PathBuf, offset: u16, before: &[&str], names: &[&str]) -> (f64, f64) {
    let stack = Stack::new(file.to_owned(), data, offset);
    let up = |names: &[&str]| {
        let mut arguments = vec!["-d", "--wait"];
        arguments.extend(names);
        stack.run("up", &arguments)
    };
    let time = || {
        if !before.is_empty() {
            up(before);
        }
        let begun = Instant::now();
        up(names);
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        stack.down();
        taken
    };
    (time(), time())
}
