//! The data files under `config/` that are built into the binary: presets, parts and the templates they use.
//!
//! A preset (`config/presets/NAME.toml`) has the keys of a service at its top level, and may have `[secrets.X]` tables and
//! `[parts.X]` tables; the service then needs those parts. A part (`config/parts/NAME.toml`) has the keys of a part at its
//! top level. An operator's own file at the same path beside `services.toml` wins over the one that is built in.

use std::sync::OnceLock;

/// A file that is built into the binary; its path is relative to the directory of `services.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    pub path: &'static str,
    pub text: &'static str,
}

macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(Embedded { path: $path, text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)) }),*]
    };
}

/// Every file under `config/` that presets need, one line each.
const FILES: &[Embedded] = embedded![
    "config/dragonfly/dragonfly.flags",
    "config/grafana/dashboards.yaml",
    "config/grafana/dashboards/health.json",
    "config/grafana/dashboards/overview.json",
    "config/grafana/datasource.yaml",
    "config/grafana/grafana.ini",
    "config/node-red/flows.json",
    "config/node-red/settings.js",
    "config/parts/dragonfly.toml",
    "config/parts/grafana.toml",
    "config/parts/mongodb.toml",
    "config/parts/node-red.toml",
    "config/parts/nodejs.toml",
    "config/parts/postgresql-client.toml",
    "config/parts/postgresql.toml",
    "config/parts/redis.toml",
    "config/parts/valkey.toml",
    "config/postgres/init.sql",
    "config/postgresql/pg_hba.conf",
    "config/postgresql/postgresql.conf",
    "config/presets/dragonfly.toml",
    "config/presets/grafana.toml",
    "config/presets/mongodb.toml",
    "config/presets/node-red.toml",
    "config/presets/postgresql.toml",
    "config/presets/redis.toml",
    "config/presets/valkey.toml",
    "config/redis/redis.conf",
    "config/valkey/valkey.conf",
];

#[derive(Debug, Clone, Copy)]
pub struct Preset {
    pub name: &'static str,
    pub text: &'static str,
}

/// The presets that are built in, by name.
pub fn presets() -> &'static [Preset] {
    static PRESETS: OnceLock<Vec<Preset>> = OnceLock::new();
    PRESETS.get_or_init(|| list("config/presets/"))
}

/// The parts that are built in, by name.
pub fn parts() -> &'static [Preset] {
    static PARTS: OnceLock<Vec<Preset>> = OnceLock::new();
    PARTS.get_or_init(|| list("config/parts/"))
}

fn list(folder: &str) -> Vec<Preset> {
    let mut list = FILES
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix(folder)?.strip_suffix(".toml")?;
            (!name.contains('/')).then_some(Preset { name, text: file.text })
        })
        .collect::<Vec<_>>();
    list.sort_by_key(|preset| preset.name);
    list
}

/// A built-in file by its path.
pub fn file(path: &str) -> Option<&'static str> {
    FILES.iter().find(|file| file.path == path).map(|file| file.text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn walk(folder: &Path, into: &mut BTreeSet<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.map(|entry| entry.unwrap().path()) {
            if entry.ends_with("config/examples") || entry.ends_with("config/parts/locks") {
                // Not read through a stack: `init` and `parts` build these in themselves.
                continue;
            }
            if entry.is_dir() {
                walk(&entry, into);
            } else {
                let relative = entry.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
                into.insert(relative.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_under_config_is_built_in() {
        let mut found = BTreeSet::new();
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), &mut found);
        let listed = FILES.iter().map(|file| file.path.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(found, listed, "add the file to FILES in presets.rs");
    }
}
