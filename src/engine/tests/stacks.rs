//! Random stacks for the simulation: graphs without cycles, every policy and condition.

use std::time::Duration;

use super::fixture;
use crate::engine::chance::Chance;
use crate::spec::service::HookSpec;
use crate::spec::{
    Condition, OnDependencyFailure, OnDependencyRestart, ProbeAction, RestartPolicy, ServiceKind, StackSpec, Template,
};

pub fn random_stack(chance: &mut Chance) -> StackSpec {
    let count = 2 + chance.below(9);
    let mut services = Vec::new();
    for index in 0..usize::try_from(count).unwrap() {
        let mut spec = fixture::service(index, &format!("s{index}"));
        if chance.below(6) == 0 {
            spec.kind = ServiceKind::Oneshot;
            spec.restart.policy = RestartPolicy::OnFailure;
        }
        spec.restart.policy = match chance.below(8) {
            0 => RestartPolicy::No,
            1 => RestartPolicy::OnFailure,
            _ => spec.restart.policy,
        };
        spec.restart.max_restarts = (chance.below(8) == 0).then_some(4);
        if chance.below(4) == 0 {
            spec.restart.backoff.first = Duration::ZERO;
        }
        spec.autostart = chance.below(8) != 0;
        spec.readiness.start_timeout = Duration::from_secs(5);
        spec.readiness.action = match chance.below(9) {
            0 => ProbeAction::Log { pattern: String::from("x") },
            1 => ProbeAction::Notify,
            2 => ProbeAction::Delay { after: Duration::from_secs(1) },
            _ => ProbeAction::File { path: Template::literal("/x") },
        };
        if chance.below(2) == 0 {
            spec.ports.push(fixture::port());
        }
        spec.readiness.restart_on_unready = (chance.below(4) == 0).then_some(2);
        if chance.below(4) == 0 {
            spec.liveness = Some(fixture::file_probe());
        }
        let hook = || Some(HookSpec { command: Vec::new(), timeout: Duration::from_secs(5) });
        if chance.below(5) == 0 {
            spec.pre_stop = hook();
        }
        if chance.below(5) == 0 {
            spec.post_stop = hook();
        }
        if chance.below(5) == 0 {
            spec.bootstrap.push(fixture::step());
        }
        add_edges(chance, &mut spec, &services);
        services.push(spec);
    }
    let mut stack = fixture::stack(services);
    stack.parallel_starts = (chance.below(3) == 0).then(|| u32::try_from(1 + chance.below(3)).unwrap());
    stack
}

fn add_edges(chance: &mut Chance, spec: &mut crate::spec::ServiceSpec, services: &[crate::spec::ServiceSpec]) {
    for other in services {
        if chance.below(3) != 0 {
            continue;
        }
        let ends = other.kind == ServiceKind::Oneshot;
        let condition = match (ends, chance.below(6)) {
            (true, 0 | 1) => Condition::Completed,
            (true, _) => Condition::CompletedSuccessfully,
            (false, 0) => Condition::Started,
            (false, 1) if matches!(other.readiness.action, ProbeAction::Log { .. }) => Condition::LogReady,
            _ => Condition::Ready,
        };
        let mut edge = fixture::needs(other.id.index(), condition);
        edge.required = chance.below(5) != 0;
        edge.on_restart = match chance.below(6) {
            0 => OnDependencyRestart::Restart,
            1 if chance.below(6) == 0 => OnDependencyRestart::Stop,
            _ => OnDependencyRestart::Ignore,
        };
        edge.on_failure = match chance.below(6) {
            0 => OnDependencyFailure::Skip,
            1 => OnDependencyFailure::Stop,
            _ => OnDependencyFailure::Wait,
        };
        spec.depends_on.push(edge);
    }
}
