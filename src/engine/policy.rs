//! What the engine keeps of a service's specification: numbers and edges, no command, no template, no secret.

use std::time::Duration;

use crate::spec::{DependencySpec, ProbeAction, ProbeSpec, RestartSpec, ServiceKind, ServiceSpec, StopSpec};

/// How readiness is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// By running the probe again and again.
    Probe,
    /// A line of output says it.
    Log,
    /// The service says it.
    Notify,
    /// After this time, and one probe if ports are declared.
    Delay { after: Duration, probe: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Health {
    pub asked: Asked,
    pub every: Duration,
    pub timeout: Duration,
    pub failures: u32,
    pub successes: u32,
    pub recover_successes: u32,
    pub start_timeout: Duration,
    pub restart_on_unready: Option<u32>,
}

impl Health {
    fn new(probe: &ProbeSpec, ports: bool) -> Self {
        let asked = match &probe.action {
            ProbeAction::Log { .. } => Asked::Log,
            ProbeAction::Notify => Asked::Notify,
            ProbeAction::Delay { after } => Asked::Delay { after: *after, probe: ports },
            _ => Asked::Probe,
        };
        Self {
            asked,
            every: probe.every.max(MIN_PERIOD),
            timeout: probe.timeout,
            failures: probe.failures.max(1),
            successes: probe.successes.max(1),
            recover_successes: probe.recover_successes.max(1),
            start_timeout: probe.start_timeout,
            restart_on_unready: probe.restart_on_unready,
        }
    }
}

/// A probe is never run more often than this, whatever the file says: a period of zero would be a busy loop.
const MIN_PERIOD: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub name: String,
    pub oneshot: bool,
    pub depends_on: Vec<DependencySpec>,
    pub restart: RestartSpec,
    pub stop: StopSpec,
    pub pre_stop: bool,
    pub post_stop: bool,
    pub readiness: Health,
    pub liveness: Option<Health>,
    pub bootstrap: bool,
    pub required: bool,
    pub autostart: bool,
}

impl Policy {
    pub(super) fn new(spec: &ServiceSpec) -> Self {
        let ports = !spec.ports.is_empty();
        Self {
            name: spec.name.clone(),
            oneshot: spec.kind == ServiceKind::Oneshot,
            depends_on: spec.depends_on.clone(),
            restart: spec.restart.clone(),
            stop: spec.stop.clone(),
            pre_stop: spec.pre_stop.is_some(),
            post_stop: spec.post_stop.is_some(),
            readiness: Health::new(&spec.readiness, ports),
            liveness: spec.liveness.as_ref().map(|probe| Health::new(probe, ports)),
            bootstrap: !spec.bootstrap.is_empty(),
            required: spec.required,
            autostart: spec.autostart,
        }
    }
}
