//! `copy`, `render`: files and directories that are made if they are missing, and left alone if they are there.

use std::fs;
use std::io;
use std::path::Path;

use super::error::Cause;
use crate::volumes::{Owner, VolumeError, disk, make_parents};

pub(super) fn write_missing(to: &Path, content: &str, mode: u32, owner: Option<Owner>) -> Result<(), Cause> {
    if to.symlink_metadata().is_ok() {
        return Ok(());
    }
    make_parents(disk::parent(to), owner)
        .and_then(|()| disk::write_durably(to, content.as_bytes(), mode, owner))
        .map_err(write_error(to))
}

/// Copied under a side name and renamed: a copy that was cut short is not taken for a whole one.
pub(super) fn copy_missing(from: &Path, to: &Path, owner: Option<Owner>) -> Result<(), Cause> {
    if to.symlink_metadata().is_ok() {
        return Ok(());
    }
    make_parents(disk::parent(to), owner).map_err(write_error(to))?;
    let mut name = std::ffi::OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(".reeve-copy");
    let side = to.with_file_name(name);
    let failed = |source| Cause::Copy { from: from.display().to_string(), to: to.display().to_string(), source };
    remove(&side).map_err(failed)?;
    copy_tree(from, &side, owner).map_err(failed)?;
    disk::sync_tree(disk::parent(to)).map_err(write_error(to))?;
    fs::rename(&side, to).map_err(failed)?;
    disk::sync_dir(disk::parent(to)).map_err(write_error(to))
}

fn copy_tree(from: &Path, to: &Path, owner: Option<Owner>) -> io::Result<()> {
    if fs::metadata(from)?.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()), owner)?;
        }
    } else {
        fs::copy(from, to)?;
    }
    match owner {
        Some(owner) => std::os::unix::fs::lchown(to, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}

fn remove(side: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(side) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(side),
        Ok(_) => fs::remove_file(side),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write_error(to: &Path) -> impl FnOnce(VolumeError) -> Cause {
    let path = to.display().to_string();
    move |source| Cause::Write { path, source: Box::new(source) }
}
