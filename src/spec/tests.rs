//! The corpus under `tests/fixtures/spec`: every file is loaded and its outcome compared with the text beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::presets::Preset;
use super::*;

/// A preset and a part that no data file holds, so that the corpus stands alone.
const PRESETS: &[Preset] = &[
    Preset { name: "example-db", text: include_str!("../../tests/fixtures/spec/presets/example-db.toml") },
    Preset { name: "example-alt", text: include_str!("../../tests/fixtures/spec/presets/example-alt.toml") },
];
const PARTS: &[Preset] = &[Preset { name: "altdb", text: include_str!("../../tests/fixtures/spec/parts/altdb.toml") }];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spec").join(name)
}

/// The environment of every case.
fn env() -> BTreeMap<String, String> {
    [("GREETING", "hello world"), ("EMPTY", ""), ("TOKEN", "a\"b")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// Loads text as if it stood in `folder`; the file's name is shown without its folder.
fn load_in(folder: &Path, name: &str, text: &[u8], with: impl FnOnce(&mut Inputs<'_>)) -> Result<Loaded, Problems> {
    let env = env();
    let read = |path: &Path| -> io::Result<Vec<u8>> { std::fs::read(folder.join(path)) };
    let mut inputs = Inputs::new(PathBuf::from(name), text, &env, &read);
    inputs.arch = "x86_64";
    inputs.extra_presets = PRESETS;
    inputs.extra_parts = PARTS;
    with(&mut inputs);
    load(&inputs)
}

fn load_text(text: &str) -> Result<Loaded, Problems> {
    load_in(&folder("good"), "services.toml", text.as_bytes(), |_| {})
}

/// Files of a folder with their expected outcome; `UPDATE_EXPECTED=1` writes it anew.
fn corpus(name: &str, outcome: impl Fn(&Path, &str, &[u8]) -> String) -> usize {
    let folder = folder(name);
    let mut cases = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect::<Vec<_>>();
    cases.sort();
    let mut wrong = Vec::new();
    for case in &cases {
        let file = case.file_name().unwrap().to_str().unwrap();
        let found = outcome(&folder, file, &std::fs::read(case).unwrap());
        let beside = case.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&beside, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            wrong.push(format!("--- {file}: expected\n{expected}\n--- {file}: found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cases.len()
}

#[test]
fn good_files_load_as_expected() {
    let count = corpus("good", |folder, file, text| match load_in(folder, file, text, |_| {}) {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>();
            format!("{warnings}{}", loaded.expanded.to_toml())
        }
        Err(problems) => panic!("{file} is refused:\n{}", problems.render(false)),
    });
    assert!(count >= 1);
}
