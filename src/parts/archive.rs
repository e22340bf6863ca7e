//! Unpacks archives that are not trusted: nothing lands outside the tree, and the tree stays bounded.
//!
//! Files and directories first, while the tree has no link that could lead a write astray; then hard links, as links to
//! files of the tree; then symbolic links, each checked again once it can be followed.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::cache::{Staging, make_runnable};
use super::error::SourceError;

/// No part comes near: the largest known unpacks to about 1 GiB. Stops an archive that was made to fill the disk.
const UNPACKED_BYTES_MAX: u64 = 8 << 30;
/// The largest known has about 30 000 entries.
const ENTRIES_MAX: usize = 400_000;

/// How names in the archive become names in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// So many leading components are dropped.
    Strip(u32),
    /// A wheel: what lies in `*.data/purelib` or `*.data/platlib` belongs at the top.
    Wheel,
}

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    TarGz,
    Zip,
    Other,
}

#[derive(Debug)]
struct Link {
    name: PathBuf,
    target: PathBuf,
}

/// Unpacks a gzipped tar or a zip into an empty directory; gives `false`, and does nothing, when it is neither.
pub(super) async fn unpack(
    archive: &Path,
    tree: &Path,
    layout: Layout,
    staging: &Arc<Staging>,
) -> Result<bool, SourceError> {
    let (archive, tree, staging) = (archive.to_owned(), tree.to_owned(), staging.clone());
    let unpacked = tokio::task::spawn_blocking(move || {
        let _until_done = staging;
        unpack_blocking(&archive, &tree, &layout)
    });
    unpacked.await.map_err(SourceError::Task)?
}

fn unpack_blocking(archive: &Path, tree: &Path, layout: &Layout) -> Result<bool, SourceError> {
    let opened = File::open(archive).and_then(|mut file| Ok((format_of(&mut file)?, file)));
    let (format, file) = opened.map_err(file_error("open", archive))?;
    let mut writer = Writer { tree, bytes: 0, entries: 0, links: Vec::new(), hard_links: Vec::new() };
    match format {
        Format::TarGz => writer.tar(file, layout)?,
        Format::Zip => writer.zip(file, layout)?,
        Format::Other => return Ok(false),
    }
    writer.finish()?;
    Ok(true)
}

fn format_of(file: &mut File) -> io::Result<Format> {
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Format::TarGz,
        b"PK\x03\x04" => Format::Zip,
        _ => Format::Other,
    })
}

struct Writer<'a> {
    tree: &'a Path,
    bytes: u64,
    entries: usize,
    links: Vec<Link>,
    hard_links: Vec<Link>,
}

impl Writer<'_> {
    fn tar(&mut self, file: File, layout: &Layout) -> Result<(), SourceError> {
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(io::BufReader::new(file)));
        for entry in archive.entries().map_err(SourceError::Archive)? {
            let mut entry = entry.map_err(SourceError::Archive)?;
            let raw = entry.path().map_err(SourceError::Archive)?.into_owned();
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
                continue;
            }
            let Some(name) = self.place(&raw, layout)? else { continue };
            let target = |entry: &tar::Entry<'_, _>| {
                let target = entry.link_name().map_err(SourceError::Archive)?;
                target.map(|target| target.into_owned()).ok_or_else(|| refused(&raw, "a link without a target"))
            };
            if kind.is_dir() {
                self.directory(&name)?;
            } else if kind.is_file() || kind.is_gnu_sparse() || kind == tar::EntryType::Continuous {
                let mode = entry.header().mode().map_err(SourceError::Archive)?;
                self.file(&name, &mut entry, mode & 0o111 != 0)?;
            } else if kind.is_symlink() {
                let target = target(&entry)?;
                self.links.push(Link { name, target });
            } else if kind.is_hard_link() {
                let target = target(&entry)?;
                let target = self.place(&target, layout)?.ok_or_else(|| refused(&raw, "a link to a dropped name"))?;
                self.hard_links.push(Link { name, target });
            } else {
                return Err(refused(&raw, "neither file, directory nor link"));
            }
        }
        Ok(())
    }

    fn zip(&mut self, file: File, layout: &Layout) -> Result<(), SourceError> {
        let broken = |error: zip::result::ZipError| SourceError::Archive(io::Error::from(error));
        let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(broken)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(broken)?;
            let raw = PathBuf::from(entry.name().map_err(broken)?.into_owned());
            let Some(name) = self.place(&raw, layout)? else { continue };
            if entry.is_dir() {
                self.directory(&name)?;
            } else if entry.is_symlink() {
                let mut target = String::new();
                entry.by_ref().take(4096).read_to_string(&mut target).map_err(SourceError::Archive)?;
                self.links.push(Link { name, target: PathBuf::from(target) });
            } else {
                let runnable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
                self.file(&name, &mut entry, runnable)?;
            }
        }
        Ok(())
    }

    /// The name below the tree; `None` for what the layout drops.
    fn place(&mut self, raw: &Path, layout: &Layout) -> Result<Option<PathBuf>, SourceError> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(refused(raw, "the archive has too many entries"));
        }
        let mut parts = Vec::new();
        for part in raw.components() {
            match part {
                Component::Normal(part) => parts.push(part),
                Component::CurDir => {}
                Component::ParentDir => return Err(refused(raw, "the name leads upwards")),
                Component::RootDir | Component::Prefix(_) => return Err(refused(raw, "the name is absolute")),
            }
        }
        let dropped = match layout {
            Layout::Strip(count) => *count as usize,
            Layout::Wheel => {
                let data = parts.first().is_some_and(|part| Path::new(part).extension().is_some_and(|e| e == "data"));
                let library = parts.get(1).is_some_and(|part| *part == "purelib" || *part == "platlib");
                if data && library { 2 } else { 0 }
            }
        };
        let name: PathBuf = parts.into_iter().skip(dropped).collect();
        Ok((!name.as_os_str().is_empty()).then_some(name))
    }

    fn directory(&self, name: &Path) -> Result<(), SourceError> {
        let path = self.tree.join(name);
        fs::create_dir_all(&path).map_err(file_error("make", &path))
    }

    fn file(&mut self, name: &Path, content: &mut dyn Read, runnable: bool) -> Result<(), SourceError> {
        let path = self.tree.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(file_error("make", parent))?;
        }
        let mut file = File::create(&path).map_err(file_error("make", &path))?;
        let left = UNPACKED_BYTES_MAX - self.bytes;
        self.bytes += copy_bounded(content, &mut file, left, &path)?;
        if self.bytes >= UNPACKED_BYTES_MAX {
            return Err(SourceError::TooLarge { limit: UNPACKED_BYTES_MAX });
        }
        if runnable {
            make_runnable(&path).map_err(file_error("set the run bit on", &path))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), SourceError> {
        let tree = self.tree.canonicalize().map_err(file_error("find", self.tree))?;
        for Link { name, target } in &self.hard_links {
            let (from, to) = (self.tree.join(target), self.tree.join(name));
            if !from.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                return Err(refused(name, "a hard link to something that is no file of the archive"));
            }
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(file_error("make", parent))?;
            }
            fs::hard_link(&from, &to).map_err(file_error("link", &to))?;
        }
        for Link { name, target } in &self.links {
            if !stays_inside(name, target) {
                return Err(refused(name, "a link leads out of the tree"));
            }
            let path = self.tree.join(name);
            let parent = path.parent().unwrap_or(self.tree);
            // The parent may itself be reached through a link that was made a moment ago.
            fs::create_dir_all(parent).map_err(file_error("make", parent))?;
            let real = parent.canonicalize().map_err(file_error("find", parent))?;
            if !real.starts_with(&tree) {
                return Err(refused(name, "a link leads out of the tree"));
            }
            std::os::unix::fs::symlink(target, &path).map_err(file_error("link", &path))?;
        }
        for Link { name, .. } in &self.links {
            let path = self.tree.join(name);
            match path.canonicalize() {
                Ok(real) if real.starts_with(&tree) => {}
                Ok(_) => return Err(refused(name, "a link leads out of the tree")),
                // It leads nowhere: of no use, and where it would lead cannot be proved.
                Err(_) => fs::remove_file(&path).map_err(file_error("remove", &path))?,
            }
        }
        Ok(())
    }
}

/// Whether a link's target, read as text, stays below the top.
fn stays_inside(name: &Path, target: &Path) -> bool {
    let mut depth = name.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

/// Copies up to `left` bytes; trouble with the archive and trouble with the disk are told apart.
fn copy_bounded(content: &mut dyn Read, file: &mut File, left: u64, path: &Path) -> Result<u64, SourceError> {
    use std::io::Write as _;
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    while copied < left {
        let count = content.read(&mut buffer).map_err(SourceError::Archive)?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).map_err(file_error("write", path))?;
        copied += count as u64;
    }
    Ok(copied)
}

fn refused(entry: &Path, reason: &'static str) -> SourceError {
    SourceError::Unsafe { entry: entry.display().to_string(), reason }
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::File { action, path, source }
}
