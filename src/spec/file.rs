//! The mirror of `services.toml`, of presets and of part files: what may be written, before any of it is judged.
//!
//! The JSON Schema, the check of every file's structure and the deserialisation all come from these types, so that they
//! cannot disagree. Everything is optional here; what must be there is decided when the values are checked.

mod build;
mod probe;
mod steps;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::stack::Alphabet;

pub use build::{BuildFile, BuildsFile, WatchFile};
pub use probe::{HealthFile, HttpFile, HttpTable, NoneFile, ProbeFile, StatusFile, TcpFile};
pub use steps::{
    CopyTable, ExecFile, ExecTable, FileFile, HttpStepTable, InitFile, InitServerFile, MongoTable, RenderTable,
    SqlDirTable, SqlTable, StepFile,
};

type Map<T> = BTreeMap<String, T>;

/// A reeve stack: services that run together as native processes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackFile {
    /// The stack as a whole.
    pub stack: Option<StackTable>,
    /// Groups of services that may connect to each other.
    pub networks: Option<Map<NetworkFile>>,
    /// Data directories that reeve makes and keeps.
    pub volumes: Option<Map<VolumeFile>>,
    /// Secrets that are made at the first start; declaring one is needed only to change its form.
    pub secrets: Option<Map<SecretFile>>,
    /// Third-party binaries.
    pub parts: Option<Map<PartFile>>,
    /// What runs.
    pub services: Option<Map<ServiceFile>>,
    /// Overlays, laid over the file when their mode is chosen.
    pub mode: Option<Map<ModeFile>>,
}

/// What a mode changes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeFile {
    /// As at the top.
    pub stack: Option<StackTable>,
    /// As at the top.
    pub networks: Option<Map<NetworkFile>>,
    /// As at the top.
    pub volumes: Option<Map<VolumeFile>>,
    /// As at the top.
    pub secrets: Option<Map<SecretFile>>,
    /// As at the top.
    pub parts: Option<Map<PartFile>>,
    /// As at the top.
    pub services: Option<Map<ServiceFile>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackTable {
    /// Name of the stack; the name of the directory unless set.
    pub name: Option<String>,
    /// Modes there are, the first is the default; `["production"]` unless set.
    pub modes: Option<Vec<String>>,
    /// Account that services run as when reeve is root and they name none; `reeve` unless set.
    pub user: Option<String>,
    /// Longest that stopping the whole stack may take; `180s` unless set.
    pub stop_timeout: Option<DurationText>,
    /// Total size of all logs; `1GiB` unless set.
    pub log_total: Option<SizeFile>,
    /// Starts that may run at once; no bound unless set.
    #[schemars(range(min = 1))]
    pub parallel_starts: Option<u32>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// What it is for.
    pub description: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeFile {
    /// A directory of your own; below the data directory unless set.
    pub path: Option<String>,
    /// Permission bits in octal; `0700` unless set.
    pub mode: Option<FileMode>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretFile {
    /// Environment variable that the secret is taken from when it is set.
    pub env: Option<String>,
    /// Characters to generate; 32 unless set.
    #[schemars(range(min = 8, max = 1024))]
    pub length: Option<u32>,
    /// What the characters are taken from; `alphanumeric` unless set.
    pub alphabet: Option<Alphabet>,
    /// The bcrypt hash of this other secret, instead of a generated text.
    pub bcrypt_of: Option<String>,
    /// The value of this other secret, where the environment gives none, instead of a generated text.
    pub same_as: Option<String>,
    /// `false`: empty where the environment gives none; for what others have made, such as a key of theirs.
    pub generate: Option<bool>,
}

/// A third-party binary distribution.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartFile {
    /// Version that the sources bring.
    pub version: Option<String>,
    /// What a copy found on the machine must satisfy, such as `>=17, <18`.
    pub requires: Option<String>,
    /// A directory that holds the part; nothing is fetched.
    pub path: Option<String>,
    /// Files below the part's root that must exist.
    pub binaries: Option<Vec<String>>,
    /// Directory of the binaries below the part's root; `bin` unless set.
    pub bin_dir: Option<String>,
    /// Command that prints the version of a copy found on the machine.
    pub version_command: Option<Vec<String>>,
    /// Directories where a copy may lie, with `*` for one path component.
    pub well_known: Option<Vec<String>>,
    /// What a person can do to get it by hand.
    pub hint: Option<String>,
    /// Where it comes from, tried in order.
    pub sources: Option<Vec<SourceFile>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKindFile {
    Url,
    Npm,
    Pypi,
    System,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// How it is fetched.
    pub kind: Option<SourceKindFile>,
    /// Architecture it is for, `x86_64` or `aarch64`; all unless set.
    pub arch: Option<ArchFile>,
    /// `url`: address of the archive or single file.
    pub url: Option<String>,
    /// `url` and `pypi`: checksum of the download.
    pub sha256: Option<String>,
    /// `url`: address of a published checksum file.
    pub sha256_url: Option<String>,
    /// `url`: leading path components dropped when unpacking.
    pub strip: Option<u32>,
    /// `url`: name of the file when the download is a single binary.
    pub file: Option<String>,
    /// `npm`, `pypi` and `system`: name of the package.
    pub package: Option<String>,
    /// `npm` and `pypi`: version of the package; the part's version unless set.
    pub version: Option<String>,
    /// `npm` and `pypi`: directory inside that becomes the part's root.
    pub subdir: Option<String>,
    /// `npm`: JSON file that lists symbolic links to make.
    pub symlinks: Option<String>,
    /// `npm`: integrity (SRI) of the package's tarball.
    pub integrity: Option<String>,
    /// Version of the part that this source brings, when it is not the part's own.
    pub provides: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ArchFile {
    #[serde(rename = "x86_64")]
    X86_64,
    #[serde(rename = "aarch64")]
    Aarch64,
}

impl ArchFile {
    pub fn name(self) -> &'static str {
        match self {
            ArchFile::X86_64 => "x86_64",
            ArchFile::Aarch64 => "aarch64",
        }
    }
}

/// One service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceFile {
    /// Preset that it is made from; every key here overrides the preset's.
    pub preset: Option<String>,
    /// Presets to take instead, in order, when a part of this one cannot be had.
    pub alternatives: Option<Vec<String>>,
    /// What it is, shown by `reeve ps --json` and the diagram.
    pub description: Option<String>,
    /// Runs once to its end.
    pub oneshot: Option<bool>,
    /// Program and arguments; no shell.
    pub command: Option<Vec<String>>,
    /// Its environment; nothing else of reeve's own is passed on.
    pub env: Option<Map<Scalar>>,
    /// Names passed on from reeve's own environment.
    pub env_pass: Option<Vec<String>>,
    /// Files of `NAME=value` lines; `env` wins over them, they win over the preset's `env`.
    pub env_file: Option<Vec<EnvFileFile>>,
    /// Working directory; the directory of `services.toml` unless set.
    pub cwd: Option<String>,
    /// Account that it runs as, when reeve is root; that of `[stack]` unless set.
    pub user: Option<String>,
    /// Group that it runs as; the first of the account unless set.
    pub group: Option<String>,
    /// Octal; `0077` unless set.
    pub umask: Option<FileMode>,
    /// Ports that it listens on.
    pub ports: Option<Map<PortFile>>,
    /// Networks that it belongs to.
    pub networks: Option<Vec<String>>,
    /// Role to volume name.
    pub volumes: Option<Map<String>>,
    /// A list of names waits for `ready` where the service has a probe of its own, for `completed_successfully` where it is
    /// a oneshot, else for `started`; a table says the condition.
    pub depends_on: Option<DependsFile>,
    /// When it is started again; `unless-stopped` unless set.
    pub restart: Option<RestartFile>,
    /// How it is asked to end.
    pub stop: Option<StopFile>,
    /// Run before the stop signal.
    pub pre_stop: Option<HookFile>,
    /// Run after the last process is gone.
    pub post_stop: Option<HookFile>,
    /// When it is ready; alive for a second and listening on its ports unless set.
    pub health: Option<HealthFile>,
    /// When it must be restarted although it runs; never unless set.
    pub liveness: Option<ProbeFile>,
    /// What it may use.
    pub limits: Option<LimitsFile>,
    /// `false`: the stack may come up without it.
    pub required: Option<bool>,
    /// `false`: started only by name or as a dependency.
    pub autostart: Option<bool>,
    /// What the service may ask of reeve's control API; nothing unless set.
    pub control: Option<ControlFile>,
    /// Left out of the stack.
    pub disabled: Option<bool>,
    /// How its output is kept.
    pub logs: Option<LogsFile>,
    /// Parts that it needs. In a preset also `[parts.NAME]` tables, which are then needed and declared at once.
    pub parts: Option<Vec<String>>,
    /// What is built before it starts, when what that is made from has changed.
    pub build: Option<BuildsFile>,
    /// Files whose change restarts it.
    pub watch: Option<WatchFile>,
    /// How its volume is filled before the first start.
    pub init: Option<InitFile>,
    /// Files written before every start.
    pub files: Option<Vec<FileFile>>,
    /// Steps run once it is ready.
    pub bootstrap: Option<Vec<StepFile>>,
    /// Label to address, shown once it is ready.
    pub addresses: Option<Map<String>>,
    /// Label to value, shown by `reeve credentials`.
    pub credentials: Option<Map<String>>,
    /// Major version of the format of the data in its volumes.
    pub data_format: Option<Scalar>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ControlFile {
    Read,
    Manage,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scalar::Bool(value) => write!(out, "{value}"),
            Scalar::Integer(value) => write!(out, "{value}"),
            Scalar::Number(value) => write!(out, "{value}"),
            Scalar::Text(value) => out.write_str(value),
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EnvFileFile {
    Path(String),
    Table(EnvFileTable),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvFileTable {
    /// Where it is, from the directory of `services.toml`.
    pub path: Option<String>,
    /// `false`: nothing is wrong when it is missing.
    pub required: Option<bool>,
}

/// A duration such as `10s`, `250ms` or `1m30s`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("x-expected" = "a duration such as \"10s\""))]
pub struct DurationText(pub String);

/// A size such as `400MB`, `400MiB` or a number of bytes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a size such as \"400MB\""))]
pub enum SizeFile {
    Bytes(i64),
    Text(String),
}

/// Permission bits in octal, such as `0700`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "permission bits such as \"0700\""))]
pub enum FileMode {
    Number(i64),
    Text(String),
}

/// A port number, `auto`, or a table with `port` and `host`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a port number, \"auto\" or a table { port, host, socket }"))]
pub enum PortFile {
    Number(i64),
    Text(String),
    Table(PortTable),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortTable {
    /// Its number; `auto` is any free one, kept afterwards.
    pub port: Option<PortNumberFile>,
    /// Address it binds; `127.0.0.1` unless set.
    pub host: Option<String>,
    /// `true`: reeve listens and hands the socket over at every start (`LISTEN_FDS`), so that clients wait in its queue while
    /// the service restarts.
    pub socket: Option<bool>,
}

/// A port number or `auto`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a port number or \"auto\""))]
pub enum PortNumberFile {
    Number(i64),
    Text(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DependsFile {
    List(Vec<String>),
    Table(Map<DependencyFile>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DependencyFile {
    Condition(ConditionFile),
    Table(DependencyTable),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionFile {
    Started,
    Ready,
    Healthy,
    Completed,
    CompletedSuccessfully,
    LogReady,
    Stopped,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DependencyTable {
    /// What is waited for.
    pub condition: Option<ConditionFile>,
    /// `false`: it only orders; the dependent starts also when it is disabled or has failed.
    pub required: Option<bool>,
    /// What happens when the other one is restarted; `ignore` unless set.
    pub on_restart: Option<OnRestartFile>,
    /// What happens when the other one has failed for good; `wait` unless set.
    pub on_failure: Option<OnFailureFile>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnRestartFile {
    Ignore,
    Restart,
    Stop,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailureFile {
    Wait,
    Skip,
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicyFile {
    No,
    OnFailure,
    UnlessStopped,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RestartFile {
    Policy(RestartPolicyFile),
    Table(RestartTable),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartTable {
    /// `unless-stopped` unless set; `no` for a oneshot.
    pub policy: Option<RestartPolicyFile>,
    /// Delay before the first restart; `100ms` unless set.
    pub first: Option<DurationText>,
    /// Factor by which every further delay grows; 2 unless set.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub factor: Option<f64>,
    /// Longest delay; `30s` unless set.
    pub cap: Option<DurationText>,
    /// Up to this fraction of a delay is added at random; 0.25 unless set.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub jitter: Option<f64>,
    /// Ready for this long without a failure: the delay is back at its first step; `30s` unless set.
    pub stable_after: Option<DurationText>,
    /// When failures are called a crash loop.
    pub crash_loop: Option<CrashLoopTable>,
    /// Give up after this many restarts in a crash loop; never unless set.
    pub max_restarts: Option<u32>,
    /// Exit codes that count as success, beside 0.
    pub success_exit_codes: Option<Vec<i64>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashLoopTable {
    /// Failures within the window that make a crash loop; 5 unless set.
    #[schemars(range(min = 1))]
    pub failures: Option<u32>,
    /// `60s` unless set.
    pub window: Option<DurationText>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeFile {
    Leader,
    Group,
}

/// A signal, by name or number.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a signal such as \"TERM\""))]
pub enum SignalFile {
    Number(i64),
    Name(String),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopFile {
    /// `TERM` unless set.
    pub signal: Option<SignalFile>,
    /// From the signal to the kill of the whole tree; `10s` unless set.
    pub grace: Option<DurationText>,
    /// Who gets the signal; `leader` unless set.
    pub scope: Option<ScopeFile>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HookFile {
    Command(Vec<String>),
    Table(HookTable),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookTable {
    /// Program and arguments; no shell.
    pub command: Option<Vec<String>>,
    /// `10s` unless set.
    pub timeout: Option<DurationText>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Memory of all its processes.
    pub memory: Option<SizeFile>,
    /// CPUs, 1.5 is one and a half.
    #[schemars(range(min = 0.01, max = 10000.0))]
    pub cpu: Option<f64>,
    /// Processes and threads at a time.
    #[schemars(range(min = 1))]
    pub processes: Option<u64>,
    /// Files and connections that one process may have open.
    #[schemars(range(min = 1))]
    pub open_files: Option<u64>,
    /// Largest core dump.
    pub core: Option<SizeFile>,
    /// Priority: -20 is first, 19 last.
    #[schemars(range(min = -20, max = 19))]
    pub nice: Option<i8>,
    /// Who is ended first when memory runs out: 1000 is first, -1000 never.
    #[schemars(range(min = -1000, max = 1000))]
    pub oom_score_adj: Option<i16>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FullFile {
    Drop,
    Block,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogsFile {
    /// A file is rotated at this size; `10MiB` unless set.
    pub max_size: Option<SizeFile>,
    /// Files kept; 5 unless set.
    #[schemars(range(min = 1))]
    pub max_files: Option<u32>,
    /// Longest line; `16KiB` unless set.
    pub max_line: Option<SizeFile>,
    /// Recent output kept in memory; `1MiB` unless set.
    pub ring: Option<SizeFile>,
    /// What happens when lines come faster than they can be written; `block` unless set.
    pub on_full: Option<FullFile>,
}
