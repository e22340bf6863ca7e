//! How init, bootstrap steps and rendered files are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, FileMode, Map, ProbeFile, Scalar, StatusFile, StopFile};

/// How a volume is filled before the first start.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitFile {
    /// Role of the volume that it fills.
    pub volume: Option<String>,
    pub steps: Option<Vec<StepFile>>,
    /// A server that runs only during init.
    pub server: Option<InitServerFile>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitServerFile {
    pub command: Option<Vec<String>>,
    pub ready: Option<ProbeFile>,
    /// `60s` unless set.
    pub ready_timeout: Option<DurationText>,
    pub steps: Option<Vec<StepFile>>,
    pub stop: Option<StopFile>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileFile {
    /// Below a volume of the service or its run directory.
    pub path: Option<String>,
    pub content: Option<String>,
    /// A file beside `services.toml`, or one that reeve brings.
    pub template: Option<String>,
    /// Permission bits in octal; `0600` unless set.
    pub mode: Option<FileMode>,
    /// Written only when it does not exist yet.
    pub keep_existing: Option<bool>,
}

/// One of `exec`, `sql`, `sql_dir`, `mongo`, `http`, `copy` and `render`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// Unique in the service.
    pub name: Option<String>,
    pub exec: Option<ExecFile>,
    pub sql: Option<SqlTable>,
    pub sql_dir: Option<SqlDirTable>,
    pub mongo: Option<MongoTable>,
    pub http: Option<HttpStepTable>,
    pub copy: Option<CopyTable>,
    pub render: Option<RenderTable>,
    /// `60s` unless set.
    pub timeout: Option<DurationText>,
    /// At every start; once per volume and content of the step unless set.
    pub always: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExecFile {
    Command(Vec<String>),
    Table(ExecTable),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecTable {
    pub command: Option<Vec<String>>,
    pub env: Option<Map<Scalar>>,
    pub stdin: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlTable {
    pub url: Option<String>,
    pub statements: Option<String>,
    /// A file with the statements.
    pub template: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlDirTable {
    pub url: Option<String>,
    pub dir: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MongoTable {
    pub url: Option<String>,
    /// `admin` unless set.
    pub database: Option<String>,
    /// A command document in JSON.
    pub command: Option<String>,
    /// A file with the command document.
    pub template: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpStepTable {
    pub url: Option<String>,
    /// `POST` unless set.
    pub method: Option<String>,
    pub headers: Option<Map<String>>,
    pub body: Option<String>,
    /// A file with the body.
    pub template: Option<String>,
    pub status: Option<StatusFile>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyTable {
    pub from: Option<String>,
    pub to: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderTable {
    pub content: Option<String>,
    pub template: Option<String>,
    pub to: Option<String>,
    /// Permission bits in octal; `0600` unless set.
    pub mode: Option<FileMode>,
}
