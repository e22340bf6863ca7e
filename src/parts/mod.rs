//! Third-party binaries: finds them on the machine or brings them, and proves that they are what was asked for.
//!
//! Owns the parts cache (`<cache>/<name>-<version>-<arch>/`), the downloads, the package clients that it starts, and
//! `parts.lock`. A part is looked for in this order: a path given by the operator, the cache, `PATH` and the
//! well-known places, then its sources one after the other. What is installed is built in a staging directory, checked
//! and renamed into place, so a part in the cache is always whole. Never starts a service, never reads `services.toml`,
//! never prints: what happens is told through [`Progress`].

mod archive;
mod cache;
mod client;
mod download;
mod error;
mod install;
mod locate;
mod lock;
mod memory;
mod npm;
mod progress;
mod pypi;
mod resolve;
mod version;

pub use cache::default_cache;
pub use client::lacking_client;
pub use error::{Attempt, PartError, SourceError};
pub use lock::{LockEntry, LockError, PartsLock};
pub use progress::{Event, Phase, Progress, Silent};
pub use resolve::{Origin, PartsEnv, Resolved, install_all, resolve};
pub use version::{Requirement, RequirementError, Version};

#[cfg(test)]
mod tests;
