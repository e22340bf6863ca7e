//! The source `npm`: a package fetched by the npm client, its install scripts never run.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use super::client;
use super::error::SourceError;

/// Whole trees whose every package is pinned: the lock file that the client is given, by package and version.
const LOCKS: [(&str, &str, &str); 1] =
    [("node-red", "4.1.8", include_str!("../../config/parts/locks/node-red-4.1.8.json"))];

/// What to fetch.
#[derive(Debug)]
pub(super) struct Package<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub subdir: &'a str,
    pub symlinks: Option<&'a str>,
    pub integrity: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct PackageLock {
    packages: std::collections::BTreeMap<String, LockedPackage>,
}

#[derive(Debug, Deserialize)]
struct LockedPackage {
    integrity: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Link {
    source: String,
    target: String,
}

/// Fetches the package into `dir`; gives the root of the part and the integrity of the package's tarball.
pub(super) async fn fetch(
    package: &Package<'_>,
    dir: &Path,
    path_env: &std::ffi::OsStr,
) -> Result<(PathBuf, String), SourceError> {
    let npm = client::on_path("npm", path_env).ok_or(SourceError::NoClient { client: "npm", package: "npm" })?;
    let mut command = Command::new(npm);
    let pinned = LOCKS.iter().find(|(name, version, _)| *name == package.name && *version == package.version);
    let wanted = format!("{}@{}", package.name, package.version);
    match pinned {
        Some((_, _, lock)) => {
            let manifest = serde_json::json!({ "private": true, "dependencies": { (package.name): package.version } });
            write(&dir.join("package.json"), manifest.to_string().as_bytes())?;
            write(&dir.join("package-lock.json"), lock.as_bytes())?;
            command.arg("ci");
        }
        None => {
            write(&dir.join("package.json"), br#"{ "private": true }"#)?;
            command.args(["install", "--save-exact", "--package-lock=true", "--no-bin-links"]).arg(&wanted);
        }
    }
    command.args(["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]);
    // One repetition and not npm's minute of waiting: the next source may be at hand.
    command.args(["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--prefix"]).arg(dir);
    command.current_dir(dir).env("PATH", path_env);
    if std::env::var_os("HOME").is_none() {
        // A unit without a home: npm's own cache and log then live and die with the install.
        command.env("HOME", dir);
    }
    client::run("npm", &mut command).await?;

    let key = format!("node_modules/{}", package.name);
    let lock_path = dir.join("package-lock.json");
    let lock: PackageLock = read_json(&lock_path)?;
    let integrity = lock
        .packages
        .get(&key)
        .and_then(|locked| locked.integrity.clone())
        .ok_or_else(|| SourceError::ClientResult { client: "npm", expected: format!("integrity of {wanted}") })?;
    if let Some(expected) = package.integrity
        && expected != integrity
    {
        return Err(SourceError::Checksum { expected: expected.to_owned(), actual: integrity });
    }
    if let Some(list) = package.symlinks {
        make_links(&dir.join(&key), list)?;
    }
    let root = if package.subdir.is_empty() { dir.to_owned() } else { dir.join("node_modules").join(package.subdir) };
    if !root.is_dir() {
        return Err(SourceError::Incomplete { file: PathBuf::from(package.subdir) });
    }
    Ok((root, integrity))
}

/// Makes the links that the package's own install script would make; both ends stay in the package.
fn make_links(package: &Path, list: &str) -> Result<(), SourceError> {
    let links: Vec<Link> = read_json(&package.join(list))?;
    for Link { source, target } in links {
        let refuse = |reason| SourceError::Unsafe { entry: format!("{target} -> {source}"), reason };
        if !is_plain(&source) || !is_plain(&target) {
            return Err(refuse("a link leaves the package"));
        }
        // Every link of the known packages lies beside its file; that also keeps it whole when the tree is moved.
        if Path::new(&source).parent() != Path::new(&target).parent() {
            return Err(refuse("a link is not beside its file"));
        }
        let place = package.join(&target);
        let name = Path::new(&source).file_name().ok_or_else(|| refuse("a link has no file"))?;
        if !package.join(&source).is_file() {
            return Err(refuse("a link's file is missing"));
        }
        match std::os::unix::fs::symlink(name, &place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(SourceError::File { action: "link", path: place, source: error });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Relative, and never upwards.
fn is_plain(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, SourceError> {
    let failed = |source| SourceError::File { action: "read", path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(io::Error::from).map_err(failed)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SourceError> {
    fs::write(path, bytes).map_err(|source| SourceError::File { action: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_beside_their_file_and_never_out_of_the_package() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lib")).unwrap();
        fs::write(dir.path().join("lib/libx.so.1.2"), "x").unwrap();
        let list = |source: &str, target: &str| {
            let text = serde_json::json!([{ "source": source, "target": target }]).to_string();
            fs::write(dir.path().join("links.json"), text).unwrap();
            make_links(dir.path(), "links.json")
        };
        list("lib/libx.so.1.2", "lib/libx.so").unwrap();
        list("lib/libx.so.1.2", "lib/libx.so").unwrap();
        assert_eq!(fs::read_link(dir.path().join("lib/libx.so")).unwrap(), Path::new("libx.so.1.2"));
        for (source, target) in
            [("../x", "../y"), ("/etc/passwd", "lib/y"), ("lib/libx.so.1.2", "y"), ("lib/gone", "lib/y")]
        {
            assert!(matches!(list(source, target), Err(SourceError::Unsafe { .. })), "{source} {target}");
        }
        assert_eq!(fs::read_dir(dir.path().join("lib")).unwrap().count(), 2);
    }

    #[test]
    fn every_pinned_tree_pins_its_own_package_and_all_others() {
        for (name, version, text) in LOCKS {
            let lock: serde_json::Value = serde_json::from_str(text).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            assert_eq!(packages[&format!("node_modules/{name}")]["version"], version);
            for (key, package) in packages.iter().filter(|(key, _)| !key.is_empty()) {
                assert!(package["integrity"].as_str().is_some_and(|sum| sum.starts_with("sha512-")), "{key}");
                assert!(package["resolved"].is_null(), "{key} names a host; mirrors could not serve it");
            }
        }
    }
}
