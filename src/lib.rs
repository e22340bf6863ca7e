//! reeve runs a stack of services as native child processes. `docs/ARCHITECTURE.md` is the map.

pub mod backend;
pub mod bootstrap;
pub mod cli;
pub mod control;
pub mod director;
pub mod engine;
pub mod governify;
pub mod parts;
pub mod platform;
pub mod proxy;
pub mod registry;
pub mod serve;
pub mod settings;
pub mod setup;
pub mod spec;
pub mod supervisor;
pub mod telemetry;
pub mod volumes;
