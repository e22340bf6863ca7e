//! What the supervisor holds for one run of a service, and the messages its tasks send back to the loop.

use tokio::task::AbortHandle;

use super::launch::Launched;
use super::output::Attached;
use super::prepare::Prepared;
use crate::engine::{Event, Failure, ProbeRole, RunId};
use crate::platform::{ChildHandle, Tree};
use crate::spec::ServiceId;

/// From a task to the loop.
#[derive(Debug)]
pub enum Message {
    /// Nothing to keep: straight into the engine.
    Event(Event),
    Prepared {
        service: ServiceId,
        run: RunId,
        result: Result<Box<Prepared>, Failure>,
    },
    /// Something about a build, for the history.
    Build {
        service: ServiceId,
        run: RunId,
        kind: &'static str,
        message: String,
    },
    /// What a watched service is made of is new: it is to run with it.
    Rebuilt {
        service: ServiceId,
    },
    Launched {
        service: ServiceId,
        run: RunId,
        result: Result<Box<Launched>, Failure>,
    },
}

/// One live run. Dropped when the engine releases it; the locks of its volumes go with it.
#[derive(Debug)]
pub struct Run {
    pub id: RunId,
    pub prepared: Option<std::sync::Arc<Prepared>>,
    pub tree: Option<std::sync::Arc<Tree>>,
    pub leader: Option<ChildHandle>,
    pub attached: Option<Attached>,
    /// Probes under way, by role.
    pub probes: [Option<AbortHandle>; 2],
    /// Preparation, bootstrap or hook under way; firing it makes the task answer soon.
    pub work: Option<tokio::sync::oneshot::Sender<()>>,
    /// Listens on the notify socket and the log for the length of the run.
    pub listeners: Vec<AbortHandle>,
}

impl Run {
    pub fn new(id: RunId) -> Self {
        Self {
            id,
            prepared: None,
            tree: None,
            leader: None,
            attached: None,
            probes: [None, None],
            work: None,
            listeners: Vec::new(),
        }
    }

    pub fn probe_slot(&mut self, role: ProbeRole) -> &mut Option<AbortHandle> {
        &mut self.probes[match role {
            ProbeRole::Readiness => 0,
            ProbeRole::Liveness => 1,
        }]
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        for task in self.probes.iter().flatten().chain(&self.listeners) {
            task.abort();
        }
    }
}
