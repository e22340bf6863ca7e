//! What must hold after every step, and what must not. Debug builds look at every service; release builds do not look,
//! but an illegal move is reported, and the service that made it is not trusted any more.

use super::machine::Engine;
use super::service::Stage;
use super::{Effect, Phase};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Transition { service: usize, from: Phase, to: Phase },
    Holds { service: usize, rule: &'static str },
    Stack { rule: &'static str },
}

impl Engine {
    pub(super) fn sweep(&mut self) {
        if cfg!(debug_assertions) {
            self.look();
        }
        for broken in std::mem::take(&mut self.broken) {
            debug_assert!(false, "step {}: {broken:?}", self.steps);
            self.report(broken);
        }
    }

    fn report(&mut self, broken: Broken) {
        match broken {
            Broken::Transition { service, from, to } => {
                let message =
                    format!("{} went from {} to {}, which must not be", self.name(service), from.as_str(), to.as_str());
                self.distrust(service, message);
            }
            Broken::Holds { service, rule } => {
                let message = format!("{}: {rule} does not hold", self.name(service));
                self.distrust(service, message);
            }
            Broken::Stack { rule } => self.record_stack("invariant", format!("{rule} does not hold")),
        }
    }

    /// Ends what is there of it, for good.
    fn distrust(&mut self, index: usize, message: String) {
        self.record(index, "invariant", None, message.clone(), None);
        let failure = super::Failure { kind: super::FailureKind::Permanent, message, hint: None };
        if self.services[index].run.is_some() {
            self.stop_failed(index, failure);
        } else {
            self.services[index].last_failure = Some(failure);
            self.services[index].phase = Phase::Failed;
        }
        self.settle();
    }

    fn look(&mut self) {
        let mut runs = 0;
        let mut slots = 0;
        for (index, service) in self.services.iter().enumerate() {
            runs += u32::from(service.run.is_some());
            slots += u32::from(service.slot);
            let rule = match &service.run {
                None if service.phase.has_run() => Some("a phase of a run needs a run"),
                None if service.slot => Some("only a start takes a place among the starts"),
                None => None,
                Some(_) if !service.phase.has_run() => Some("a phase at rest has no run"),
                Some(run) => match (service.phase, run.stage) {
                    (Phase::Preparing, Stage::Preparing | Stage::Spawning) if !run.is_ending() => None,
                    (Phase::Starting | Phase::Bootstrapping | Phase::Ready | Phase::Unready, Stage::Up)
                        if !run.is_ending() && !run.leader_gone =>
                    {
                        None
                    }
                    (Phase::Stopping, Stage::Up) => Some("what is stopping is not up"),
                    (Phase::Stopping, Stage::Stuck) => Some("what is stuck says so"),
                    (Phase::Stopping, _) if run.is_ending() => None,
                    (Phase::Stuck, Stage::Stuck) if run.is_ending() => None,
                    _ => Some("phase and stage belong together"),
                },
            };
            if let Some(rule) = rule {
                self.broken.push(Broken::Holds { service: index, rule });
            }
        }
        if runs != self.live_runs {
            self.broken.push(Broken::Stack { rule: "the number of runs" });
        }
        if slots != self.slots_taken || slots > self.parallel_starts {
            self.broken.push(Broken::Stack { rule: "the number of starts" });
        }
        let finished = self.effects.iter().filter(|effect| matches!(effect, Effect::Finished { .. })).count();
        if finished > 1 {
            self.broken.push(Broken::Stack { rule: "finished is said once" });
        }
    }
}
