//! The stop of the whole stack: dependents first, a deadline for all, a second request that does not wait.

use std::time::Duration;

use crate::spec::ServiceId;

use super::clock::{Timer, span_text};
use super::machine::{Engine, Shutdown, owner};
use super::requests::Kind;
use super::service::Stage;
use super::{Effect, RequestId};

/// What is left of the stack after everything was killed has this long to go before it is left behind.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Every tree is being killed.
    pub(super) fn kills(&self) -> bool {
        self.shutdown.is_some_and(|shutdown| shutdown.killing)
    }

    pub(super) fn shut_down(&mut self, request: RequestId, at_once: bool) {
        self.await_request(request, Kind::Shutdown, Vec::new(), None);
        if self.shutdown.is_none() {
            self.shutdown = Some(Shutdown { killing: at_once, finished: false });
            self.record_stack("shutdown", String::from("the stack is being stopped"));
            let stack = self.services.len();
            let patience = if at_once { KILL_PATIENCE } else { self.stop_timeout };
            self.timers.set(owner(stack), Timer::Shutdown, self.now.after(patience));
            for index in 0..stack {
                self.mark(index);
            }
        } else if !self.kills() {
            self.kill_everything(String::from("asked again: everything that is left is killed"));
        }
    }

    fn kill_everything(&mut self, message: String) {
        if let Some(shutdown) = self.shutdown.as_mut() {
            shutdown.killing = true;
        }
        self.record_stack("killed", message);
        let stack = self.services.len();
        self.timers.set(owner(stack), Timer::Shutdown, self.now.after(KILL_PATIENCE));
        for index in 0..stack {
            if self.run(index).is_some_and(super::service::Run::is_ending) {
                self.kill(index);
            }
            self.mark(index);
        }
    }

    pub(super) fn shutdown_over(&mut self) {
        if self.kills() {
            self.finish();
        } else {
            let names: Vec<&str> = (0..self.services.len())
                .filter(|index| self.services[*index].run.is_some())
                .map(|index| self.name(index))
                .collect();
            let message = format!("not stopped within {}: {}; killed", span_text(self.stop_timeout), names.join(", "));
            self.kill_everything(message);
        }
    }

    /// Finished as soon as no run is left and every wish is on disk.
    pub(super) fn shutdown_settle(&mut self) {
        let Some(shutdown) = self.shutdown else { return };
        if shutdown.finished {
            return;
        }
        let saving = self.requests.pending.iter().any(|pending| pending.token.is_some());
        let nothing_left = self.live_runs == 0 && !saving;
        if nothing_left || (shutdown.killing && !saving && self.only_stuck()) {
            self.finish();
        }
    }

    fn only_stuck(&self) -> bool {
        let mut runs = self.services.iter().filter_map(|service| service.run.as_ref());
        runs.all(|run| run.stage == Stage::Stuck)
    }

    fn finish(&mut self) {
        let Some(shutdown) = self.shutdown.as_mut() else { return };
        if std::mem::replace(&mut shutdown.finished, true) {
            return;
        }
        self.timers.clear_all();
        let left: Vec<ServiceId> =
            self.services.iter().filter(|service| service.run.is_some()).map(|service| service.id).collect();
        self.answer_the_rest(&left);
        self.effects.push(Effect::Finished { left });
    }
}
