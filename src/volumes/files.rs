//! The files a service declares, rendered and written before every start.

use std::path::PathBuf;

use super::disk::{self, Owner};
use super::error::{Retry, VolumeError};
use crate::spec::{Facts, FileSpec, RenderError};

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the place of a file cannot be told")]
    Place(#[source] RenderError),
    #[error("{} cannot be rendered", path.display())]
    Render {
        path: PathBuf,
        #[source]
        source: RenderError,
    },
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: Box<VolumeError>,
    },
}

impl FileError {
    pub fn retry(&self) -> Retry {
        match self {
            FileError::Place(_) | FileError::Render { .. } => Retry::Permanent,
            FileError::Write { source, .. } => source.retry(),
        }
    }
}

/// Renders and writes them, for the service's account. Blocks.
pub fn write_files(files: &[FileSpec], facts: &dyn Facts, owner: Option<Owner>) -> Result<(), FileError> {
    for file in files {
        let path = PathBuf::from(file.path.render(facts).map_err(FileError::Place)?);
        if file.keep_existing && path.symlink_metadata().is_ok() {
            continue;
        }
        let content = file.content.render(facts).map_err(|source| FileError::Render { path: path.clone(), source })?;
        write(&path, content.as_bytes(), file.mode, owner)
            .map_err(|source| FileError::Write { path: path.clone(), source: Box::new(source) })?;
    }
    Ok(())
}

fn write(path: &std::path::Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> Result<(), VolumeError> {
    make_parents(disk::parent(path), owner)?;
    disk::write_whole(path, bytes, mode, owner)
}

/// Directories between the volume (or run directory) and the file belong to the service too.
pub(crate) fn make_parents(dir: &std::path::Path, owner: Option<Owner>) -> Result<(), VolumeError> {
    if dir.is_dir() {
        return Ok(());
    }
    make_parents(disk::parent(dir), owner)?;
    disk::create_dir(dir, 0o700, owner)
}
