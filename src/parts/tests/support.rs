//! Parts to install, archives to serve, and an environment in a temporary directory.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use super::super::{Event, PartsEnv, PartsLock, Phase, Progress, Silent};
use crate::spec::{PartSpec, SourceSpec, Template};

/// A part `tool` of one script that prints its version.
pub fn tool(sources: Vec<SourceSpec>) -> PartSpec {
    PartSpec {
        name: "tool".into(),
        version: "1.2".into(),
        requires: Some(">=1".into()),
        path: None,
        binaries: vec!["bin/reeve-test-tool".into()],
        bin_dir: "bin".into(),
        version_command: vec!["reeve-test-tool".into(), "--version".into()],
        well_known: Vec::new(),
        sources,
        hint: Some("ask a friend".into()),
    }
}

pub fn script(version: &str) -> String {
    format!("#!/bin/sh\necho tool {version}\n")
}

pub fn url_source(url: &str, bytes: &[u8]) -> SourceSpec {
    SourceSpec::Url {
        url: Template::literal(url),
        sha256: Some(sha256(bytes)),
        sha256_url: None,
        strip: 1,
        file: None,
        provides: None,
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An entry of an archive: name, kind, link target or content.
pub enum Entry<'a> {
    File(&'a str, &'a [u8]),
    Link(&'a str, &'a str),
    HardLink(&'a str, &'a str),
}

/// A gzipped tar whose names are written as they are, however wicked.
pub fn tarball(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        let (name, kind, target, content): (_, _, _, &[u8]) = match entry {
            Entry::File(name, content) => (name, tar::EntryType::Regular, "", *content),
            Entry::Link(name, target) => (name, tar::EntryType::Symlink, *target, b""),
            Entry::HardLink(name, target) => (name, tar::EntryType::Link, *target, b""),
        };
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// The archive of `tool`, with some bytes that do not compress, so that a transfer can be cut in the middle.
pub fn tool_archive() -> Vec<u8> {
    let noise: Vec<u8> = (0..20_000u32).flat_map(|n| Sha256::digest(n.to_le_bytes()).to_vec()).collect();
    let script = script("1.2");
    tarball(&[
        Entry::File("tool-1.2/bin/reeve-test-tool", script.as_bytes()),
        Entry::File("tool-1.2/share/noise", &noise),
    ])
}

/// A zip with the given names.
pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn env(dir: &Path) -> PartsEnv {
    PartsEnv::new(dir.join("cache"), std::env::var_os("PATH").unwrap_or_default(), Arc::new(Silent))
}

pub fn with_lock(mut env: PartsEnv, dir: &Path) -> PartsEnv {
    env.lock = Some(Arc::new(PartsLock::load(&dir.join("parts.lock")).unwrap()));
    env
}

pub fn fake_program(dir: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(name), text).unwrap();
    std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn path_of(dirs: &[&Path]) -> OsString {
    std::env::join_paths(dirs).unwrap()
}

/// Names in the cache that are not lock files.
pub fn cache_entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir.join("cache"))
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.retain(|name| !name.starts_with(".lock-"));
    names.sort();
    names
}

/// Remembers the phases.
#[derive(Debug, Default)]
pub struct Phases(pub Mutex<Vec<(String, Phase)>>);

impl Progress for Phases {
    fn event(&self, event: &Event<'_>) {
        let mut phases = self.0.lock().unwrap();
        if phases.last().is_none_or(|(part, phase)| part != event.part || *phase != event.phase) {
            phases.push((event.part.to_owned(), event.phase));
        }
    }
}
