//! Typed steps: what fills a volume before the first start, and what is done once a service is ready.
//!
//! Owns how each kind of step is carried out, its time limit, its retries while a server comes up, and that a done step
//! is recorded right after it. Never starts a process itself (a [`Runner`] is handed in), never decides when steps are
//! run, never lets a secret into a message. Dropping a future of this module abandons the work: its processes are killed
//! by the [`Process`]'s drop, a step under way is not recorded.

mod action;
mod copy;
mod error;
mod exec;
mod http;
mod init;
mod mongo;
mod ready;
mod runner;
mod sql;
mod steps;

#[cfg(test)]
mod preset_tests;
#[cfg(test)]
mod tests;

pub use error::{Cause, StepError};
pub use init::{InitError, run_init};
pub use runner::{CommandLine, Process, Runner, Work};
pub use steps::{Context, run_steps};
