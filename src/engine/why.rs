//! Why a service is where it is: the chain of what it waits for, down to what went wrong or was asked for.

use std::collections::BTreeSet;

use crate::spec::ServiceId;

use super::clock::{Timer, span_text};
use super::machine::{Engine, owner};
use super::snapshot::Cause;
use super::{Desired, Phase};

impl Engine {
    /// The service first, then, depth first, everything that holds it back; each service once.
    pub fn why(&self, id: ServiceId) -> Vec<Cause> {
        let mut causes = Vec::new();
        if id.index() >= self.services.len() {
            return causes;
        }
        let mut seen = BTreeSet::new();
        let mut todo = vec![(0, id, None)];
        while let Some((depth, id, condition)) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            causes.push(self.cause(depth, id.index(), condition));
            for (blocker, on) in self.blockers(id.index()).into_iter().rev() {
                todo.push((depth + 1, on, Some(blocker.condition)));
            }
        }
        causes
    }

    fn cause(&self, depth: u32, index: usize, condition: Option<String>) -> Cause {
        let service = &self.services[index];
        Cause {
            depth,
            service: service.policy.name.clone(),
            phase: service.phase,
            desired: service.desired,
            message: self.reason(index),
            condition,
            last_exit: service.last_exit,
            last_failure: service.last_failure.clone(),
            probe_failure: service.probe_failure.clone(),
        }
    }

    fn reason(&self, index: usize) -> String {
        let service = &self.services[index];
        let name = &service.policy.name;
        let last = self.last_trouble(index);
        let after = last.as_ref().map_or(String::new(), |last| format!(" ({last})"));
        match service.phase {
            Phase::Stopped => match service.desired {
                Desired::StoppedByHand => format!("{name} was stopped by hand"),
                Desired::Off => format!("{name} was not asked for"),
                Desired::Running => format!("{name} is stopped"),
            },
            Phase::Waiting if service.wants_slot => format!("{name} waits for other starts to end (parallel_starts)"),
            Phase::Waiting | Phase::Skipped => {
                let blockers = self.blockers(index);
                let waits: Vec<String> = blockers.iter().map(|(_, on)| self.wait_text(index, *on)).collect();
                let verb = if service.phase == Phase::Skipped { " is skipped: it" } else { "" };
                format!("{name}{verb} {}", waits.join(" and "))
            }
            Phase::Preparing => format!("{name} is being prepared{after}"),
            Phase::Starting => match &service.probe_failure {
                Some(failure) => format!("{name} is not ready yet: {failure}"),
                None => format!("{name} is not ready yet{after}"),
            },
            Phase::Bootstrapping => format!("{name} runs its bootstrap steps"),
            Phase::Ready => format!("{name} is ready"),
            Phase::Unready => match &service.probe_failure {
                Some(failure) => format!("{name} is not ready any more: {failure}"),
                None => format!("{name} is not ready any more"),
            },
            Phase::Stopping => match self.dependent_in_the_way(index) {
                Some(other) => format!("{name} is being stopped, waits for {} to stop", self.name(other)),
                None => format!("{name} is being stopped{after}"),
            },
            Phase::Backoff => {
                let due = self.timers.get(owner(index), Timer::Start).map(|at| at.since(self.now));
                let due = due.map_or(String::new(), |span| format!(", starts again in {}", span_text(span)));
                let crash_loop = if service.crash_loop { "; in a crash loop" } else { "" };
                format!("{name} ended{after}{due}{crash_loop}")
            }
            Phase::Completed => format!("{name} has ended well"),
            Phase::Failed => format!("{name} has failed{after} and is not started again"),
            Phase::Stuck => last.unwrap_or_else(|| format!("{name} has processes that cannot be killed")),
        }
    }

    /// What went wrong last, if anything did.
    fn last_trouble(&self, index: usize) -> Option<String> {
        let service = &self.services[index];
        if let Some(failure) = &service.last_failure {
            return Some(failure.message.clone());
        }
        service.last_exit.map(|exit| exit.to_string())
    }
}
