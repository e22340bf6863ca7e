//! The engine's state, made into snapshots.

use crate::spec::{Condition, ServiceId};

use super::clock::Timer;
use super::machine::{Engine, owner};
use super::propagate::Edge;
use super::snapshot::{Blocker, ServiceSnapshot, Snapshot};
use super::{Desired, Phase};

impl Engine {
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            services: (0..self.services.len()).map(|index| self.view(index)).collect(),
            shutting_down: self.shutdown.is_some(),
        }
    }

    pub fn service_snapshot(&self, id: ServiceId) -> Option<ServiceSnapshot> {
        (id.index() < self.services.len()).then(|| self.view(id.index()))
    }

    /// Phase alone, without the cost of a snapshot.
    pub fn phase(&self, id: ServiceId) -> Option<Phase> {
        self.services.get(id.index()).map(|service| service.phase)
    }

    /// Whether it runs, or shall without anybody's doing: what is kept for it between two runs is of use.
    pub fn is_wanted(&self, id: ServiceId) -> bool {
        let over = |phase| matches!(phase, Phase::Stopped | Phase::Completed | Phase::Failed | Phase::Skipped);
        let service = self.services.get(id.index());
        let wanted = service.is_some_and(|service| !service.withdrawn && !over(service.phase));
        wanted && self.shutdown.is_none()
    }

    fn view(&self, index: usize) -> ServiceSnapshot {
        let service = &self.services[index];
        let run = service.run.as_ref();
        ServiceSnapshot {
            name: service.policy.name.clone(),
            phase: service.phase,
            desired: service.desired,
            run: run.map(|run| run.id),
            pid: run.filter(|run| !run.leader_gone).and_then(|run| run.pid),
            since: service.since,
            spawned_at: run.and_then(|run| run.spawned_at),
            next_start: self.timers.get(owner(index), Timer::Start),
            restarts: service.restarts,
            crash_loop: service.crash_loop,
            last_exit: service.last_exit,
            last_failure: service.last_failure.clone(),
            probe_failure: service.probe_failure.clone(),
            status_text: service.status_text.clone(),
            blocked_by: self.blockers(index).into_iter().map(|(blocker, _)| blocker).collect(),
            required: service.policy.required,
            oneshot: service.policy.oneshot,
        }
    }

    /// Dependencies that hold a service back, where it is held back.
    pub(super) fn blockers(&self, index: usize) -> Vec<(Blocker, ServiceId)> {
        let service = &self.services[index];
        let held = matches!(service.phase, Phase::Waiting | Phase::Skipped | Phase::Backoff);
        if !held || service.desired != Desired::Running {
            return Vec::new();
        }
        let edges = service.policy.depends_on.iter().filter(|edge| self.edge(edge) != Edge::Holds);
        edges
            .map(|edge| {
                let other = &self.services[edge.service.index()];
                let blocker = Blocker {
                    service: other.policy.name.clone(),
                    condition: condition_text(edge.condition).to_owned(),
                    phase: other.phase,
                };
                (blocker, edge.service)
            })
            .collect()
    }
}

/// As it is written in the file.
fn condition_text(condition: Condition) -> &'static str {
    match condition {
        Condition::Started => "started",
        Condition::Ready => "ready",
        Condition::Completed => "completed",
        Condition::CompletedSuccessfully => "completed_successfully",
        Condition::LogReady => "log_ready",
        Condition::Stopped => "stopped",
    }
}
