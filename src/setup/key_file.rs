//! The key on disk: written as a whole, for its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::serve::Secret;

/// `None`: there is none yet.
pub fn read(path: &Path) -> io::Result<Option<Secret>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim()).filter(|key| !key.is_empty()).map(Secret::new)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Side file, sync, rename: after a power cut there is the old key or the new one.
pub fn write(path: &Path, key: &Secret) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let side = path.with_extension("new");
    match fs::remove_file(&side) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&side)?;
    file.write_all(format!("{}\n", key.expose()).as_bytes())?;
    file.sync_all()?;
    fs::rename(&side, path)?;
    File::open(dir)?.sync_all()
}
