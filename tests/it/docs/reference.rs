//! Pages made from what the program itself says: every key of `services.toml`, every preset, every command, the shipped stack,
//! the list of decisions. `UPDATE_DOCS=1 cargo test --test it docs::reference` writes them; without it they are compared.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use super::files;
use crate::support::Stack;

const MADE: &str =
    "Made from the program by `UPDATE_DOCS=1 cargo test --test it docs::reference`; edits here are lost.";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn current(name: &str, text: &str) {
    let path = root().join(name);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{name}: {error}"));
    } else {
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(there == text, "{name} is not current: UPDATE_DOCS=1 cargo test --test it docs::reference writes it");
    }
}

/// What `reeve` says, in the repository and without settings from the environment.
#[track_caller]
fn reeve(args: &[&str]) -> String {
    let stack = Stack::empty();
    let mut command = stack.command(args);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REEVE_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(root()).output().expect("reeve runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

// ------------------------------------------------------------------------------------------------------ services.toml

/// The tables of the schema, each with where it stands, in the order in which a reader meets them.
struct Tables<'a> {
    definitions: &'a serde_json::Map<String, Value>,
    found: Vec<(String, &'a Value)>,
    places: BTreeMap<String, Vec<String>>,
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

impl<'a> Tables<'a> {
    fn new(schema: &'a Value) -> Self {
        let definitions = schema["$defs"].as_object().expect("definitions");
        let mut tables = Self { definitions, found: Vec::new(), places: BTreeMap::new() };
        let mut open = VecDeque::from([(String::new(), schema)]);
        while let Some((place, table)) = open.pop_front() {
            for (key, value) in table["properties"].as_object().into_iter().flatten() {
                // What a mode may hold is what the file itself may hold.
                if place.is_empty() && key == "mode" {
                    continue;
                }
                let below = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                tables.meet(value, below, &mut open);
            }
        }
        tables
    }

    fn meet(&mut self, value: &'a Value, place: String, open: &mut VecDeque<(String, &'a Value)>) {
        if let Some(name) = reference(value) {
            let target = &self.definitions[name];
            if target["properties"].is_object() {
                let places = self.places.entry(name.to_owned()).or_default();
                places.push(place.clone());
                if places.len() == 1 {
                    self.found.push((name.to_owned(), target));
                    open.push_back((place, target));
                }
            } else {
                self.meet(target, place, open);
            }
            return;
        }
        for one in value["anyOf"].as_array().into_iter().flatten() {
            self.meet(one, place.clone(), open);
        }
        if value["items"].is_object() {
            self.meet(&value["items"], place.clone(), open);
        }
        if value["additionalProperties"].is_object() {
            self.meet(&value["additionalProperties"], format!("{place}.NAME"), open);
        }
    }

    /// What may stand there, in words.
    fn kind(&self, value: &Value) -> String {
        if let Some(expected) = value["x-expected"].as_str() {
            let options = value["anyOf"].as_array().into_iter().flatten();
            let table = options.filter_map(reference).find_map(|name| self.places.get(name)?.first());
            let keys = table.map(|place| format!(" ([its keys](#{}))", anchor(place))).unwrap_or_default();
            return expected.replace('"', "`") + &keys;
        }
        if let Some(name) = reference(value) {
            let target = &self.definitions[name];
            return match self.places.get(name).filter(|_| target["properties"].is_object()) {
                Some(places) => format!("[a table](#{})", anchor(&places[0])),
                None => self.kind(target),
            };
        }
        if let Some(one) = value["const"].as_str() {
            return format!("`\"{one}\"`");
        }
        if let Some(values) = value["enum"].as_array() {
            return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        }
        for list in ["anyOf", "oneOf"] {
            if let Some(options) = value[list].as_array() {
                let mut options: Vec<String> = options.iter().map(|option| self.kind(option)).collect();
                options.dedup();
                return options.join(if list == "anyOf" { " or " } else { ", " });
            }
        }
        match value["type"].as_str().unwrap_or_default() {
            "string" => "text".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "integer" | "number" => match (value["minimum"].as_f64(), value["maximum"].as_f64()) {
                (Some(least), Some(most)) => format!("a number from {least} to {most}"),
                (Some(least), None) if least > 0.0 => format!("a number, at least {least}"),
                _ => "a number".to_owned(),
            },
            "array" => match self.kind(&value["items"]) {
                items if items == "text" => "a list of texts".to_owned(),
                items => format!("a list: {items}"),
            },
            "object" if value["additionalProperties"].is_object() => match self.kind(&value["additionalProperties"]) {
                items if items == "text" => "names and texts".to_owned(),
                items => format!("by name: {items}"),
            },
            other => panic!("no words for {other:?}: {value}"),
        }
    }
}

fn anchor(place: &str) -> String {
    place.to_lowercase().chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn the_keys_of_services_toml() {
    let schema: Value = serde_json::from_str(&reeve(&["config", "--schema"])).expect("JSON");
    let tables = Tables::new(&schema);
    let mut text = format!("# Every key of services.toml\n\n{MADE}\n\n");
    text.push_str(
        "What a key means in a few words; how they work together is in [services.toml](services-toml.md). `reeve config \
         --schema` prints the\nsame as a JSON Schema for editors, `reeve config` a file with every default filled in. \
         `mode.NAME` holds any of these tables\nagain and is laid over the rest when that mode is chosen.\n",
    );
    let mut unsaid = Vec::new();
    for (name, table) in &tables.found {
        let places = &tables.places[name];
        write!(text, "\n## {}\n\n", places[0]).expect("a string");
        if let Some(about) = table["description"].as_str() {
            writeln!(text, "{}\n", cell(about)).expect("a string");
        }
        let others: BTreeSet<&str> = places.iter().map(String::as_str).filter(|place| **place != *places[0]).collect();
        if !others.is_empty() {
            let others: Vec<String> = others.iter().map(|place| format!("`{place}`")).collect();
            writeln!(text, "The same in {}.\n", others.join(", ")).expect("a string");
        }
        text.push_str("| key | value | meaning |\n|---|---|---|\n");
        for (key, value) in table["properties"].as_object().expect("properties") {
            let about = value["description"].as_str().unwrap_or_default();
            if about.is_empty() {
                unsaid.push(format!("{name}.{key}"));
            }
            writeln!(text, "| `{key}` | {} | {} |", cell(&tables.kind(value)), cell(about)).expect("a string");
        }
    }
    current("docs/configuration.md", &text);
    assert!(unsaid.is_empty(), "keys whose type says nothing about them: {unsaid:?}");
}

// -------------------------------------------------------------------------------------------------------------- presets

#[test]
fn the_presets() {
    let mut text = format!("# Presets\n\n{MADE}\n\n");
    text.push_str(
        "What a service is made from that says `preset = \"NAME\"`: program, first start, health, way to stop. Every key can be \
         overridden\nin the service; `reeve presets NAME` prints the preset itself, and a file of your own at \
         `config/presets/NAME.toml` beside\n`services.toml` takes its place.\n",
    );
    for name in reeve(&["presets"]).lines() {
        let preset = reeve(&["presets", name]);
        let head: Vec<&str> = preset.lines().map_while(|line| line.strip_prefix('#')).collect();
        let document: toml_edit::DocumentMut = preset.parse().expect("TOML");
        write!(text, "\n## {name}\n\n{}\n\n", paragraphs(&head)).expect("a string");
        text.push_str("| | |\n|---|---|\n");
        let mut row = |what: &str, value: String| {
            if !value.is_empty() {
                writeln!(text, "| {what} | {} |", cell(&value)).expect("a string");
            }
        };
        let code = |item: &toml_edit::Item| match item.as_array() {
            Some(words) => {
                let words: Vec<&str> = words.iter().filter_map(toml_edit::Value::as_str).collect();
                format!("`{}`", words.join(" "))
            }
            None => format!("`{}`", item.to_string().trim()),
        };
        let rows = ["parts", "alternatives", "command", "health", "stop"];
        for (key, what) in rows.into_iter().zip(["parts", "in its place", "program", "ready when", "to stop"]) {
            row(what, document.get(key).map(code).unwrap_or_default());
        }
        let env = document.get("env").and_then(toml_edit::Item::as_table_like);
        let env = env.into_iter().flat_map(toml_edit::TableLike::iter);
        row(
            "environment",
            env.map(|(key, value)| format!("`{key} = {}`", value.to_string().trim())).collect::<Vec<_>>().join(", "),
        );
        let secrets = document.get("secrets").and_then(toml_edit::Item::as_table_like);
        let secrets = secrets.into_iter().flat_map(toml_edit::TableLike::iter).map(|(key, value)| {
            match value.as_table_like().and_then(|table| table.get("env")).and_then(toml_edit::Item::as_str) {
                Some(env) => format!("`{key}` (`{env}` if that is set)"),
                None => format!("`{key}`"),
            }
        });
        row("secrets", secrets.collect::<Vec<_>>().join(", "));
        row("files", named(&document, "files", "path"));
        let init = document.get("init").and_then(toml_edit::Item::as_table_like);
        let server = init.and_then(|init| init.get("server")).and_then(toml_edit::Item::as_table_like);
        let steps = |table: Option<&dyn toml_edit::TableLike>| {
            table.and_then(|table| table.get("steps")).map(|steps| names(steps, "name")).unwrap_or_default()
        };
        let all = [steps(init), steps(server)];
        row("at the first start", all.into_iter().filter(|names| !names.is_empty()).collect::<Vec<_>>().join(", "));
        row("once it is ready", named(&document, "bootstrap", "name"));
    }
    current("docs/presets.md", &text);
}

/// Comment lines as Markdown: indented ones are a list of what they name.
fn paragraphs(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        let line = line.strip_prefix(' ').unwrap_or(line);
        match line.strip_prefix("  ").map(str::trim_start) {
            Some(item) => {
                let (name, about) = item.split_once("  ").unwrap_or((item, ""));
                let names: Vec<String> = name.split(", ").map(|name| format!("`{name}`")).collect();
                write!(text, "\n- {}: {}", names.join(", "), about.trim()).expect("a string");
            }
            None if text.lines().last().is_some_and(|last| last.starts_with("- ")) => {
                write!(text, "\n\n{line}").expect("a string");
            }
            None => write!(text, "{}{line}", if text.is_empty() { "" } else { "\n" }).expect("a string"),
        }
    }
    // A list begins after an empty line.
    let mut out: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.starts_with("- ") && out.last().is_some_and(|last| !last.is_empty() && !last.starts_with("- ")) {
            out.push("");
        }
        out.push(line);
    }
    out.join("\n").trim().to_owned()
}

fn named(document: &toml_edit::DocumentMut, key: &str, name: &str) -> String {
    document.get(key).map(|items| names(items, name)).unwrap_or_default()
}

fn names(items: &toml_edit::Item, name: &str) -> String {
    let tables = items.as_array_of_tables().into_iter().flatten();
    let names = tables.filter_map(|table| table.get(name)?.as_str());
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

// ------------------------------------------------------------------------------------------------------------- commands

#[test]
fn the_commands() {
    let help = reeve(&["--help"]);
    let section = |text: &str, name: &str| {
        let found = text.split(&format!("\n{name}:\n")).nth(1).unwrap_or_default().split("\n\n").next();
        found.unwrap_or_default().to_owned()
    };
    let options = section(&help, "Options");
    let everywhere: BTreeSet<String> = options.lines().filter_map(long).collect();
    let mut text = format!("# Commands\n\n{MADE}\n\n");
    text.push_str(
        "`reeve help COMMAND` prints the same. [Exit codes](exit-codes.md), [environment](environment.md).\n\n\
         ## Options of every command\n\n",
    );
    writeln!(text, "```text\n{}\n```", options.trim_end()).expect("a string");
    let list = section(&help, "Commands");
    let verbs = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for verb in verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help") {
        let help = reeve(&["help", verb]);
        // Without the options of every command, which each help repeats.
        let mut lines: Vec<&str> = Vec::new();
        let mut dropping = false;
        for line in help.lines() {
            match long(line) {
                Some(option) => dropping = everywhere.contains(&option),
                // Paragraphs of its long help, and what stands between them.
                None if line.trim().is_empty() || line.starts_with("     ") => {}
                None => dropping = false,
            }
            if !dropping {
                lines.push(line);
            }
        }
        let kept = lines.join("\n");
        let kept = kept.trim_end().trim_end_matches("Options:").trim_end();
        write!(text, "\n## reeve {verb}\n\n```text\n{kept}\n```\n").expect("a string");
    }
    let text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n";
    current("docs/commands.md", &text);
}

/// The long name of the option that a line of help begins with.
fn long(line: &str) -> Option<String> {
    let pattern = regex::Regex::new(r"^ {2,6}(?:-\w, )?--([a-z-]+)|^ {2}(-f) <FILE>").expect("a valid pattern");
    let found = pattern.captures(line)?;
    Some(found.get(1).or(found.get(2))?.as_str().to_owned())
}

// ------------------------------------------------------------------------------------------------------------ the stack

#[test]
fn the_shipped_stack() {
    let document: toml_edit::DocumentMut = read("services.toml").parse().expect("TOML");
    let list = |item: Option<&toml_edit::Item>| {
        let values = item.and_then(toml_edit::Item::as_array).into_iter().flatten();
        values.filter_map(toml_edit::Value::as_str).collect::<Vec<_>>().join(", ")
    };
    let pairs = |item: Option<&toml_edit::Item>| {
        let table = item.and_then(toml_edit::Item::as_table_like);
        let one = |value: &toml_edit::Item| match value.as_table_like() {
            Some(table) => {
                table.iter().find(|(key, _)| ["port", "condition"].contains(key)).map(|(_, value)| value.to_string())
            }
            None => Some(value.to_string()),
        };
        let pairs = table.into_iter().flat_map(toml_edit::TableLike::iter);
        pairs
            .map(|(key, value)| (key.to_owned(), one(value).unwrap_or_default().trim().trim_matches('"').to_owned()))
            .collect::<Vec<_>>()
    };
    let mut text = format!("# The STATUS stack\n\n{MADE}\n\n");
    text.push_str(
        "What [`services.toml`](https://github.com/statuscompliance/reeve/blob/main/services.toml) starts in its default mode. \
         Ports are on the loopback address.\n\n\
         | service | what it is | ports | networks | volume | memory | waits for |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, service) in document["services"].as_table().expect("services") {
        let numbers = pairs(service.get("ports")).into_iter().map(|(_, port)| port).collect::<Vec<_>>();
        let volumes =
            pairs(service.get("volumes")).into_iter().map(|(_, volume)| format!("`{volume}`")).collect::<Vec<_>>();
        let waits = pairs(service.get("depends_on"))
            .into_iter()
            .map(|(name, condition)| format!("{name} {condition}"))
            .collect::<Vec<_>>();
        let about = service.get("description").and_then(toml_edit::Item::as_str).unwrap_or_default();
        let made = service
            .get("preset")
            .and_then(toml_edit::Item::as_str)
            .map(|preset| format!(" ([{preset}](presets.md#{preset}))"));
        let memory = pairs(service.get("limits")).into_iter().find(|(key, _)| key == "memory").map(|(_, size)| size);
        writeln!(
            text,
            "| {name} | {}{} | {} | {} | {} | {} | {} |",
            cell(about),
            made.unwrap_or_default(),
            numbers.join(", "),
            list(service.get("networks")),
            volumes.join(", "),
            memory.unwrap_or_default(),
            waits.join(", ")
        )
        .expect("a string");
    }
    text.push_str(
        "\nOptional services (`required = false`) are left out, with a reason, where their part cannot be had.\n\n",
    );
    text.push_str(
        "## Who waits for whom\n\nAs `reeve config --graph mermaid` prints it. A dotted line only orders.\n\n",
    );
    writeln!(text, "```mermaid\n{}\n```", reeve(&["config", "--graph", "mermaid"]).trim_end()).expect("a string");
    current("docs/stack.md", &text);
}

// ------------------------------------------------------------------------------------------------------------ decisions

#[test]
fn the_summary_and_the_list_of_decisions() {
    let decisions = files("docs/decisions");
    let title = |name: &str| {
        let text = read(name);
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a title");
        title.split_once(". ").map_or(title, |(_, title)| title).to_owned()
    };
    let mut text = "# Decisions\n\nChoices that somebody may question later: context, choice, what was rejected, when to look again.\n\n".to_owned();
    let mut rows = Vec::new();
    for name in &decisions {
        let place = name.strip_prefix("docs/").expect("in docs");
        let number: String = place.trim_start_matches("decisions/").chars().take(4).collect();
        writeln!(text, "- [{number}]({place}): {}", title(name)).expect("a string");
        rows.push(format!("  - [{}]({place})", title(name)));
    }
    current("docs/decisions.md", &text);
    let summary = read("docs/SUMMARY.md");
    let others: Vec<&str> = summary.lines().filter(|line| !line.contains("](decisions/")).collect();
    let at = others.iter().position(|line| line.contains("](decisions.md)")).expect("the list in the summary");
    let lines = others[..=at].iter().map(|line| (*line).to_owned()).chain(rows);
    let mut lines: Vec<String> = lines.chain(others[at + 1..].iter().map(|line| (*line).to_owned())).collect();
    // A page that nobody has given a place yet comes last.
    let new = files("docs").into_iter().filter(|name| name != "docs/SUMMARY.md");
    let new = new.filter(|name| !summary.contains(&format!("]({})", name.trim_start_matches("docs/"))));
    lines.extend(new.map(|name| format!("- [{}]({})", title(&name), name.trim_start_matches("docs/"))));
    current("docs/SUMMARY.md", &(lines.join("\n") + "\n"));
}
