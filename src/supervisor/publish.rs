//! Views of the running stack for everybody else, at a bounded rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::assembly::{Assembly, lock};
use super::facts::{ServiceFacts, reachable};
use super::handle::{ServiceExtra, TailLine, View};
use crate::engine::{Engine, Tick};
use crate::spec::{DependencySpec, ServiceSpec};

/// Views are made at most this often.
const PERIOD: Duration = Duration::from_millis(10);

/// Between two views passes this many times what the last one took: with many services, a start is not spent on showing it.
const SPARED: u32 = 30;

/// Remembers whether there is news, and when the last view went out.
#[derive(Debug, Default)]
pub struct Publisher {
    dirty: bool,
    last: Option<Instant>,
    cost: Duration,
    fixed: Option<Arc<View>>,
}

impl Publisher {
    pub fn changed(&mut self) {
        self.dirty = true;
    }

    /// When the news should go out at the latest.
    pub fn due(&self) -> Option<tokio::time::Instant> {
        self.dirty.then(|| self.last.map_or_else(Instant::now, |last| last + self.period()).into())
    }

    pub fn is_due(&self) -> bool {
        self.dirty && self.last.is_none_or(|last| last.elapsed() >= self.period())
    }

    fn period(&self) -> Duration {
        PERIOD.max(self.cost * SPARED)
    }

    /// The view as of now.
    pub fn view(&mut self, assembly: &Assembly, engine: &Engine, now: Tick) -> Arc<View> {
        let begun = Instant::now();
        self.dirty = false;
        // What does not change is taken from the first view.
        let fixed = self.fixed.get_or_insert_with(|| Arc::new(view(assembly, engine, now)));
        let mut extras = fixed.extras.clone();
        for (extra, service) in extras.iter_mut().zip(&assembly.stack.services) {
            extra.limits = enforced(assembly, service);
            extra.build = assembly.builds.told(service.id);
        }
        let view = Arc::new(View {
            stack: fixed.stack.clone(),
            mode: fixed.mode.clone(),
            data_dir: fixed.data_dir.clone(),
            started_at: fixed.started_at,
            pid: fixed.pid,
            snapshot: engine.snapshot(),
            taken: now,
            taken_at: Instant::now(),
            extras,
            mechanisms: fixed.mechanisms.clone(),
            warnings: fixed.warnings.clone(),
        });
        let end = Instant::now();
        self.cost = end - begun;
        self.last = Some(end);
        view
    }
}

/// The first view of a stack.
pub fn view(assembly: &Assembly, engine: &Engine, now: Tick) -> View {
    let rung = assembly.containment.rung();
    let mut warnings = Vec::new();
    if let Some(reason) = assembly.containment.reason() {
        warnings.push(format!("processes are held together by {rung}: {reason}"));
    }
    if assembly.stack.services.iter().any(|service| !service.networks.is_empty()) {
        warnings.push("networks are not enforced yet: every service can connect to every other".to_owned());
    }
    View {
        stack: assembly.stack.name.clone(),
        mode: assembly.stack.mode.clone(),
        data_dir: assembly.layout.data_dir().to_owned(),
        started_at: crate::telemetry::wall_clock(),
        pid: std::process::id(),
        snapshot: engine.snapshot(),
        taken: now,
        taken_at: Instant::now(),
        extras: assembly.stack.services.iter().map(|service| extra(assembly, service)).collect(),
        mechanisms: vec![rung.to_string()],
        warnings,
    }
}

fn extra(assembly: &Assembly, service: &ServiceSpec) -> ServiceExtra {
    let run_dir = assembly.layout.service(&service.name);
    let facts = ServiceFacts { stack: &assembly.facts, service, run_dir: &run_dir };
    let depends_on =
        |on: &DependencySpec| (assembly.stack.service(on.service).name.clone(), on.condition.as_str(), on.required);
    let ports = assembly.facts.ports.get(&service.name);
    let mut addresses: std::collections::BTreeMap<String, String> = service
        .addresses
        .iter()
        // One that lacks a fact (of a part that is not there) is not shown.
        .filter_map(|(label, address)| Some((label.clone(), address.render(&facts).ok()?)))
        .collect();
    if addresses.is_empty() {
        addresses = ports
            .into_iter()
            .flatten()
            .map(|(name, address)| (name.clone(), format!("{}:{}", reachable(address.ip()), address.port())))
            .collect();
    }
    ServiceExtra {
        ports: ports.into_iter().flatten().cloned().collect(),
        addresses,
        log: Some(assembly.layout.logs().join(&service.name).join("current")),
        alternative: assembly.chosen.get(&service.id).cloned(),
        limits: enforced(assembly, service),
        build: assembly.builds.told(service.id),
        isolation: None,
        description: service.description.clone(),
        depends_on: service.depends_on.iter().map(depends_on).collect(),
        control: service.control,
    }
}

fn enforced(assembly: &Assembly, service: &ServiceSpec) -> Option<String> {
    let limits = lock(&assembly.limits);
    let known = limits.get(&service.name)?;
    Some(known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// The newest lines of a service in memory, for `why`.
pub fn tail(assembly: &Assembly, service: &str, lines: usize) -> Vec<TailLine> {
    let Some(service) = assembly.stack.by_name(service) else { return Vec::new() };
    let line = |line: super::output::LogLine| TailLine {
        wall: line.wall,
        stream: line.stream.name().to_owned(),
        text: assembly.facts.secrets.redact(&String::from_utf8_lossy(&line.bytes)),
    };
    assembly.sink(service.id).tail(lines).into_iter().map(line).collect()
}
