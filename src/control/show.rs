//! The stack, its services, events and lines as the wire shows them: from the supervisor's view to the types of
//! [`super::wire`]. Pure but for the clock.

use std::time::Duration;

use super::wire;
use crate::engine::ServiceSnapshot;
use crate::supervisor::handle::{EventLine, Fate, ServiceExtra, TailLine, View, WhyReport};

/// The whole stack as the wire shows it.
pub fn stack_of(view: &View) -> wire::Stack {
    let pairs = view.snapshot.services.iter().zip(&view.extras);
    wire::Stack {
        stack: view.stack.clone(),
        mode: view.mode.clone(),
        data_dir: view.data_dir.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: view.pid,
        started_at: view.started_at,
        answered_at: view.wall_now(),
        shutting_down: view.snapshot.shutting_down,
        mechanisms: view.mechanisms.clone(),
        warnings: view.warnings.clone(),
        outdated: Vec::new(),
        caller: None,
        services: pairs.map(|(snapshot, extra)| service_of(view, snapshot, extra)).collect(),
    }
}

/// What has become of a program, as the wire shows it.
pub fn stale_of(fate: Fate) -> wire::Stale {
    match fate {
        Fate::Replaced(program) => wire::Stale { program, gone: false },
        Fate::Gone(program) => wire::Stale { program, gone: true },
    }
}

pub fn service_of(view: &View, snapshot: &ServiceSnapshot, extra: &ServiceExtra) -> wire::Service {
    let now = view.now();
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    wire::Service {
        name: snapshot.name.clone(),
        phase: snapshot.phase,
        desired: snapshot.desired,
        required: snapshot.required,
        oneshot: snapshot.oneshot,
        run: snapshot.run.map(|run| run.0),
        pid: snapshot.pid,
        phase_ms: millis(now.since(snapshot.since)),
        uptime_ms: snapshot.spawned_at.map(|tick| millis(now.since(tick))),
        next_start_ms: snapshot.next_start.map(|tick| millis(tick.since(now))),
        restarts: snapshot.restarts,
        crash_loop: snapshot.crash_loop,
        last_exit: snapshot.last_exit,
        last_failure: snapshot.last_failure.clone(),
        probe_failure: snapshot.probe_failure.clone(),
        status_text: snapshot.status_text.clone(),
        blocked_by: snapshot.blocked_by.clone(),
        ports: extra.ports.clone(),
        addresses: extra.addresses.clone(),
        memory_bytes: None,
        cpu_percent: None,
        stale: None,
        log: extra.log.clone(),
        alternative: extra.alternative.clone(),
        limits: extra.limits.clone(),
        build: extra.build.clone(),
        isolation: extra.isolation.clone(),
        description: extra.description.clone(),
        depends_on: extra.depends_on.iter().map(dependency).collect(),
        control: extra.control.map(|grant| grant.as_str().to_owned()),
    }
}

fn dependency((service, condition, required): &(String, &'static str, bool)) -> wire::Dependency {
    wire::Dependency { service: service.clone(), condition: (*condition).to_owned(), required: *required }
}

pub fn log_text(line: TailLine) -> wire::LogText {
    wire::LogText { wall: line.wall, stream: line.stream, text: line.text }
}

/// An event as the wire shows it.
pub fn event_of(line: EventLine) -> wire::Event {
    wire::Event {
        sequence: line.sequence,
        wall: line.wall,
        service: line.record.service,
        run: line.record.run.map(|run| run.0),
        kind: line.record.kind,
        phase: line.record.phase,
        message: line.record.message,
        cause: line.record.cause,
    }
}

pub fn why_of(report: WhyReport, service: wire::Service) -> wire::Why {
    wire::Why {
        service,
        chain: report.chain,
        events: report.events.into_iter().map(event_of).collect(),
        log: report.log.into_iter().map(log_text).collect(),
    }
}
