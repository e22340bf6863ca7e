//! The whole stack, validated.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::service::{ServiceId, ServiceSpec};
use super::template::Template;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackSpec {
    pub name: String,
    /// Directory of `services.toml`.
    pub dir: PathBuf,
    pub mode: String,
    pub modes: Vec<String>,
    /// Account that services run as when reeve is root and they name none; `reeve` unless set.
    pub user: String,
    /// Longest that stopping the whole stack may take; 180 s unless set.
    pub stop_timeout: Duration,
    /// Total size of all logs; 1 GiB unless set.
    pub log_total_bytes: u64,
    /// Starts (prepare to ready) that may run at once; `None`: no bound.
    pub parallel_starts: Option<u32>,
    pub networks: Vec<String>,
    pub volumes: BTreeMap<String, VolumeSpec>,
    pub secrets: BTreeMap<String, SecretSpec>,
    pub parts: BTreeMap<String, PartSpec>,
    /// In the order of the file; `ServiceId` is the index.
    pub services: Vec<ServiceSpec>,
}

impl StackSpec {
    pub fn service(&self, id: ServiceId) -> &ServiceSpec {
        &self.services[id.index()]
    }

    pub fn by_name(&self, name: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|service| service.name == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumeSpec {
    pub name: String,
    /// A directory of the operator's; `None` is `volumes/<name>` below the data directory.
    pub path: Option<PathBuf>,
    /// Permission bits; 0700 unless set.
    pub mode: u32,
}

/// What the characters of a generated secret are taken from, each equally likely.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Alphabet {
    /// A–Z, a–z and 0–9.
    #[default]
    Alphanumeric,
    /// 0–9 and a–f: keys that are written as hexadecimal digits.
    Hex,
}

/// A generated secret. Every `${secret.NAME}` names one; declaring it is needed only to change its form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretSpec {
    pub name: String,
    /// Taken from this environment variable when it is set.
    pub env: Option<String>,
    /// Characters to generate; 32 unless set.
    pub length: u32,
    pub alphabet: Alphabet,
    /// The bcrypt hash of another secret, instead of a generated text.
    pub bcrypt_of: Option<String>,
    /// The value of another secret, where the environment gives none, instead of a generated text. One that was
    /// generated before stays.
    pub same_as: Option<String>,
    /// Whether one is made where the environment gives none; it is empty otherwise.
    pub generate: bool,
}

impl SecretSpec {
    /// One that is only named: 32 characters.
    pub fn generated(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            env: None,
            length: 32,
            alphabet: Alphabet::default(),
            bcrypt_of: None,
            same_as: None,
            generate: true,
        }
    }

    /// The secret that it is made from.
    pub fn source(&self) -> Option<&str> {
        self.bcrypt_of.as_deref().or(self.same_as.as_deref())
    }
}

/// A third-party binary distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartSpec {
    pub name: String,
    /// Version that the sources bring.
    pub version: String,
    /// What a copy found on the machine must satisfy: comma-separated comparisons such as `>=17, <18`.
    pub requires: Option<String>,
    /// Given by the operator: a directory that holds the part, nothing is fetched.
    pub path: Option<PathBuf>,
    /// Files below the part's root that must exist, the run bit is set on them.
    pub binaries: Vec<String>,
    /// Directory of the binaries below the part's root, `${part.NAME.bin}`.
    pub bin_dir: String,
    /// Command of a binary that prints its version, for a copy found on the machine.
    pub version_command: Vec<String>,
    /// Directories where a copy may lie, with `*` for one path component, tried after `PATH`.
    pub well_known: Vec<String>,
    /// Tried in order; those of another architecture are left out when the file is loaded.
    pub sources: Vec<SourceSpec>,
    /// What a person can do to get it by hand, for the message when no source can be reached.
    pub hint: Option<String>,
}

/// Where a part comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum SourceSpec {
    /// A tarball, zip or single file over HTTPS (or HTTP on loopback).
    Url {
        url: Template,
        sha256: Option<String>,
        /// Address of a published checksum file, used when no sum is pinned.
        sha256_url: Option<Template>,
        /// Leading path components dropped when unpacking.
        strip: u32,
        /// Name of the file when the download, or the archive, is a single binary.
        file: Option<String>,
        /// Version of the part that this source brings, when it is not the part's own `version`.
        provides: Option<String>,
    },
    /// A package fetched by the npm client.
    Npm {
        package: String,
        version: String,
        /// Directory below the unpacked `node_modules` that becomes the part's root; the whole tree when empty.
        subdir: String,
        /// A JSON file, below the package's own directory, that lists symbolic links to make there ([{source, target}]).
        symlinks: Option<String>,
        /// Integrity (SRI) of the package's own tarball, checked in the lock file that npm wrote.
        integrity: Option<String>,
        /// Version of the part that this source brings, when it is not the part's own `version`.
        provides: Option<String>,
    },
    /// A wheel fetched by the pip client and unpacked.
    Pypi {
        package: String,
        version: String,
        sha256: String,
        /// Directory of the unpacked wheel that becomes the part's root; the whole wheel when empty.
        subdir: String,
        /// Version of the part that this source brings, when it is not the part's own `version`.
        provides: Option<String>,
    },
    /// Found on the machine only.
    System { package: String },
}
