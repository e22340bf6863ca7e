//! The manifest inside a volume: whose it is, what wrote it, which steps are done.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::disk;
use super::error::VolumeError;

/// Name of the manifest in a volume's directory.
pub const MANIFEST_NAME: &str = ".reeve-volume.json";

/// Format written now. A reader refuses a higher one.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// Being filled for the first time, in a side directory.
    Initialising,
    Ready,
}

/// A part and the version of it that made the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartVersion {
    pub name: String,
    pub version: String,
}

impl std::fmt::Display for PartVersion {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.name, self.version)
    }
}

/// A step that was done, with the hash of what it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDone {
    pub sha256: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeManifest {
    pub format: u32,
    pub state: VolumeState,
    pub stack: String,
    pub volume: String,
    pub service: String,
    pub preset: Option<String>,
    /// Version of the data's format, usually the software's major version.
    pub data_format: Option<String>,
    pub part: Option<PartVersion>,
    pub created: Timestamp,
    #[serde(default)]
    pub steps: BTreeMap<String, StepDone>,
}

/// Read first, so that a manifest of a newer format is named as such, whatever else changed in it.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl VolumeManifest {
    pub(super) fn new(request: &super::VolumeRequest) -> Self {
        Self {
            format: FORMAT,
            state: VolumeState::Initialising,
            stack: request.stack.clone(),
            volume: request.volume.clone(),
            service: request.service.clone(),
            preset: request.preset.clone(),
            data_format: request.data_format.clone(),
            part: request.part.clone(),
            created: Timestamp::now(),
            steps: BTreeMap::new(),
        }
    }

    /// The manifest of the volume in this directory, if there is one.
    pub fn read(dir: &Path) -> Result<Option<Self>, VolumeError> {
        let path = dir.join(MANIFEST_NAME);
        let Some(bytes) = disk::read_small(&path)? else { return Ok(None) };
        let broken = |source| VolumeError::BrokenManifest { path: path.clone(), source };
        let FormatOnly { format } = serde_json::from_slice(&bytes).map_err(broken)?;
        if format > FORMAT {
            return Err(VolumeError::NewerManifest { path, format, known: FORMAT });
        }
        serde_json::from_slice(&bytes).map(Some).map_err(broken)
    }

    /// Writes it durably; the former one stays beside it as `.bak`.
    pub fn write(&self, dir: &Path) -> Result<(), VolumeError> {
        let path = dir.join(MANIFEST_NAME);
        if let Some(former) = disk::read_small(&path)? {
            disk::write_whole(&dir.join(format!("{MANIFEST_NAME}.bak")), &former, 0o600, None)?;
        }
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|source| VolumeError::BrokenManifest { path: path.clone(), source })?;
        text.push(b'\n');
        disk::write_durably(&path, &text, 0o600, None)
    }
}
