//! Specifications for tests.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::spec::{
    BootstrapStep, Condition, DependencySpec, LimitsSpec, LogSpec, OnDependencyFailure, OnDependencyRestart, PortSpec,
    ProbeAction, ProbeSpec, RestartSpec, ServiceId, ServiceKind, ServiceSpec, StackSpec, StepAction, StopSpec,
    Template,
};

pub fn probe(action: ProbeAction) -> ProbeSpec {
    ProbeSpec {
        action,
        every: Duration::from_secs(10),
        timeout: Duration::from_secs(3),
        failures: 3,
        successes: 1,
        recover_successes: 2,
        start_timeout: Duration::from_secs(60),
        restart_on_unready: None,
    }
}

pub fn file_probe() -> ProbeSpec {
    probe(ProbeAction::File { path: Template::literal("/x") })
}

pub fn port() -> PortSpec {
    PortSpec { name: String::from("main"), host: IpAddr::V4(Ipv4Addr::LOCALHOST), number: Some(1), socket: false }
}

pub fn step() -> BootstrapStep {
    let action = StepAction::Copy { from: Template::literal("a"), to: Template::literal("b") };
    BootstrapStep { name: String::from("one"), action, timeout: Duration::from_secs(5), always: true }
}

/// Answers to a file probe, restarts unless stopped.
pub fn service(id: usize, name: &str) -> ServiceSpec {
    ServiceSpec {
        id: ServiceId(u32::try_from(id).unwrap()),
        name: name.to_owned(),
        description: None,
        kind: ServiceKind::Service,
        preset: None,
        data_format: None,
        command: vec![Template::literal("/bin/true")],
        env: BTreeMap::new(),
        env_pass: Vec::new(),
        cwd: None,
        user: None,
        group: None,
        umask: 0o022,
        ports: Vec::new(),
        networks: Vec::new(),
        volumes: BTreeMap::new(),
        depends_on: Vec::new(),
        restart: RestartSpec::default(),
        stop: StopSpec::default(),
        pre_stop: None,
        post_stop: None,
        readiness: file_probe(),
        liveness: None,
        limits: LimitsSpec::default(),
        required: true,
        autostart: true,
        control: None,
        logs: LogSpec::default(),
        parts: Vec::new(),
        builds: Vec::new(),
        watch: None,
        init: None,
        files: Vec::new(),
        bootstrap: Vec::new(),
        addresses: BTreeMap::new(),
        credentials: BTreeMap::new(),
        alternatives: Vec::new(),
    }
}

pub fn needs(service: usize, condition: Condition) -> DependencySpec {
    DependencySpec {
        service: ServiceId(u32::try_from(service).unwrap()),
        condition,
        required: true,
        on_restart: OnDependencyRestart::Ignore,
        on_failure: OnDependencyFailure::Wait,
    }
}

pub fn stack(services: Vec<ServiceSpec>) -> StackSpec {
    StackSpec {
        name: String::from("test"),
        dir: PathBuf::from("/"),
        mode: String::from("default"),
        modes: Vec::new(),
        user: String::from("nobody"),
        stop_timeout: Duration::from_secs(180),
        log_total_bytes: 1 << 30,
        parallel_starts: None,
        networks: Vec::new(),
        volumes: BTreeMap::new(),
        secrets: BTreeMap::new(),
        parts: BTreeMap::new(),
        services,
    }
}
