//! The part files under `config/parts/`, and real installs through the package clients.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::super::{Event, Origin, PartError, Phase, Progress, Requirement, install_all, resolve};
use super::support::{env, path_of, with_lock};
use crate::spec::{PartSpec, SourceSpec, Template};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartFile {
    version: String,
    requires: Option<String>,
    binaries: Vec<String>,
    bin_dir: String,
    version_command: Vec<String>,
    #[serde(default)]
    well_known: Vec<String>,
    hint: Option<String>,
    sources: Vec<SourceFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceFile {
    kind: String,
    arch: Option<String>,
    url: Option<String>,
    sha256: Option<String>,
    sha256_url: Option<String>,
    #[serde(default)]
    strip: u32,
    file: Option<String>,
    package: Option<String>,
    version: Option<String>,
    #[serde(default)]
    subdir: String,
    symlinks: Option<String>,
    integrity: Option<String>,
    provides: Option<String>,
}

/// Every part file of the repository for one architecture.
fn parts(arch: &str) -> Vec<PartSpec> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/parts");
    let mut parts: Vec<PartSpec> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| part(&path, arch))
        .collect();
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    parts
}

fn part(path: &Path, arch: &str) -> PartSpec {
    let file: PartFile = toml_edit::de::from_str(&std::fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let sources = file.sources.into_iter().filter(|source| source.arch.as_deref().is_none_or(|of| of == arch));
    PartSpec {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        version: file.version,
        requires: file.requires,
        path: None,
        binaries: file.binaries,
        bin_dir: file.bin_dir,
        version_command: file.version_command,
        well_known: file.well_known,
        sources: sources.map(source).collect(),
        hint: file.hint,
    }
}

fn source(file: SourceFile) -> SourceSpec {
    let package = file.package.unwrap_or_default();
    let version = file.version.unwrap_or_default();
    match file.kind.as_str() {
        "url" => SourceSpec::Url {
            url: Template::literal(file.url.unwrap()),
            sha256: file.sha256,
            sha256_url: file.sha256_url.map(Template::literal),
            strip: file.strip,
            file: file.file,
            provides: file.provides,
        },
        "npm" => SourceSpec::Npm {
            package,
            version,
            subdir: file.subdir,
            symlinks: file.symlinks,
            integrity: file.integrity,
            provides: file.provides,
        },
        "pypi" => SourceSpec::Pypi {
            package,
            version,
            sha256: file.sha256.unwrap(),
            subdir: file.subdir,
            provides: file.provides,
        },
        "system" => SourceSpec::System { package },
        other => panic!("unknown kind {other}"),
    }
}

fn named(name: &str) -> PartSpec {
    parts(std::env::consts::ARCH).into_iter().find(|part| part.name == name).unwrap()
}

#[test]
fn every_part_file_is_complete_and_every_fetch_is_held_to_a_sum() {
    for arch in ["x86_64", "aarch64"] {
        let parts = parts(arch);
        assert!(parts.len() >= 9);
        for part in parts {
            let name = &part.name;
            assert!(part.hint.is_some(), "{name}: a person must be told what to do");
            assert!(part.requires.as_deref().is_none_or(|requires| Requirement::parse(requires).is_ok()), "{name}");
            assert!(!part.sources.is_empty(), "{name} on {arch}");
            for source in &part.sources {
                let pinned = match source {
                    SourceSpec::Url { url, sha256, sha256_url, .. } => {
                        let address = url.to_string();
                        assert!(address.starts_with("https://"), "{name}: {address}");
                        sha256.as_ref().map_or(sha256_url.is_some(), |sum| sum.len() == 64)
                    }
                    SourceSpec::Npm { integrity, .. } => integrity.is_some(),
                    SourceSpec::Pypi { sha256, .. } => sha256.len() == 64,
                    SourceSpec::System { .. } => true,
                };
                assert!(pinned, "{name} on {arch}: {source:?}");
            }
        }
    }
}

/// Only the sources of package registries, as on a machine that reaches nothing else.
fn registry_only(mut part: PartSpec) -> PartSpec {
    part.sources.retain(|source| !matches!(source, SourceSpec::Url { .. }));
    part.well_known.clear();
    part
}

#[tokio::test]
async fn a_wheel_is_fetched_by_pip_checked_and_runs() {
    let dir = tempfile::tempdir().unwrap();
    let env = with_lock(env(dir.path()), dir.path());
    let mut part = registry_only(named("valkey"));
    // A copy on the machine must not spare us the fetch.
    part.requires = Some("=999".into());
    let resolved = resolve(&part, &env).await.unwrap();
    assert!(matches!(&resolved.origin, Origin::Installed { source } if source.starts_with("pypi")), "{resolved:?}");
    assert_eq!(resolved.bin_dir, resolved.dir);
    let output = tokio::process::Command::new(resolved.bin_dir.join("valkey-server")).arg("--version").output().await;
    assert!(String::from_utf8(output.unwrap().stdout).unwrap().contains("v=9.1.2"));

    for source in &mut part.sources {
        if let SourceSpec::Pypi { sha256, .. } = source {
            *sha256 = "0".repeat(64);
        }
    }
    let other = tempfile::tempdir().unwrap();
    let error = resolve(&part, &super::support::env(other.path())).await.unwrap_err();
    assert!(matches!(&error, PartError::Checksum { expected, .. } if *expected == "0".repeat(64)), "{error}");
}

#[tokio::test]
async fn an_npm_package_is_fetched_checked_and_given_its_links() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = registry_only(named("postgresql"));
    part.requires = Some("=999".into());
    let env = env(dir.path());
    let resolved = resolve(&part, &env).await.unwrap();
    assert!(resolved.dir.join("lib/libpq.so.5").is_symlink() && resolved.dir.join("lib/libpq.so.5").is_file());
    for source in &mut part.sources {
        if let SourceSpec::Npm { integrity, .. } = source {
            *integrity = Some("sha512-no".into());
        }
    }
    let other = tempfile::tempdir().unwrap();
    let error = resolve(&part, &super::support::env(other.path())).await.unwrap_err();
    assert!(matches!(&error, PartError::Checksum { expected, .. } if expected == "sha512-no"), "{error}");
}

/// What a person at a slow terminal would see.
struct Talk(std::time::Instant);

impl Progress for Talk {
    fn event(&self, event: &Event<'_>) {
        if event.bytes == 0 && event.phase != Phase::Looking {
            tracing::info!(part = event.part, phase = event.phase.name(), detail = event.detail, after = ?self.0.elapsed());
        }
    }
}

/// `cargo test --lib parts::tests::registry::everything -- --ignored --nocapture`, with REEVE_TEST_CACHE to keep it.
#[tokio::test]
#[ignore = "fetches some 200 MB; the whole-stack tests install the same parts through the binary"]
async fn everything_that_can_be_had_here_is_had() {
    let subscriber = tracing_subscriber::fmt().with_test_writer().finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let dir = tempfile::tempdir().unwrap();
    let home = std::env::var_os("REEVE_TEST_CACHE").map_or_else(|| dir.path().to_owned(), Into::into);
    let mut env = with_lock(env(&home), &home);
    env.progress = Arc::new(Talk(std::time::Instant::now()));
    let parts = parts(std::env::consts::ARCH);
    let results = install_all(&parts, &env).await;
    for (part, result) in &results {
        match result {
            Ok(found) => tracing::info!(part.name, found.version, dir = %found.dir.display(), origin = ?found.origin),
            Err(error) => tracing::info!(part.name, %error, details = ?error.details()),
        }
    }
    for name in ["postgresql", "postgresql-client", "mongodb", "valkey", "node-red", "nodejs"] {
        let (_, result) = results.iter().find(|(part, _)| part.name == name).unwrap();
        assert!(result.is_ok(), "{name}");
    }
    let offline = path_of(&[Path::new("/usr/bin"), Path::new("/bin")]);
    env.path_env = offline;
    env.offline = true;
    assert!(install_all(&parts, &env).await.iter().filter(|(_, result)| result.is_ok()).count() >= 6);
}
