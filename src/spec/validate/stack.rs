//! The tables beside the services: stack, networks, volumes, secrets, parts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::file::{NetworkFile, PartFile, SecretFile, SourceFile, SourceKindFile, StackTable, VolumeFile};
use super::super::graph;
use super::super::node::Place;
use super::super::stack::{PartSpec, SecretSpec, SourceSpec, VolumeSpec};
use super::check_name;
use super::names::is_secret_name;
use super::probe::url_of;
use super::values::{At, Context};

#[derive(Debug)]
pub struct StackHead {
    pub name: String,
    pub user: String,
    pub stop_timeout: Duration,
    pub log_total_bytes: u64,
    pub parallel_starts: Option<u32>,
}

pub fn stack(cx: &mut Context<'_>, at: At<'_>, file: &StackTable) -> StackHead {
    let name = match &file.name {
        Some(name) => {
            let name = cx.plain(at.key("name"), name);
            if let Some(name) = &name {
                check_name(cx.report, at.key("name").place(), "stack", name);
            }
            name.unwrap_or_default()
        }
        None => directory_name(cx.dir),
    };
    let user = cx.plain_option(at.key("user"), file.user.as_ref());
    StackHead {
        name,
        user: user.unwrap_or_else(|| "reeve".to_owned()),
        stop_timeout: cx
            .duration(at.key("stop_timeout"), file.stop_timeout.as_ref(), false)
            .unwrap_or(Duration::from_secs(180)),
        log_total_bytes: cx.size(at.key("log_total"), file.log_total.as_ref(), false).unwrap_or(1 << 30),
        parallel_starts: file.parallel_starts,
    }
}

/// The directory's name with what no name may hold replaced.
fn directory_name(dir: &std::path::Path) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let name = name.chars().map(|c| if allowed(c) { c } else { '-' }).take(63).collect::<String>();
    let name = name.trim_start_matches(['-', '_']);
    if name.is_empty() { "stack".to_owned() } else { name.to_owned() }
}

pub fn networks(cx: &mut Context<'_>, at: At<'_>, files: &BTreeMap<String, NetworkFile>) -> Vec<String> {
    for name in files.keys() {
        check_name(cx.report, at.key(name).name(), "network", name);
    }
    files.keys().cloned().collect()
}

pub fn volumes(cx: &mut Context<'_>, at: At<'_>, files: &BTreeMap<String, VolumeFile>) -> BTreeMap<String, VolumeSpec> {
    let mut list = BTreeMap::new();
    for (name, file) in files {
        let at = at.key(name);
        check_name(cx.report, at.name(), "volume", name);
        let path = cx.plain_option(at.key("path"), file.path.as_ref());
        if path.as_ref().is_some_and(|path| path.trim().is_empty()) {
            cx.error(at.key("path").place(), "the path is empty", None);
        }
        let path = path.map(|path| cx.dir.join(path));
        let mode = cx.mode(at.key("mode"), file.mode.as_ref()).unwrap_or(0o700);
        if mode & 0o700 != 0o700 {
            let message = format!("with the mode {mode:04o} the owner could not use the directory");
            cx.error(at.key("mode").place(), message, None);
        }
        list.insert(name.clone(), VolumeSpec { name: name.clone(), path, mode });
    }
    list
}

/// Declared secrets, and those that are only named.
pub fn secrets(cx: &mut Context<'_>, at: At<'_>, files: &BTreeMap<String, SecretFile>) -> BTreeMap<String, SecretSpec> {
    let mut list = BTreeMap::<String, SecretSpec>::new();
    for (name, file) in files {
        let at = at.key(name);
        if !is_secret_name(name) {
            let hint = "names of secrets are made of letters, digits, \"_\" and \"-\"".to_owned();
            cx.error(at.name(), format!("\"{name}\" is no name of a secret"), Some(hint));
        }
        let bcrypt_of = other_secret(cx, at.key("bcrypt_of"), file.bcrypt_of.as_ref());
        let same_as = other_secret(cx, at.key("same_as"), file.same_as.as_ref());
        let forms = [("length", file.length.is_some()), ("alphabet", file.alphabet.is_some())];
        let forms = forms.into_iter().filter(|(_, is_set)| *is_set);
        let wrong = match (&bcrypt_of, &same_as, file.generate) {
            (Some(_), Some(_), _) => vec![("same_as", "it is the hash of another secret")],
            (Some(_), None, Some(_)) => vec![("generate", "a bcrypt hash is computed")],
            (None, Some(_), Some(_)) => vec![("generate", "it is what another secret is")],
            (Some(_), None, None) => forms.map(|(key, _)| (key, "a bcrypt hash has a fixed form")).collect(),
            (None, Some(_), None) => forms.map(|(key, _)| (key, "its form is that of another secret")).collect(),
            (None, None, Some(false)) => forms.map(|(key, _)| (key, "it is never generated")).collect(),
            (None, None, _) => Vec::new(),
        };
        for (key, message) in wrong {
            cx.error(at.key(key).name(), message, Some(format!("remove {key}")));
        }
        let env = cx.plain_option(at.key("env"), file.env.as_ref());
        if let Some(env) = env.as_ref().filter(|env| !super::super::interpolate::is_env_name(env)) {
            cx.error(at.key("env").place(), format!("\"{env}\" is no name of an environment variable"), None);
        }
        let spec = SecretSpec {
            name: name.clone(),
            env,
            length: file.length.unwrap_or(32),
            alphabet: file.alphabet.unwrap_or_default(),
            bcrypt_of,
            same_as,
            generate: file.generate.unwrap_or(true),
        };
        list.insert(name.clone(), spec);
    }
    refuse_circles(cx, at, &list);
    for name in cx.secrets.keys() {
        list.entry(name.clone()).or_insert_with(|| SecretSpec::generated(name.clone()));
    }
    list
}

/// The name of another secret that this one is made from.
fn other_secret(cx: &mut Context<'_>, at: At<'_>, name: Option<&String>) -> Option<String> {
    let other = cx.plain_option(at, name)?;
    if is_secret_name(&other) {
        cx.secrets.entry(other.clone()).or_insert(at.place());
    } else {
        cx.error(at.place(), format!("\"{other}\" is no name of a secret"), None);
    }
    Some(other)
}

fn refuse_circles(cx: &mut Context<'_>, at: At<'_>, list: &BTreeMap<String, SecretSpec>) {
    let names = list.keys().map(String::as_str).collect::<Vec<_>>();
    let index = |name: &str| names.binary_search(&name).ok();
    let edges =
        list.values().map(|spec| spec.source().and_then(index).into_iter().collect::<Vec<_>>()).collect::<Vec<_>>();
    for cycle in graph::cycles(&edges) {
        let path = cycle.iter().chain(cycle.first()).map(|at| names[*at]).collect::<Vec<_>>().join(" → ");
        let key = |first: &usize| if list[names[*first]].bcrypt_of.is_some() { "bcrypt_of" } else { "same_as" };
        let place = cycle.first().map_or(Place::DEFAULT, |first| at.key(names[*first]).key(key(first)).place());
        cx.error(place, format!("secrets are made from each other: {path}"), None);
    }
}

pub fn part(cx: &mut Context<'_>, at: At<'_>, name: &str, file: &PartFile) -> PartSpec {
    check_name(cx.report, at.name(), "part", name);
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let version = cx.plain_option(at.key("version"), file.version.as_ref()).unwrap_or_default();
    let path = cx.plain_option(at.key("path"), file.path.as_ref()).map(|path| cx.dir.join(path));
    let requires = cx.plain_option(at.key("requires"), file.requires.as_ref());
    if let Some(bad) = requires.as_deref().and_then(bad_comparison) {
        let hint = "write comparisons such as \">=17, <18\"".to_owned();
        cx.error(at.key("requires").place(), format!("\"{bad}\" is no comparison of versions"), Some(hint));
    }
    let mut sources = Vec::new();
    for (index, source) in file.sources.iter().flatten().enumerate() {
        let for_this = source.arch.is_none_or(|arch| arch.name() == cx.inputs.arch);
        let spec = self::source(cx, at.key("sources").item(index), source, &version);
        if for_this {
            sources.extend(spec);
        }
    }
    let binaries = list(&file.binaries);
    for (index, binary) in binaries.iter().enumerate() {
        if binary.is_empty() || binary.starts_with('/') || binary.split('/').any(|part| part == "..") {
            let place = at.key("binaries").item(index).place();
            cx.error(place, format!("\"{binary}\" is no path below the part's root"), None);
        }
    }
    PartSpec {
        name: name.to_owned(),
        version,
        requires,
        path,
        binaries,
        bin_dir: file.bin_dir.clone().unwrap_or_else(|| "bin".to_owned()),
        version_command: list(&file.version_command),
        well_known: list(&file.well_known),
        sources,
        hint: file.hint.clone(),
    }
}

fn bad_comparison(requires: &str) -> Option<&str> {
    requires.split(',').map(str::trim).find(|comparison| {
        let version = comparison.trim_start_matches(['<', '>', '=', '~', '^', '!']).trim();
        version.is_empty() || !version.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn source(cx: &mut Context<'_>, at: At<'_>, file: &SourceFile, version: &str) -> Option<SourceSpec> {
    let Some(kind) = file.kind else {
        if at.key("kind").node().is_none() {
            cx.error(
                at.place(),
                "the source has no kind",
                Some("give kind = \"url\", \"npm\", \"pypi\" or \"system\"".to_owned()),
            );
        }
        return None;
    };
    let word = match kind {
        SourceKindFile::Url => "url",
        SourceKindFile::Npm => "npm",
        SourceKindFile::Pypi => "pypi",
        SourceKindFile::System => "system",
    };
    const KEYS: [(&str, &[&str]); 10] = [
        ("provides", &["url", "npm", "pypi"]),
        ("url", &["url"]),
        ("sha256", &["url", "pypi"]),
        ("sha256_url", &["url"]),
        ("strip", &["url"]),
        ("file", &["url"]),
        ("package", &["npm", "pypi", "system"]),
        ("subdir", &["npm", "pypi"]),
        ("symlinks", &["npm"]),
        ("integrity", &["npm"]),
    ];
    for (key, kinds) in KEYS {
        if !kinds.contains(&word) && at.key(key).node().is_some() {
            cx.error(at.key(key).name(), format!("a source of kind \"{word}\" has no \"{key}\""), None);
        }
    }
    let mut required = |key: &str, value: Option<&String>| {
        let value = value.and_then(|value| cx.plain(at.key(key), value));
        if value.as_ref().is_none_or(String::is_empty) && at.key(key).node().is_none() {
            cx.error(at.place(), format!("a source of kind \"{word}\" needs \"{key}\""), None);
        }
        value.filter(|value| !value.is_empty())
    };
    let provides = file.provides.clone();
    let spec = match kind {
        SourceKindFile::System => SourceSpec::System { package: required("package", file.package.as_ref())? },
        SourceKindFile::Npm => SourceSpec::Npm {
            package: required("package", file.package.as_ref())?,
            version: file.version.clone().unwrap_or_else(|| version.to_owned()),
            subdir: file.subdir.clone().unwrap_or_default(),
            symlinks: file.symlinks.clone(),
            integrity: file.integrity.clone(),
            provides,
        },
        SourceKindFile::Pypi => SourceSpec::Pypi {
            package: required("package", file.package.as_ref())?,
            version: file.version.clone().unwrap_or_else(|| version.to_owned()),
            sha256: required("sha256", file.sha256.as_ref())?,
            subdir: file.subdir.clone().unwrap_or_default(),
            provides,
        },
        SourceKindFile::Url => {
            let Some(url) = &file.url else {
                cx.error(at.place(), "a source of kind \"url\" needs \"url\"", None);
                return None;
            };
            let url = url_of(cx, at.key("url"), url, &["https", "http"]);
            let sha256_url =
                file.sha256_url.as_ref().map(|sum| url_of(cx, at.key("sha256_url"), sum, &["https", "http"]));
            SourceSpec::Url {
                url,
                sha256: cx.plain_option(at.key("sha256"), file.sha256.as_ref()),
                sha256_url,
                strip: file.strip.unwrap_or(0),
                file: file.file.clone(),
                provides,
            }
        }
    };
    if let SourceSpec::Url { sha256: Some(sum), .. } | SourceSpec::Pypi { sha256: sum, .. } = &spec
        && (sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        cx.error(at.key("sha256").place(), "a SHA-256 sum has 64 hexadecimal digits", None);
    }
    Some(spec)
}
