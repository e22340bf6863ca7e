//! What becomes of a request: taken, already so, or refused with a typed reason.

use std::collections::BTreeSet;

use crate::spec::{Condition, ServiceId, StopScope};

use super::machine::Engine;
use super::requests::Kind;
use super::service::{Stage, StopCause};
use super::{Desired, Effect, Outcome, Phase, Refusal, RequestId};

impl Engine {
    /// An explicit start pulls in what the named services require and clears the hand-stopped marks of all of them: an
    /// operator who asks for a service asks for what it cannot do without. A start of everything leaves hand-stopped
    /// services, and so what requires them, as they are.
    pub(super) fn start(&mut self, request: RequestId, named: &[ServiceId]) {
        if let Some(refusal) = self.refusal(named) {
            self.reply(request, Outcome::Refused(refusal));
            return;
        }
        let wanted = if named.is_empty() { self.autostarted() } else { self.with_requirements(named) };
        let changes = wanted.iter().any(|id| self.services[id.index()].desired != Desired::Running);
        let rests = |id: &ServiceId| {
            let phase = self.services[id.index()].phase;
            phase == Phase::Failed || phase == Phase::Backoff || (phase == Phase::Completed && named.contains(id))
        };
        let again: Vec<ServiceId> = wanted.iter().copied().filter(rests).collect();
        let ending: Vec<ServiceId> = wanted
            .iter()
            .copied()
            .filter(|id| self.run(id.index()).is_some_and(super::service::Run::is_ending))
            .collect();
        if !changes && again.is_empty() && ending.is_empty() && !self.requests.unsaved {
            self.reply(request, Outcome::AlreadySo);
            return;
        }
        self.supersede(Kind::Stop, &wanted);
        self.want(&wanted);
        for id in ending {
            // It ends by itself: a person's wish comes before the back-off.
            if let Some(run) = self.run_mut(id.index()) {
                run.replace.get_or_insert(StopCause::Restart);
            }
        }
        for id in again {
            self.rerun(id.index());
        }
        let token = self.save_wishes();
        self.await_request(request, Kind::Start, Vec::new(), token);
    }

    /// Without names: everything.
    pub(super) fn stop(&mut self, request: RequestId, named: &[ServiceId]) {
        if let Some(refusal) = self.refusal(named) {
            self.reply(request, Outcome::Refused(refusal));
            return;
        }
        let named = self.named_or_all(named);
        let already = named.iter().all(|id| {
            let service = &self.services[id.index()];
            service.desired == Desired::StoppedByHand && service.run.is_none()
        });
        if already && !self.requests.unsaved {
            self.reply(request, Outcome::AlreadySo);
            return;
        }
        self.supersede(Kind::Restart, &named);
        let mut stuck = None;
        for id in &named {
            let index = id.index();
            self.services[index].desired = Desired::StoppedByHand;
            self.services[index].forget_failures();
            if let Some(run) = self.run_mut(index) {
                run.replace = None;
                if run.stage == Stage::Stuck {
                    stuck = Some(index);
                }
            }
            self.mark_around(index);
        }
        let token = self.save_wishes();
        self.await_request(request, Kind::Stop, named, token);
        if let Some(index) = stuck {
            let message = format!("{} has processes that cannot be killed", self.name(index));
            self.requests_failed(index, &message);
        }
    }

    /// Without names: everything that is wanted.
    pub(super) fn restart(&mut self, request: RequestId, named: &[ServiceId]) {
        if let Some(refusal) = self.refusal(named) {
            self.reply(request, Outcome::Refused(refusal));
            return;
        }
        let named: Vec<ServiceId> = if named.is_empty() {
            let wanted = self.services.iter().filter(|service| service.desired == Desired::Running);
            wanted.map(|service| service.id).collect()
        } else {
            self.named_or_all(named)
        };
        let wanted = self.with_requirements(&named);
        self.supersede(Kind::Stop, &wanted);
        self.want(&wanted);
        let mut stuck = None;
        for id in &named {
            let index = id.index();
            self.services[index].restarts = 0;
            self.services[index].forget_failures();
            match self.run_mut(index) {
                Some(run) if run.stage == Stage::Stuck => {
                    run.replace = Some(StopCause::Restart);
                    stuck = Some(index);
                }
                Some(run) if run.is_ending() || !matches!(run.stage, Stage::Preparing | Stage::Spawning) => {
                    let fresh = !run.is_ending();
                    run.replace = Some(StopCause::Restart);
                    self.mark_around(index);
                    if fresh {
                        self.propagate_restart(index);
                    }
                }
                // It is about to be spawned: that is the restart.
                Some(_) => {}
                None => self.rerun(index),
            }
        }
        let token = self.save_wishes();
        self.await_request(request, Kind::Restart, named, token);
        if let Some(index) = stuck {
            let message = format!("{} has processes that cannot be killed", self.name(index));
            self.requests_failed(index, &message);
        }
    }

    pub(super) fn signal(&mut self, request: RequestId, service: ServiceId, signal: i32) {
        let refusal = self.refusal(&[service]);
        if let Some(refusal) = refusal {
            self.reply(request, Outcome::Refused(refusal));
            return;
        }
        let index = service.index();
        let run = self.run(index).filter(|run| run.spawned_at.is_some() && !run.leader_gone).map(|run| run.id);
        match run {
            Some(run) => {
                self.effects.push(Effect::Signal { service, run, signal, scope: StopScope::Leader });
                self.reply(request, Outcome::Done);
            }
            None => {
                let service = self.name(index).to_owned();
                self.reply(request, Outcome::Refused(Refusal::NotRunning { service }));
            }
        }
    }

    fn refusal(&self, named: &[ServiceId]) -> Option<Refusal> {
        if self.shutdown.is_some() {
            return Some(Refusal::ShuttingDown);
        }
        named.iter().find(|id| id.index() >= self.services.len()).map(|id| Refusal::CannotStart {
            service: format!("number {}", id.0),
            reason: String::from("there is no such service"),
        })
    }

    fn named_or_all(&self, named: &[ServiceId]) -> Vec<ServiceId> {
        if named.is_empty() {
            return self.services.iter().map(|service| service.id).collect();
        }
        let unique: BTreeSet<ServiceId> = named.iter().copied().collect();
        unique.into_iter().collect()
    }

    fn autostarted(&self) -> Vec<ServiceId> {
        let wanted = |id: &ServiceId| self.services[id.index()].desired != Desired::StoppedByHand;
        let first = self.services.iter().filter(|service| service.policy.autostart).map(|service| service.id);
        self.closure(first.filter(wanted).collect(), wanted)
    }

    fn with_requirements(&self, named: &[ServiceId]) -> Vec<ServiceId> {
        self.closure(named.to_vec(), |_| true)
    }

    /// These and what they require, as far as `wanted` says, in the order of their ids.
    fn closure(&self, mut todo: Vec<ServiceId>, wanted: impl Fn(&ServiceId) -> bool) -> Vec<ServiceId> {
        let mut found = BTreeSet::new();
        while let Some(id) = todo.pop() {
            if !found.insert(id) {
                continue;
            }
            for edge in &self.services[id.index()].policy.depends_on {
                if edge.required && edge.condition != Condition::Stopped && wanted(&edge.service) {
                    todo.push(edge.service);
                }
            }
        }
        found.into_iter().collect()
    }

    fn want(&mut self, services: &[ServiceId]) {
        for id in services {
            let service = &mut self.services[id.index()];
            if service.desired != Desired::Running {
                service.desired = Desired::Running;
                service.restarts = 0;
                service.forget_failures();
                self.mark_around(id.index());
            }
        }
    }

    /// A person wants it again: no back-off, no earlier failures.
    fn rerun(&mut self, index: usize) {
        self.services[index].restarts = 0;
        self.services[index].forget_failures();
        if self.services[index].run.is_none() && self.services[index].phase != Phase::Stopped {
            self.try_start(index);
        }
        self.mark_around(index);
    }
}
