//! How a build and a watch are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, Map, Scalar};

/// One build, or several that run in their order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a table { command, inputs, … }, or a list of them"))]
pub enum BuildsFile {
    One(Box<BuildFile>),
    Many(Vec<BuildFile>),
}

/// A command that makes what the service needs; run before a start when what it is made from has changed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildFile {
    /// Unique in the service; `build`, or `build-1`, `build-2` and so on, unless set.
    pub name: Option<String>,
    /// Program and arguments; no shell.
    pub command: Option<Vec<String>>,
    /// Working directory; the directory of `services.toml` unless set. Whoever owns it is who builds when reeve is root.
    pub cwd: Option<String>,
    /// What it is made from, beside `services.toml`: files, directories, and patterns with `*`, `?` and `**`; `!` before
    /// one leaves it out.
    pub inputs: Option<Vec<String>>,
    /// What it makes, beside `services.toml`; missing: built anew.
    pub outputs: Option<Vec<String>>,
    /// On top of what a build finds: `PATH`, `HOME`, the locale, proxies and `env_pass`.
    pub env: Option<Map<Scalar>>,
    /// A path beside `services.toml`: while it is missing, there is nothing to build.
    pub if_exists: Option<String>,
    /// `10m` unless set.
    pub timeout: Option<DurationText>,
}

/// A change of these files restarts the service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchFile {
    /// As `inputs` of a build.
    pub paths: Option<Vec<String>>,
    /// Program and arguments, run before the restart; the service's own builds unless set.
    pub build: Option<Vec<String>>,
    /// Of `build`; `10m` unless set.
    pub timeout: Option<DurationText>,
}
