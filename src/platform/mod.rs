//! The operating system: processes, containment, identity, files that must survive. The only module with `unsafe`.
//!
//! It decides nothing about services and knows nothing of ours; it offers calls and reports what happened.
#![expect(unsafe_code, reason = "system calls that no safe wrapper offers live here and nowhere else")]

pub mod access;
pub mod account;
pub mod cgroup;
pub mod clock;
pub mod descriptors;
pub mod durable;
pub mod features;
pub mod hierarchy;
pub mod identity;
pub mod limits;
pub mod lock;
pub mod memory;
pub mod notify;
pub mod ports;
pub mod reaper;
pub mod scan;
pub mod sockets;
pub mod spawn;
pub mod spawn_error;
pub mod tree;
pub mod usage;
mod vfork;
pub mod wall_timer;

pub use spawn::{Child, ChildHandle, Credentials, ExitStatus, Rlimit, SpawnPlan, spawn};
pub use spawn_error::{SpawnError, Stage};
pub use tree::{Containment, Rung, Scope, Survivor, Tree};

#[cfg(test)]
mod tests;
