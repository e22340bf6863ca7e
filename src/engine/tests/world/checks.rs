//! What must hold in the world at every moment and, above all, when peace has come.

use std::collections::BTreeSet;

use std::time::Duration;

use super::World;
use crate::engine::{Desired, Outcome, Phase, RequestId};
use crate::spec::{Condition, ServiceId};

impl World {
    pub(super) fn answered(&mut self, request: RequestId, outcome: &Outcome) {
        let answers = self.requests.get_mut(&request).expect("a request that was made");
        *answers += 1;
        assert_eq!(*answers, 1, "{request:?} is answered twice");
        if let (Some(services), Outcome::Done) = (self.stops.get(&request), outcome) {
            for service in services {
                assert!(self.current[service.index()].is_none(), "stop is done, and {service:?} still runs");
                assert_eq!(self.desired(*service), Desired::StoppedByHand);
            }
            let newest = self.saved.iter().any(|(_, saved)| *saved);
            assert!(newest, "stop is done, and nothing was saved");
        }
    }

    /// The dependencies hold at the moment of the spawn, by the shadow's own reading of the world.
    pub(super) fn check_gate(&self, service: ServiceId) {
        for edge in &self.stack.services[service.index()].depends_on {
            if !edge.required {
                continue;
            }
            let other = &self.stack.services[edge.service.index()];
            let phase = self.engine.phase(edge.service).unwrap();
            let run = self.current[edge.service.index()].map(|run| &self.runs[&(edge.service, run)]);
            let alive = run.is_some_and(|run| run.leader);
            let holds = match edge.condition {
                Condition::Started => alive || phase == Phase::Completed,
                Condition::Ready => (alive && phase == Phase::Ready) || phase == Phase::Completed,
                Condition::LogReady => alive && run.is_some_and(|run| run.matched),
                Condition::Completed => run.is_none() && self.engine.services[edge.service.index()].last_exit.is_some(),
                Condition::CompletedSuccessfully => phase == Phase::Completed,
                Condition::Stopped => run.is_none(),
            };
            assert!(holds, "{service:?} is spawned, and {} is {phase:?} ({:?})", other.name, edge.condition);
            if edge.condition != Condition::Stopped && crate::engine::graph::is_live(edge.condition) {
                assert_ne!(self.desired(edge.service), Desired::StoppedByHand, "{} was stopped by hand", other.name);
            }
        }
    }

    /// No more trouble: everything wanted runs at last, or has a reason.
    pub(super) fn peace(&mut self) {
        for process in self.runs.values_mut() {
            process.deaf = false;
        }
        // Longer than any back-off, start timeout and stuck tree.
        let until = self.now.after(Duration::from_secs(400));
        while self.now < until {
            let deadline = self.engine.next_deadline();
            let agenda = self.agenda.first_key_value().map(|((at, _), _)| *at);
            match (deadline, agenda) {
                (None, None) => break,
                _ => self.turn(),
            }
        }
        let most = 40 * self.stack.services.len();
        assert!(self.quiet_starts <= most, "{} starts in peace: somebody goes round in circles", self.quiet_starts);
        for index in 0..self.stack.services.len() {
            let id = ServiceId(u32::try_from(index).unwrap());
            let view = self.engine.service_snapshot(id).unwrap();
            let run = self.current[index];
            assert_eq!(view.run, run, "{} and the shadow differ", view.name);
            match view.desired {
                Desired::Running => match view.phase {
                    Phase::Ready | Phase::Completed => {}
                    Phase::Failed => assert!(view.last_exit.is_some() || view.last_failure.is_some()),
                    Phase::Waiting | Phase::Skipped => {
                        assert!(!view.blocked_by.is_empty(), "{} waits for nothing", view.name);
                        let why = self.engine.why(id);
                        assert!(why.len() > 1, "{why:?}");
                        let ends = why.iter().any(|cause| {
                            cause.desired != Desired::Running
                                || matches!(
                                    cause.phase,
                                    Phase::Failed | Phase::Ready | Phase::Starting | Phase::Completed
                                )
                        });
                        assert!(ends, "the chain of {} ends nowhere: {why:?}", view.name);
                    }
                    Phase::Starting if view.oneshot => {}
                    other => panic!("{} is wanted and {other:?} in peace: {:?}", view.name, self.engine.why(id)),
                },
                Desired::StoppedByHand | Desired::Off => {
                    assert!(run.is_none(), "{} is not wanted and {:?}", view.name, view.phase);
                    assert_eq!(view.phase, Phase::Stopped);
                }
            }
        }
        let open: BTreeSet<_> = self.requests.iter().filter(|(_, answers)| **answers == 0).collect();
        for (request, _) in open {
            assert!(
                self.engine.requests.pending.iter().any(|pending| pending.request == *request),
                "{request:?} was forgotten"
            );
        }
    }
}
