//! What was asked for. Pure: text in, a validated [`StackSpec`] or every problem at once out.
//!
//! Owns the file format (`services.toml`, presets, modes, interpolation, env files), the validated values that
//! every other module reads, the dependency graph and the JSON Schema. Never touches a file, a clock, the
//! environment or the network: the caller hands those in through [`load::Inputs`].

pub mod policy;
pub mod probe;
pub mod service;
pub mod stack;
pub mod template;

pub use policy::{BackoffSpec, RestartPolicy, RestartSpec, StopScope, StopSpec};
pub use probe::{HttpProbe, ProbeAction, ProbeSpec};
pub use service::{
    BootstrapStep, Condition, DependencySpec, FileSpec, InitSpec, LimitsSpec, LogFull, LogSpec, OnDependencyFailure,
    OnDependencyRestart, PortSpec, ServiceId, ServiceKind, ServiceSpec, StepAction,
};
pub use stack::{PartSpec, SecretSpec, SourceSpec, StackSpec, VolumeSpec};
pub use template::{Facts, Filter, Piece, RenderError, Template};
