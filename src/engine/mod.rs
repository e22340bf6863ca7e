//! What should happen next. Pure and deterministic: events in, effects out; time, seeds and names are arguments.
//!
//! Owns, for every service, *desired × phase × run id*, and decides alone who starts, waits, stops, restarts, is ready
//! or has failed. Never touches a process, file, socket or clock. Every effect that can fail comes back as an [`Event`];
//! every event carries the run id it belongs to, and a stale one is counted and ignored.

mod admission;
mod chance;
pub mod clock;
pub mod effect;
pub mod event;
mod graph;
mod health;
mod invariants;
mod life;
mod machine;
pub mod phase;
mod policy;
mod propagate;
mod requests;
mod restart;
mod service;
mod shutdown;
pub mod snapshot;
mod view;
mod why;

#[cfg(test)]
mod tests;

pub use clock::Tick;
pub use effect::{Effect, Outcome, Refusal};
pub use event::{Command, Event, Exit, Failure, FailureKind, NotifyMessage, ProbeOutcome, ProbeRole, RequestId};
pub use machine::Engine;
pub use phase::{Desired, Phase};
pub use snapshot::{Cause, Record, ServiceSnapshot, Snapshot};

use serde::{Deserialize, Serialize};

/// One life of a service: from the first preparation to the empty process tree. Never reused within an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(pub u64);
