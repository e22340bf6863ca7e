//! Does what the engine says: children, probes, timers, logs, volumes; and tells it what came of it.
//!
//! Owns the one loop ([`Supervisor`]), a task for each thing under way, and the thread of the logs. Decides nothing: a
//! choice that creeps in here belongs into the engine. The way in is [`handle`]; [`assemble`] makes everything ready
//! before the first service is started, the loop in [`runtime`] selects an event, steps the engine, runs the effects.

mod accounts;
mod assemble;
mod assembly;
mod build;
pub mod caller;
mod clear;
mod effects;
mod environment;
mod exec;
mod facts;
pub mod handle;
pub mod history;
pub mod journal;
mod launch;
pub mod layout;
mod limits;
pub mod logs;
pub mod output;
mod prepare;
pub mod probe;
mod probes;
mod publish;
mod run;
mod runtime;
mod selection;
mod signals;
mod sockets;
mod stale;
mod state_writer;
mod steps;
pub mod usage;
mod watch;
pub mod why;

pub use accounts::account_of;
pub use assemble::{AssembleError, Options, assemble, make_directories, stack_key, volume_paths};
pub use assembly::Assembly;
pub use build::{Builder, Made, Order, Outcome as BuildOutcome, Policy as BuildPolicy, Workshop};
pub use clear::Idle;
pub use environment::environment;
pub use facts::{PartFacts, ServiceFacts, StackFacts};
pub use logs::Logs;
pub use prepare::find_program;
pub use publish::{tail, view};
pub use runtime::{Ended, Supervisor};
pub use selection::{Selection, select};
pub use signals::{OsSignal, Signals};
pub use stale::{Fate, Image, Sources, Stale, look as look_for_stale};
