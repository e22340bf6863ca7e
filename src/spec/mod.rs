//! What was asked for. Pure: text in, a validated [`StackSpec`] or every problem at once out.
//!
//! Owns the file format (`services.toml`, presets, modes, interpolation, env files), the validated values that
//! every other module reads, the dependency graph and the JSON Schema. Never touches a file, a clock, the
//! environment or the network: the caller hands those in through [`load::Inputs`].

pub mod build;
mod defaults;
pub mod env_file;
pub mod error;
pub mod expanded;
pub mod file;
pub mod graph;
pub mod interpolate;
mod layers;
pub mod load;
mod merge;
pub mod node;
mod parse;
pub mod policy;
pub mod presets;
pub mod probe;
pub mod service;
mod shape;
pub mod stack;
pub mod template;
#[cfg(test)]
mod tests;
pub mod units;
mod validate;

pub use build::{BuildSpec, PathSet, WatchSpec};
pub use error::{Problem, Problems, Severity};
pub use expanded::{Expanded, Merged};
pub use graph::{Graph, mermaid};
pub use load::{Inputs, Loaded, load};
pub use policy::{BackoffSpec, RestartPolicy, RestartSpec, StopScope, StopSpec};
pub use probe::{HttpProbe, ProbeAction, ProbeSpec};
pub use service::{
    BootstrapStep, Condition, ControlGrant, DependencySpec, FileSpec, InitSpec, LimitsSpec, LogFull, LogSpec,
    OnDependencyFailure, OnDependencyRestart, PortSpec, ServiceId, ServiceKind, ServiceSpec, StepAction,
};
pub use shape::schema;
pub use stack::{Alphabet, PartSpec, SecretSpec, SourceSpec, StackSpec, VolumeSpec};
pub use template::{Facts, Filter, Piece, RenderError, Template};
