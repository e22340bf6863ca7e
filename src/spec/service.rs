//! One validated service.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::build::{BuildSpec, WatchSpec};
use super::policy::{RestartSpec, StopSpec};
use super::probe::{ProbeAction, ProbeSpec};
use super::template::Template;

/// Index of a service in [`super::StackSpec::services`]; stable for one loaded stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ServiceId(pub u32);

impl ServiceId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// Runs until it is stopped.
    Service,
    /// Runs once to its end (`oneshot = true`): ready never, completed at its end.
    Oneshot,
}

/// What a dependent waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its first process runs.
    Started,
    /// Its readiness probe holds and its bootstrap is done. `healthy` is an alias.
    Ready,
    /// It ran to its end, whatever the exit code.
    Completed,
    /// It ran to its end with a success code.
    CompletedSuccessfully,
    /// Its log probe has matched.
    LogReady,
    /// It does not run.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDependencyRestart {
    Ignore,
    Restart,
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDependencyFailure {
    Wait,
    Skip,
    Stop,
}

impl Condition {
    /// As it is written in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Started => "started",
            Condition::Ready => "ready",
            Condition::Completed => "completed",
            Condition::CompletedSuccessfully => "completed_successfully",
            Condition::LogReady => "log_ready",
            Condition::Stopped => "stopped",
        }
    }
}

/// What a service may ask of reeve's control API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlGrant {
    /// State, events and logs of the stack.
    Read,
    /// The same, and to start, stop and restart services.
    Manage,
}

impl ControlGrant {
    pub fn as_str(self) -> &'static str {
        match self {
            ControlGrant::Read => "read",
            ControlGrant::Manage => "manage",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencySpec {
    pub service: ServiceId,
    pub condition: Condition,
    /// A dependency that is not required only orders: when it is disabled, missing or has failed, the dependent starts.
    pub required: bool,
    pub on_restart: OnDependencyRestart,
    pub on_failure: OnDependencyFailure,
}

/// A port that the service listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortSpec {
    pub name: String,
    /// Address it binds; 127.0.0.1 unless set.
    pub host: std::net::IpAddr,
    /// The declared number plus the port offset; `None` for `auto` (chosen once, remembered in the state).
    pub number: Option<u16>,
    /// reeve listens on it and hands the socket over at every start, so that clients wait while the service restarts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub socket: bool,
}

/// Resource limits; what the kernel in use cannot enforce is reported, never silently dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LimitsSpec {
    pub memory_bytes: Option<u64>,
    /// Hundredths of one CPU: 150 is one and a half.
    pub cpu_percent: Option<u32>,
    pub processes: Option<u64>,
    pub open_files: Option<u64>,
    pub core_bytes: Option<u64>,
    pub nice: Option<i8>,
    pub oom_score_adj: Option<i16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFull {
    /// Lines that cannot be kept up with are dropped, counted, and the count is written to the log.
    Drop,
    /// The service waits until its lines are written.
    Block,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogSpec {
    /// A file is rotated at this size; 10 MiB unless set.
    pub max_bytes: u64,
    /// Files kept, the current one among them; 5 unless set.
    pub max_files: u32,
    /// Longest line; what is longer is split and marked as continued; 16 KiB unless set.
    pub max_line_bytes: u32,
    /// Most recent output kept in memory; 1 MiB unless set.
    pub ring_bytes: u32,
    pub on_full: LogFull,
}

impl Default for LogSpec {
    fn default() -> Self {
        Self {
            max_bytes: 10 << 20,
            max_files: 5,
            max_line_bytes: 16 << 10,
            ring_bytes: 1 << 20,
            on_full: LogFull::Block,
        }
    }
}

/// A file written before every start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSpec {
    /// Where it is written; below one of the service's volumes or its run directory.
    pub path: Template,
    pub content: Template,
    /// Permission bits; 0600 unless set.
    pub mode: u32,
    /// Written only when it does not exist yet.
    pub keep_existing: bool,
}

/// One typed step, recorded in the manifest of the service's first volume once done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootstrapStep {
    /// Name under which it is recorded; unique in the service.
    pub name: String,
    pub action: StepAction,
    pub timeout: Duration,
    /// `true`: at every start (the step must be idempotent); `false`: once per volume and content of the step.
    pub always: bool,
}

/// What a bootstrap or init step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepAction {
    /// Runs to exit code 0 as the service's user. `stdin` may hold secrets, `command` must not.
    Exec { command: Vec<Template>, env: BTreeMap<String, Template>, stdin: Option<Template> },
    /// Statements run as one simple query, over a connection URL of PostgreSQL.
    Sql { url: Template, statements: Template },
    /// The `.sql` files of a directory, in name order; a missing or empty directory is nothing to do.
    SqlDir { url: Template, dir: Template },
    /// A command document, in (relaxed extended) JSON, run on one database.
    Mongo { url: Template, database: Template, command: Template },
    /// A request; any status of `status` is success.
    Http { method: String, url: Template, headers: Vec<(String, Template)>, body: Option<Template>, status: (u16, u16) },
    /// A file or directory, copied if the target is missing.
    Copy { from: Template, to: Template },
    /// A rendered file, written if the target is missing.
    Render { content: Template, to: Template, mode: u32 },
}

/// How a volume is filled before the first start. Runs in a side directory that is renamed at the end; in its templates
/// `${self.volume.<role>}` is the side directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InitSpec {
    /// Role (key of the service's `volumes`) of the volume that it fills.
    pub volume: String,
    /// Run in order, before the temporary server.
    pub steps: Vec<BootstrapStep>,
    /// A server that runs only during init (on a private socket), for steps that need one.
    pub server: Option<InitServer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InitServer {
    pub command: Vec<Template>,
    pub ready: ProbeAction,
    pub ready_timeout: Duration,
    /// Run once it is ready.
    pub steps: Vec<BootstrapStep>,
    pub stop: StopSpec,
}

/// One service, complete: preset, own fields and mode overlay merged, every value checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceSpec {
    pub id: ServiceId,
    pub name: String,
    pub description: Option<String>,
    pub kind: ServiceKind,
    /// Preset it was made from.
    pub preset: Option<String>,
    /// Major version of the data format, from the preset's part; a volume of another one is refused.
    pub data_format: Option<String>,
    /// Program and arguments, no shell. The program is found in `PATH` of the rendered environment if it has no slash.
    pub command: Vec<Template>,
    /// The whole environment beyond the few names that reeve itself sets.
    pub env: BTreeMap<String, Template>,
    /// Names passed on from reeve's own environment.
    pub env_pass: Vec<String>,
    pub cwd: Option<Template>,
    pub user: Option<String>,
    pub group: Option<String>,
    pub umask: u32,
    pub ports: Vec<PortSpec>,
    pub networks: Vec<String>,
    /// Role → volume name.
    pub volumes: BTreeMap<String, String>,
    pub depends_on: Vec<DependencySpec>,
    pub restart: RestartSpec,
    pub stop: StopSpec,
    pub pre_stop: Option<HookSpec>,
    pub post_stop: Option<HookSpec>,
    pub readiness: ProbeSpec,
    pub liveness: Option<ProbeSpec>,
    pub limits: LimitsSpec,
    /// A stack may be called up although this service cannot be had or has failed.
    pub required: bool,
    /// Started by `up` without names.
    pub autostart: bool,
    /// What it may ask of the control API.
    pub control: Option<ControlGrant>,
    pub logs: LogSpec,
    /// Parts it needs, keys of [`super::StackSpec::parts`].
    pub parts: Vec<String>,
    /// Run before a start, in this order, each when its inputs have changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<BuildSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchSpec>,
    pub init: Option<InitSpec>,
    pub files: Vec<FileSpec>,
    pub bootstrap: Vec<BootstrapStep>,
    /// What people open or connect to once it is ready, shown at the end of `up`: label → address (no secrets).
    pub addresses: BTreeMap<String, Template>,
    /// What `reeve credentials` shows: label → value.
    pub credentials: BTreeMap<String, Template>,
    /// Other ways to run it, tried in order when a part of this one cannot be had (same id, name, ports, volumes).
    pub alternatives: Vec<ServiceSpec>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookSpec {
    pub command: Vec<Template>,
    pub timeout: Duration,
}
