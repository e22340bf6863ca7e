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
fn load_in(folder: &Path, name: &str, text: &[u8], mode: Option<&str>, port_offset: u16) -> Result<Loaded, Problems> {
    let env = env();
    let read = |path: &Path| -> io::Result<Vec<u8>> { std::fs::read(folder.join(path)) };
    let mut inputs = Inputs::new(PathBuf::from(name), text, &env, &read);
    inputs.arch = "x86_64";
    inputs.presets = PRESETS;
    inputs.parts = PARTS;
    inputs.mode = mode;
    inputs.port_offset = port_offset;
    load(&inputs)
}

fn load_text(text: &str) -> Result<Loaded, Problems> {
    load_in(&folder("good"), "services.toml", text.as_bytes(), None, 0)
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
    let count =
        corpus("good", |folder, file, text| match load_in(folder, file, text, directives(text).0.as_deref(), 0) {
            Ok(loaded) => {
                let warnings = loaded.warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>();
                // What is printed can be read back, but for defaults that a file need not hold.
                let printed = loaded.merged.expanded(&loaded.stack).to_toml();
                toml_edit::Document::parse(printed.as_str()).unwrap();
                format!("{warnings}{printed}\n{}\n{}", mermaid(&loaded.stack), outline(&loaded.stack))
            }
            Err(problems) => panic!("{file} is refused:\n{}", problems.render(false)),
        });
    assert!(count >= 6);
}

/// The validated values, without what the expanded file shows already.
fn outline(stack: &StackSpec) -> String {
    let mut json = serde_json::to_value(stack).unwrap();
    json["dir"] = serde_json::Value::from("DIR");
    serde_json::to_string_pretty(&json).unwrap() + "\n"
}

/// `# mode: development` and `# port-offset: 100` in the first line of a case.
fn directives(text: &[u8]) -> (Option<String>, u16) {
    let line = String::from_utf8_lossy(text).lines().next().unwrap_or_default().to_owned();
    let value = |name: &str| line.strip_prefix(&format!("# {name}: ")).map(str::to_owned);
    (value("mode"), value("port-offset").map_or(0, |offset| offset.parse().unwrap()))
}

/// semantics cases 33, 34, 35 and 70
#[test]
fn bad_files_are_refused_with_the_expected_problems() {
    let count = corpus("bad", |folder, file, text| {
        let (mode, offset) = directives(text);
        match load_in(folder, file, text, mode.as_deref(), offset) {
            Ok(_) => panic!("{file} is accepted"),
            Err(problems) => {
                assert!(problems.errors() > 0, "{file}");
                problems.render(false)
            }
        }
    });
    assert!(count >= 45);
}

fn json(loaded: &Loaded) -> serde_json::Value {
    serde_json::to_value(&loaded.stack).unwrap()
}

#[test]
fn an_alternative_has_another_program_in_the_same_place() {
    let text = "[volumes.d]\n[services.db]\npreset = \"example-db\"\nports = { sql = 5432 }\nvolumes = { data = \"d\" }\nlimits = { memory = \"1GB\" }\nhealth = { every = \"1s\" }\n";
    let loaded = load_text(text).unwrap();
    let db = loaded.stack.by_name("db").unwrap();
    let [alternative] = db.alternatives.as_slice() else { panic!("one alternative") };
    assert_eq!((&alternative.name, &alternative.id, &alternative.ports), (&db.name, &db.id, &db.ports));
    assert_eq!((&alternative.volumes, &alternative.limits), (&db.volumes, &db.limits));
    assert_eq!(alternative.command[0].to_string(), "${part.altdb.bin}/altd");
    assert_eq!(alternative.parts, ["altdb"]);
    assert_eq!(alternative.init, None);
    assert!(matches!(alternative.readiness.action, ProbeAction::Tcp { .. }));
    // The preset's probe, with the service's own period.
    assert!(matches!(db.readiness.action, ProbeAction::Postgres { .. }));
    assert_eq!(db.readiness.every, std::time::Duration::from_secs(1));
    assert_eq!(loaded.stack.parts.keys().collect::<Vec<_>>(), ["altdb", "exampledb"]);
    assert_eq!(loaded.stack.secrets["db_password"].length, 40);
}

#[test]
fn sources_of_another_architecture_are_left_out() {
    let loaded = load_text(
        "[volumes.d]\n[services.db]\npreset = \"example-db\"\nports = { sql = 1 }\nvolumes = { data = \"d\" }\n",
    );
    let sources = &loaded.unwrap().stack.parts["exampledb"].sources;
    let urls = sources.iter().filter_map(|source| match source {
        SourceSpec::Url { url, .. } => Some(url.to_string()),
        _ => None,
    });
    assert_eq!(urls.collect::<Vec<_>>(), ["https://example.org/exampledb-x86_64.tar.gz"]);
    assert_eq!(sources.len(), 2);
}

#[test]
fn ports_move_by_the_offset_and_automatic_ones_are_remembered() {
    let text = b"[services.a]\ncommand = [\"true\"]\nports = { fixed = 8000, chosen = \"auto\", open = \"auto\" }\n";
    let (env, read) = (env(), |_: &Path| -> io::Result<Vec<u8>> { Err(io::ErrorKind::NotFound.into()) });
    let chosen = [("a.chosen".to_owned(), 41234)].into();
    let mut inputs = Inputs::new(PathBuf::from("services.toml"), text, &env, &read);
    inputs.port_offset = 100;
    inputs.auto_ports = &chosen;
    let loaded = load(&inputs).unwrap();
    let numbers = loaded.stack.services[0].ports.iter().map(|port| (port.name.as_str(), port.number));
    assert_eq!(numbers.collect::<Vec<_>>(), [("fixed", Some(8100)), ("chosen", Some(41234)), ("open", None)]);
}

#[test]
fn the_process_environment_wins_over_the_dotenv_file() {
    let env = [("A".to_owned(), "process".to_owned())].into();
    let read = |path: &Path| match path.file_name().and_then(|name| name.to_str()) {
        Some(".env") => Ok(b"A=file\nB=\"${A} and ${C:-default}\"\n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let text = b"[services.a]\ncommand = [\"x\", \"${A}\", \"${B}\"]\n";
    let loaded = load(&Inputs::new(PathBuf::from("services.toml"), text, &env, &read)).unwrap();
    let command = loaded.stack.services[0].command.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(command, ["x", "process", "process and default"]);
}

#[test]
fn an_operators_own_preset_and_template_win() {
    let read = |path: &Path| match path.to_str() {
        Some("/srv/config/presets/example-db.toml") => Ok(b"command = [\"mine\"]\n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let env = env();
    let text = b"[services.a]\npreset = \"example-db\"\n";
    let mut inputs = Inputs::new(PathBuf::from("/srv/services.toml"), text, &env, &read);
    inputs.presets = PRESETS;
    let loaded = load(&inputs).unwrap();
    assert_eq!(loaded.stack.services[0].command[0].to_string(), "mine");
    assert_eq!(
        loaded.merged.expanded(&loaded.stack).origin(&["services", "a", "command"]),
        Some("config/presets/example-db.toml")
    );
}

#[test]
fn an_unreadable_environment_file_is_said_without_its_content() {
    let read = |path: &Path| match path.file_name().and_then(|name| name.to_str()) {
        Some(".env") => Ok(b"hunter2\nB='hunter2\n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let env = env();
    let text = b"[services.a]\ncommand = [\"x\"]\n";
    let problems = load(&Inputs::new(PathBuf::from("services.toml"), text, &env, &read)).unwrap_err();
    assert_eq!(problems.errors(), 2);
    let shown = format!("{} {} {problems:?}", problems.render(true), problems.to_json());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn secrets_never_enter_the_specification() {
    let text = "[services.a]\ncommand = [\"x\"]\nenv = { P = \"${secret.p}\" }\n";
    let loaded = load_text(text).unwrap();
    assert_eq!(json(&loaded)["services"][0]["env"]["P"], "${secret.p}");
    assert_eq!(loaded.stack.secrets["p"].length, 32);
}

#[test]
fn problems_can_be_read_by_machines() {
    let problems = load_text("[services.a]\ncomand = [\"x\"]\n").unwrap_err();
    let expected = serde_json::json!({
        "severity": "error", "file": "services.toml", "line": 2, "column": 1, "span": [13, 19],
        "message": "unknown key \"comand\"", "hint": "did you mean \"command\"?",
    });
    assert_eq!(problems.to_json()[0], expected);
    assert_eq!(problems.items[0].to_string(), "services.toml:2:1: unknown key \"comand\" (did you mean \"command\"?)");
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let problems = load_text("[services.a]\ncomand = [\"x\"]\n").unwrap_err();
    assert!(problems.render(true).contains('\u{1b}'));
    assert!(!problems.render(false).contains('\u{1b}'));
}

/// semantics case 31
#[test]
fn a_chain_of_thousands_is_ordered_and_a_ring_of_thousands_refused() {
    let count = 3000;
    let mut text = "[services.s0]\ncommand = [\"x\"]\n".to_owned();
    for index in 1..count {
        let before = index - 1;
        text.push_str(&format!("[services.s{index}]\ncommand = [\"x\"]\ndepends_on = [\"s{before}\"]\n"));
    }
    let stack = load_text(&text).unwrap().stack;
    let graph = Graph::new(&stack);
    assert_eq!(graph.levels().len(), count);
    assert_eq!(graph.order().map(ServiceId::index).collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
    let ring = text.replacen("command = [\"x\"]", &format!("command = [\"x\"]\ndepends_on = [\"s{}\"]", count - 1), 1);
    assert_eq!(load_text(&ring).unwrap_err().errors(), 1);
}

/// semantics case 70
#[test]
fn a_file_of_a_megabyte_is_read_and_one_full_of_problems_too() {
    let mut good = String::new();
    while good.len() < 1 << 20 {
        good.push_str(&format!("[services.s{}]\ncommand = [\"x\"]\n", good.len()));
    }
    assert!(load_text(&good).unwrap().stack.services.len() > 20_000);
    let problems = load_text(&good.replace("command", "comand")).unwrap_err();
    assert!(problems.errors() > 20_000);
    assert!(problems.render(false).contains("more problems are not shown"));
    let line = format!("[services.a]\ncommand = [\"{}\"]\nx = \"{}\"\n", "y".repeat(1 << 20), "z".repeat(1 << 20));
    assert!(load_text(&line).unwrap_err().render(false).len() < 2_000);
}

#[test]
fn the_schema_knows_every_key_of_the_presets() {
    let schema = schema();
    let known = schema["$defs"]["ServiceFile"]["properties"].as_object().unwrap();
    for preset in presets::presets().iter().chain(PRESETS) {
        let document = toml_edit::Document::parse(preset.text).unwrap();
        for (key, item) in document.as_table() {
            let table_of_preset = key == "secrets" || (key == "parts" && item.is_table_like());
            assert!(table_of_preset || known.contains_key(key), "{}: {key}", preset.name);
        }
    }
    assert_eq!(schema["properties"].as_object().unwrap().len(), 7);
    assert!(!schema.to_string().contains("\"null\""));
}

/// With what is built in, and no file beside it.
fn load_built_in(text: &[u8], mode: Option<&str>) -> Result<Loaded, Problems> {
    let (env, read) = (env(), |_: &Path| -> io::Result<Vec<u8>> { Err(io::ErrorKind::NotFound.into()) });
    let mut inputs = Inputs::new(PathBuf::from("services.toml"), text, &env, &read);
    inputs.mode = mode;
    load(&inputs)
}

/// Every preset that is built in makes a service that can be loaded.
#[test]
fn built_in_presets_load() {
    for preset in presets::presets() {
        let document = toml_edit::Document::parse(preset.text).unwrap();
        // Ports and volumes are the stack's: give it what the preset's own references ask for.
        let role =
            document.get("init").and_then(|init| init.get("volume")).and_then(|role| role.as_str()).unwrap_or("data");
        let port = if document.get("ports").is_some() { "" } else { "ports = { main = \"auto\" }\n" };
        let name = preset.name;
        let text = format!("[services.x]\npreset = \"{name}\"\n{port}volumes = {{ {role} = \"v\" }}\n[volumes.v]\n");
        if let Err(problems) = load_built_in(text.as_bytes(), None) {
            panic!("{name}:\n{}", problems.render(false));
        }
    }
}

#[test]
fn the_stack_at_the_top_loads_in_every_mode() {
    let text = include_bytes!("../../services.toml");
    for mode in ["production", "development"] {
        match load_built_in(text, Some(mode)) {
            Ok(loaded) => {
                assert_eq!(loaded.stack.name, "status");
                assert_eq!(loaded.warnings, []);
                let unbuilt = loaded.stack.services.iter().flat_map(|service| &service.parts);
                assert!(unbuilt.into_iter().all(|part| !loaded.stack.parts[part].sources.is_empty()));
            }
            Err(problems) => panic!("{}", problems.render(false)),
        }
    }
}

mod mutations {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = include_str!("../../tests/fixtures/spec/good/everything.toml");

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// semantics case 70: whatever is done to a file, it is loaded or refused, and the refusal can be drawn
        #[test]
        fn a_damaged_file_never_panics(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..8usize, any::<u8>(), 0..4usize), 1..6)
        ) {
            const WORDS: [&[u8]; 8] = [b"${", b"\"", b"\n[services.tool]\n", b"\xff", b"\0", b"= {", b"\xc3\xa4", b"$$}"];
            let mut text = GOOD.as_bytes().to_vec();
            for (at, length, byte, kind) in edits {
                let at = at.index(text.len().max(1)).min(text.len());
                let end = (at + length).min(text.len());
                match kind {
                    0 => drop(text.splice(at..end, [])),
                    1 => drop(text.splice(at..end, [byte])),
                    2 => drop(text.splice(at..at, WORDS[length].iter().copied())),
                    _ => { let copy = text[at..end].to_vec(); text.extend(copy); }
                }
            }
            match load_in(&folder("good"), "services.toml", &text, None, 7) {
                Ok(loaded) => drop(loaded.merged.expanded(&loaded.stack).to_toml()),
                Err(problems) => {
                    prop_assert!(problems.errors() > 0);
                    drop((problems.render(true), problems.render(false), problems.to_json()));
                }
            }
        }

        #[test]
        fn any_text_can_be_a_value(text in any::<String>()) {
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            let file = format!("[services.a]\ncommand = [\"x\", {quoted}]\ncwd = {quoted}\nuser = {quoted}\nhealth = {{ tcp = {quoted} }}\nstop = {{ grace = {quoted} }}\n");
            if let Err(problems) = load_text(&file) {
                drop(problems.render(false));
            }
        }

        #[test]
        fn any_bytes_can_be_an_env_file(text in any::<String>()) {
            drop(env_file::parse(&text));
        }
    }
}
