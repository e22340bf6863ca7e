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
    /// Steps without a server.
    pub steps: Option<Vec<StepFile>>,
    /// A server that runs only during init.
    pub server: Option<InitServerFile>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitServerFile {
    /// Program and arguments; no shell.
    pub command: Option<Vec<String>>,
    /// When the steps may begin.
    pub ready: Option<ProbeFile>,
    /// `60s` unless set.
    pub ready_timeout: Option<DurationText>,
    /// Steps against the server.
    pub steps: Option<Vec<StepFile>>,
    /// How it is asked to end.
    pub stop: Option<StopFile>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileFile {
    /// Below a volume of the service or its run directory.
    pub path: Option<String>,
    /// The text itself.
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
    /// Runs a program.
    pub exec: Option<ExecFile>,
    /// Sends statements to PostgreSQL.
    pub sql: Option<SqlTable>,
    /// Sends every `.sql` file of a directory, in the order of their names.
    pub sql_dir: Option<SqlDirTable>,
    /// Sends a command to MongoDB.
    pub mongo: Option<MongoTable>,
    /// Sends a request.
    pub http: Option<HttpStepTable>,
    /// Copies a file or directory.
    pub copy: Option<CopyTable>,
    /// Writes a file, unless it is there.
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
    /// Program and arguments; no shell.
    pub command: Option<Vec<String>>,
    /// Added to the service's environment.
    pub env: Option<Map<Scalar>>,
    /// What it reads from its standard input.
    pub stdin: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlTable {
    /// Connection URL of the database.
    pub url: Option<String>,
    /// The statements themselves.
    pub statements: Option<String>,
    /// A file with the statements.
    pub template: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlDirTable {
    /// Connection URL of the database.
    pub url: Option<String>,
    /// The directory.
    pub dir: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MongoTable {
    /// Connection URL of the server.
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
    /// The address.
    pub url: Option<String>,
    /// `POST` unless set.
    pub method: Option<String>,
    /// Fields sent along.
    pub headers: Option<Map<String>>,
    /// The body itself.
    pub body: Option<String>,
    /// A file with the body.
    pub template: Option<String>,
    /// Accepted status, or first and last; `[200, 299]` unless set.
    pub status: Option<StatusFile>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyTable {
    /// A file or directory.
    pub from: Option<String>,
    /// Where to; what is there already stays as it is.
    pub to: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderTable {
    /// The text itself.
    pub content: Option<String>,
    /// A file with the text.
    pub template: Option<String>,
    /// Where to, below a volume of the service or its run directory.
    pub to: Option<String>,
    /// Permission bits in octal; `0600` unless set.
    pub mode: Option<FileMode>,
}
