//! Requests under way. Each is answered exactly once: done, failed, refused or replaced by a newer one.

use crate::spec::ServiceId;

use super::machine::Engine;
use super::{Desired, Effect, Outcome, Phase, Refusal, RequestId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    Stop,
    Restart,
    Shutdown,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub request: RequestId,
    pub kind: Kind,
    /// Services that it names; a newer, opposite wish for one of them ends the request.
    pub named: Vec<ServiceId>,
    /// Services that it still waits for.
    pub left: Vec<ServiceId>,
    /// The save that makes its wish durable, while that is under way.
    pub token: Option<u64>,
    pub save_failed: Option<String>,
    pub problem: Option<String>,
    pub superseded: bool,
}

#[derive(Debug)]
pub(super) struct Requests {
    pub pending: Vec<Pending>,
    /// The latest list that was handed out to be saved.
    pub saved: Vec<ServiceId>,
    pub last_token: u64,
    /// The list on disk may not be `saved`.
    pub unsaved: bool,
}

impl Requests {
    pub(super) fn new(stopped_by_hand: &[ServiceId]) -> Self {
        let mut saved = stopped_by_hand.to_vec();
        saved.sort_unstable();
        saved.dedup();
        Self { pending: Vec::new(), saved, last_token: 0, unsaved: false }
    }
}

impl Engine {
    /// Has the wishes saved if they are not, and says which save to wait for.
    pub(super) fn save_wishes(&mut self) -> Option<u64> {
        let by_hand: Vec<ServiceId> = self
            .services
            .iter()
            .filter(|service| service.desired == Desired::StoppedByHand)
            .map(|service| service.id)
            .collect();
        if by_hand == self.requests.saved {
            let under_way = self.requests.unsaved;
            let last = self.requests.last_token;
            let waits = self.requests.pending.iter().any(|pending| pending.token == Some(last));
            if !under_way {
                return None;
            }
            if waits {
                return Some(last);
            }
        }
        self.requests.last_token += 1;
        let token = self.requests.last_token;
        self.requests.unsaved = true;
        self.requests.saved.clone_from(&by_hand);
        self.effects.push(Effect::SaveDesired { token, stopped_by_hand: by_hand });
        Some(token)
    }

    pub(super) fn desired_saved(&mut self, token: u64, failure: Option<String>) {
        if token == self.requests.last_token && failure.is_none() {
            self.requests.unsaved = false;
        }
        if let Some(reason) = &failure {
            self.record_stack("save-failed", format!("what was stopped by hand could not be saved: {reason}"));
        }
        for pending in &mut self.requests.pending {
            // A later list holds what an earlier one held, unless a newer request changed it.
            let covered = pending.token.is_some_and(|own| own == token || (failure.is_none() && own < token));
            if covered {
                pending.token = None;
                pending.save_failed.clone_from(&failure);
            }
        }
    }

    pub(super) fn await_request(&mut self, request: RequestId, kind: Kind, named: Vec<ServiceId>, token: Option<u64>) {
        self.requests.pending.push(Pending {
            request,
            kind,
            left: named.clone(),
            named,
            token,
            save_failed: None,
            problem: None,
            superseded: false,
        });
    }

    /// A newer wish for these services makes older, opposite requests pointless.
    pub(super) fn supersede(&mut self, kind: Kind, services: &[ServiceId]) {
        for pending in &mut self.requests.pending {
            // What a restart has already done stays done; a stop has to hold until it is answered.
            let still = if kind == Kind::Stop { &pending.named } else { &pending.left };
            if pending.kind == kind && still.iter().any(|service| services.contains(service)) {
                pending.superseded = true;
            }
        }
    }

    pub(super) fn requests_spawned(&mut self, index: usize) {
        let id = self.services[index].id;
        for pending in &mut self.requests.pending {
            if pending.kind == Kind::Restart {
                pending.left.retain(|service| *service != id);
            }
        }
    }

    /// The service did not come to where requests wanted it.
    pub(super) fn requests_failed(&mut self, index: usize, message: &str) {
        let id = self.services[index].id;
        let stuck = self.services[index].run.as_ref().is_some_and(|run| run.stage == super::service::Stage::Stuck);
        for pending in &mut self.requests.pending {
            let concerns = pending.kind == Kind::Restart || (stuck && pending.kind == Kind::Stop);
            if concerns && pending.left.contains(&id) {
                pending.left.retain(|service| *service != id);
                pending.problem.get_or_insert_with(|| message.to_owned());
            }
        }
    }

    /// Answers every request that has come to its end.
    pub(super) fn requests_settle(&mut self) {
        if self.requests.pending.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.requests.pending);
        pending.retain_mut(|pending| match self.outcome(pending) {
            Some(outcome) => {
                self.reply(pending.request, outcome);
                false
            }
            None => true,
        });
        self.requests.pending = pending;
    }

    fn outcome(&self, pending: &mut Pending) -> Option<Outcome> {
        if pending.superseded {
            return Some(Outcome::Refused(Refusal::Superseded));
        }
        match pending.kind {
            Kind::Stop => pending.left.retain(|service| self.services[service.index()].run.is_some()),
            Kind::Restart => {
                if self.shutdown.is_some() {
                    return Some(Outcome::Refused(Refusal::ShuttingDown));
                }
                for service in std::mem::take(&mut pending.left) {
                    let service = &self.services[service.index()];
                    match service.phase {
                        Phase::Failed | Phase::Skipped | Phase::Completed | Phase::Stopped => {
                            let text = format!("{} is {}", service.policy.name, service.phase.as_str());
                            pending.problem.get_or_insert(text);
                        }
                        _ => pending.left.push(service.id),
                    }
                }
            }
            Kind::Start => {}
            Kind::Shutdown => return None,
        }
        if !pending.left.is_empty() || pending.token.is_some() {
            return None;
        }
        if let Some(problem) = pending.problem.take() {
            return Some(Outcome::Failed(problem));
        }
        Some(match pending.save_failed.take() {
            None => Outcome::Done,
            Some(reason) => {
                let done = match pending.kind {
                    Kind::Stop => "stopped, but this",
                    Kind::Restart => "restarted, but the wish",
                    Kind::Start | Kind::Shutdown => "taken, but the wish",
                };
                Outcome::Failed(format!("{done} will not survive a restart of reeve: {reason}"))
            }
        })
    }

    /// The engine is at its end: nothing stays without an answer.
    pub(super) fn answer_the_rest(&mut self, left: &[ServiceId]) {
        for pending in std::mem::take(&mut self.requests.pending) {
            let outcome = match pending.kind {
                Kind::Shutdown if left.is_empty() => Outcome::Done,
                Kind::Shutdown | Kind::Stop if !left.is_empty() => {
                    let names: Vec<&str> = left.iter().map(|service| self.name(service.index())).collect();
                    Outcome::Failed(format!("still there: {}", names.join(", ")))
                }
                Kind::Restart => Outcome::Refused(Refusal::ShuttingDown),
                _ => Outcome::Failed(String::from("reeve ended before the wish was saved")),
            };
            self.reply(pending.request, outcome);
        }
    }
}
