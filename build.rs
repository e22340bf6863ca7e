//! Makes the built web application part of the binary, where it has been built and the binary is for others.
//!
//! `REEVE_EMBED_WEB`: `1` takes it in whatever the profile and fails when it is not there, `0` never does. Unset: release
//! builds take what there is, other builds nothing, so that working on reeve costs nothing more. Cargo looks at the
//! application's manifest only: it is written by every build of the application, and by nothing else.
#![expect(clippy::print_stderr, reason = "a build script talks to cargo in no other way")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

const DIST: &str = "web/dist";
const MANIFEST: &str = "web/dist/.vite/manifest.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=REEVE_EMBED_WEB");
    if let Err(error) = make() {
        eprintln!("the web application cannot be made part of the binary: {error}");
        process::exit(1);
    }
}

fn make() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let is_built = root.join(MANIFEST).is_file();
    let wanted = match env::var("REEVE_EMBED_WEB").as_deref() {
        Ok("0") => false,
        Ok("1") if !is_built => {
            let text = format!(
                "{} is missing; build it first: cd web && npm ci && npm run build",
                root.join(MANIFEST).display()
            );
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        Ok("1") => true,
        _ => is_built && env::var("PROFILE").is_ok_and(|profile| profile == "release"),
    };
    let mut files = Vec::new();
    if wanted {
        // A path that is not there would make cargo build everything each time, so only what is there is named.
        println!("cargo::rerun-if-changed={MANIFEST}");
        collect(&root.join(DIST), "", &mut files)?;
        files.sort();
    }
    // Copies, so that the next build of the application does not pull them away under a compiler.
    let copies = out.join("web");
    if copies.exists() {
        fs::remove_dir_all(&copies)?;
    }
    let mut table = String::from("[\n");
    for name in files.iter().filter(|name| !is_beside(name, &files)) {
        let bytes = fs::read(root.join(DIST).join(name))?;
        let tag = fingerprint(&bytes);
        let plain = copy(&root, &copies, name)?;
        let beside = |ending: &str| -> io::Result<String> {
            let other = format!("{name}{ending}");
            if !files.contains(&other) {
                return Ok("None".to_owned());
            }
            Ok(format!("Some(include_bytes!({:?}))", copy(&root, &copies, &other)?))
        };
        let (brotli, gzip) = (beside(".br")?, beside(".gz")?);
        // Writing to a text cannot fail.
        let _ = writeln!(
            table,
            "    Embedded {{ path: {name:?}, tag: {tag:?}, plain: include_bytes!({plain:?}), brotli: {brotli}, gzip: {gzip} }},"
        );
    }
    table.push(']');
    fs::write(out.join("web.rs"), table)
}

/// Everything but hidden files, with `/` between the parts of a name.
fn collect(dir: &Path, name: &str, into: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(own) = entry.file_name().into_string() else { continue };
        if own.starts_with('.') {
            continue;
        }
        let name = if name.is_empty() { own } else { format!("{name}/{own}") };
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &name, into)?;
        } else {
            into.push(name);
        }
    }
    Ok(())
}

/// A compressed form of another file.
fn is_beside(name: &str, files: &[String]) -> bool {
    let plain = name.strip_suffix(".br").or_else(|| name.strip_suffix(".gz"));
    plain.is_some_and(|plain| files.iter().any(|file| file == plain))
}

fn copy(root: &Path, copies: &Path, name: &str) -> io::Result<PathBuf> {
    let to = copies.join(name);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(root.join(DIST).join(name), &to)?;
    Ok(to)
}

/// FNV-1a of 128 bits: it tells two versions of a file apart, and nobody gains by making two alike.
fn fingerprint(bytes: &[u8]) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in bytes {
        hash ^= u128::from(*byte);
        hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("{hash:032x}")
}
