//! Promises about the source tree that the compiler does not keep: who may import whom, where `unsafe` and printing may
//! occur, how long a file may be, what must be documented. Each rule is a function from text to findings, one test
//! applies it to the tree and another shows that it can fail.

#![expect(clippy::expect_used, reason = "a broken premise is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// What a module of `src` may import: a module, or one of its submodules. `*` is anything.
const IMPORTS: &[(&str, &[&str])] = &[
    ("spec", &[]),
    ("engine", &["spec"]),
    ("platform", &[]),
    ("settings", &[]),
    ("telemetry", &[]),
    ("parts", &["spec", "platform", "telemetry"]),
    ("volumes", &["spec", "platform", "telemetry"]),
    ("bootstrap", &["spec", "platform", "volumes", "telemetry"]),
    ("convert", &["spec"]),
    ("supervisor", &["spec", "engine", "platform", "parts", "volumes", "bootstrap", "telemetry"]),
    ("control", &["engine", "serve"]),
    ("serve", &["telemetry", "platform::memory", "platform::notify", "platform::sockets"]),
    ("proxy", &["serve", "settings", "telemetry", "control::client", "control::wire"]),
    ("backend", &["serve", "settings", "telemetry", "control::client", "control::wire"]),
    ("governify", &["serve", "telemetry"]),
    ("registry", &["governify", "serve", "settings", "telemetry"]),
    ("director", &["governify", "serve", "settings", "telemetry", "platform"]),
    ("setup", &["serve", "settings", "telemetry"]),
    ("worker", &["serve", "settings", "telemetry"]),
    ("tui", &["control::client", "control::wire"]),
    ("cli", &["*"]),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// What one file may import beyond its module's row.
const FILE_IMPORTS: &[(&str, &str)] = &[
    ("src/control/server.rs", "supervisor::handle"),
    ("src/control/peer.rs", "supervisor::handle"),
    ("src/control/show.rs", "supervisor::handle"),
];

/// Files that may exceed [`MAX_LINES`]. Kept empty: split the file instead.
const LONG_FILES: &[&str] = &[];

/// Twice the length at which a file should be looked at; beyond it one no longer finds one's way.
const MAX_LINES: usize = 600;

/// Folders that hold no source of ours.
const SKIPPED: &[&str] = &["target", ".git", "node_modules", ".reeve", "result"];

// ---------------------------------------------------------------------------------------------------------- reading

#[derive(Debug, Clone)]
struct Source {
    /// Path below the repository, with `/`.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(dir: &Path, wanted: &dyn Fn(&Path) -> bool, into: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().expect("a file name").to_string_lossy().into_owned();
        if SKIPPED.contains(&name.as_str()) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, wanted, into);
        } else if wanted(&path) {
            // Files that are no text (icons, archives) hold nothing that these rules are about.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            into.push(Source { path, text });
        }
    }
}

fn files(below: &str, extension: Option<&str>) -> Vec<Source> {
    let mut found = Vec::new();
    let wanted = |path: &Path| extension.is_none_or(|want| path.extension().is_some_and(|have| have == want));
    collect(&root().join(below), &wanted, &mut found);
    found
}

fn sources() -> Vec<Source> {
    let found = files("src", Some("rs"));
    assert!(found.len() > 10, "the sources were not found below {}", root().display());
    found
}

fn bytes_to_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("only whole characters are blanked")
}

/// The text with comments, strings and character literals blanked, byte for byte as long as before.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at + 1),
            b'r' if !is_word(bytes, at.wrapping_sub(1)) || raw_prefix(bytes, at) => match raw_string_end(bytes, at) {
                Some(end) => end,
                None => at,
            },
            b'\'' => char_end(bytes, at),
            _ => at,
        };
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    bytes_to_string(out)
}

fn is_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
}

/// `b` or `c` before the `r` of a raw string is part of the literal.
fn raw_prefix(bytes: &[u8], at: usize) -> bool {
    at >= 1 && matches!(bytes[at - 1], b'b' | b'c') && !is_word(bytes, at.wrapping_sub(2))
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |offset| at + offset)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    let open = at + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let inside = &bytes[open + 1..];
    Some(
        inside
            .windows(close.len())
            .position(|window| window == close)
            .map_or(bytes.len(), |i| open + 1 + i + close.len()),
    )
}

/// End of a character literal, or `at` for a lifetime.
fn char_end(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at + 1) == Some(&b'\\') {
        return bytes[(at + 3).min(bytes.len())..].iter().position(|byte| *byte == b'\'').map_or(at, |i| at + 4 + i);
    }
    let rest = std::str::from_utf8(&bytes[at + 1..]).ok().and_then(|rest| rest.chars().next());
    match rest {
        Some(first) if bytes.get(at + 1 + first.len_utf8()) == Some(&b'\'') => at + 2 + first.len_utf8(),
        _ => at,
    }
}

/// Byte ranges of the items under `#[cfg(test)]`, found in blanked code.
fn test_ranges(code: &str) -> Vec<std::ops::Range<usize>> {
    let marker = Regex::new(r"#\[cfg\((?:all\()?test\b[^\]]*\]").expect("a valid pattern");
    let mut ranges = Vec::new();
    for found in marker.find_iter(code) {
        let mut depth = 0usize;
        let mut end = code.len();
        for (offset, byte) in code.bytes().enumerate().skip(found.end()) {
            match byte {
                b'{' => depth += 1,
                b'}' if depth <= 1 => {
                    end = offset + 1;
                    break;
                }
                b'}' => depth -= 1,
                b';' if depth == 0 => {
                    end = offset + 1;
                    break;
                }
                _ => {}
            }
        }
        ranges.push(found.start()..end);
    }
    ranges
}

fn blank(text: &str, ranges: &[std::ops::Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        for byte in &mut bytes[range.clone()] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    bytes_to_string(bytes)
}

/// Files declared by `#[cfg(test)] mod name;`, as path prefixes.
fn test_files(sources: &[Source]) -> BTreeSet<String> {
    let declaration = Regex::new(r"\bmod\s+(\w+)\s*;").expect("a valid pattern");
    let mut found = BTreeSet::new();
    for source in sources {
        let code = code(&source.text);
        for range in test_ranges(&code) {
            for name in declaration.captures_iter(&code[range]) {
                let (dir, file) = source.path.rsplit_once('/').expect("a file below src");
                let stem = file.trim_end_matches(".rs");
                let base =
                    if matches!(stem, "mod" | "lib" | "main") { dir.to_owned() } else { format!("{dir}/{stem}") };
                found.insert(format!("{base}/{}", &name[1]));
            }
        }
    }
    found
}

/// What is compiled into the product: no test files, no test modules. `strings` keeps string literals and comments.
fn shipped(sources: &[Source], strings: bool) -> Vec<Source> {
    let tests = test_files(sources);
    let is_test = |path: &str| {
        tests.iter().any(|prefix| path == format!("{prefix}.rs") || path.starts_with(&format!("{prefix}/")))
    };
    sources
        .iter()
        .filter(|source| !is_test(&source.path))
        .map(|source| {
            let code = code(&source.text);
            let ranges = test_ranges(&code);
            let text = if strings { blank(&source.text, &ranges) } else { blank(&code, &ranges) };
            Source { path: source.path.clone(), text }
        })
        .collect()
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Every place where the pattern occurs, as `path:line: what`.
fn occurrences(source: &Source, pattern: &str, what: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a valid pattern");
    let found = pattern.find_iter(&source.text);
    found
        .map(|hit| format!("{}:{}: {what}: {}", source.path, line_of(&source.text, hit.start()), hit.as_str()))
        .collect()
}

#[track_caller]
fn assert_none(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} finding(s)\n{}", findings.len(), findings.join("\n"));
}

fn sample(path: &str, text: &str) -> Vec<Source> {
    vec![Source { path: path.into(), text: text.into() }]
}

// ------------------------------------------------------------------------------------------------------ import table

/// First two segments of every path in a use tree that starts at `text`.
fn use_tree(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('{') {
        let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
        for (at, byte) in inside.bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 0 => {
                    parts.push(&inside[start..at]);
                    break;
                }
                b'}' => depth -= 1,
                b',' if depth == 0 => {
                    parts.push(&inside[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return parts.into_iter().filter(|part| !part.trim().is_empty()).flat_map(use_tree).collect();
    }
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_')).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if head.is_empty() {
        return Vec::new();
    }
    let Some(rest) = rest.trim_start().strip_prefix("::") else { return vec![vec![head.to_owned()]] };
    let tails = use_tree(rest);
    if tails.is_empty() {
        return vec![vec![head.to_owned()]];
    }
    tails.into_iter().map(|tail| vec![head.to_owned(), tail[0].clone()]).collect()
}

/// The top-level module of a file, and how many `super::` lead from it to the crate root.
fn module_of(path: &str) -> (String, usize) {
    let parts: Vec<&str> = path.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    let own = parts.len() - usize::from(parts.last() == Some(&"mod"));
    (parts[0].to_owned(), if matches!(parts[0], "lib" | "main") { 0 } else { own })
}

fn top_modules(sources: &[Source]) -> BTreeSet<String> {
    sources.iter().map(|source| module_of(&source.path).0).collect()
}

/// Paths from the crate root that a file names, with the line of each.
fn imports(source: &Source, modules: &BTreeSet<String>) -> Vec<(usize, Vec<String>)> {
    let crate_root = Regex::new(r"(?:\bcrate|\breeve)\s*::").expect("a valid pattern");
    let supers = Regex::new(r"(?:\bsuper\s*::\s*)+").expect("a valid pattern");
    let (_, depth) = module_of(&source.path);
    let mut found = Vec::new();
    for hit in crate_root.find_iter(&source.text) {
        for path in use_tree(&source.text[hit.end()..]) {
            found.push((line_of(&source.text, hit.start()), path));
        }
    }
    for hit in supers.find_iter(&source.text) {
        if depth > 0 && hit.as_str().matches("super").count() >= depth {
            // Inside an inline module the same count ends below the root; only names of modules are meant here.
            let paths = use_tree(&source.text[hit.end()..]).into_iter().filter(|path| modules.contains(&path[0]));
            found.extend(paths.map(|path| (line_of(&source.text, hit.start()), path)));
        }
    }
    found
}

fn import_findings(sources: &[Source], modules: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let shipped = shipped(sources, false);
    for source in &shipped {
        let (module, _) = module_of(&source.path);
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
            findings.push(format!("{}: module `{module}` has no row in the import table", source.path));
            continue;
        };
        for (line, path) in imports(source, modules) {
            let full = path.join("::");
            let extra = FILE_IMPORTS.iter().any(|(file, may)| *file == source.path && *may == full);
            let fine = |may: &&str| *may == "*" || *may == path[0] || *may == full;
            if path[0] != module && !allowed.iter().any(fine) && !extra {
                findings.push(format!("{}:{line}: `{module}` must not use `{full}`", source.path));
            }
        }
    }
    findings
}

#[test]
fn imports_follow_the_table() {
    let sources = sources();
    assert_none(import_findings(&sources, &top_modules(&sources)));
}

#[test]
fn imports_against_the_table_are_found() {
    let modules: BTreeSet<String> = IMPORTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let bad = [
        ("src/spec/file.rs", "use crate::engine::Phase;"),
        ("src/spec/file.rs", "fn f() { let x = crate::platform::now(); }"),
        ("src/engine/mod.rs", "use super::telemetry::wall_clock;"),
        ("src/engine/health.rs", "use super::super::parts::Part;"),
        ("src/parts/fetch.rs", "use crate::{\n    spec::PartSpec,\n    supervisor::{handle::Handle},\n};"),
        ("src/control/wire.rs", "use crate::supervisor::handle::Handle;"),
        ("src/control/server.rs", "use crate::supervisor::{handle::Handle, child};"),
        ("src/serve/mod.rs", "use crate::platform::tree;"),
        ("src/gadgets/mod.rs", "fn f() {}"),
        ("src/main.rs", "fn main() { reeve::engine::run() }"),
    ];
    for (path, text) in bad {
        let findings = import_findings(&sample(path, text), &modules);
        assert_eq!(findings.len(), 1, "{path}: {text}: {findings:?}");
    }
    let good = [
        ("src/control/server.rs", "use crate::supervisor::handle::{Handle, Reply};"),
        ("src/engine/health.rs", "use super::phase::Phase; use super::super::spec::ProbeSpec; // crate::platform"),
        ("src/spec/a.rs", "#[cfg(test)]\nmod tests { use crate::platform::x; }"),
        ("src/cli/up.rs", "use crate::{engine, supervisor};"),
    ];
    for (path, text) in good {
        assert_none(import_findings(&sample(path, text), &modules));
    }
}

// ------------------------------------------------------------------------------------------------------ pure modules

fn impure_findings(sources: &[Source]) -> Vec<String> {
    let outside = r"\b(?:tokio|getrandom|notify|reqwest)\s*::|\bInstant\s*::\s*now|\bSystemTime\b|\b(?:Tcp|Udp|Unix)(?:Stream|Listener|Socket|Datagram)\b";
    let standard = Regex::new(r"\bstd\s*::").expect("a valid pattern");
    let mut findings = Vec::new();
    let pure = ["spec", "engine", "convert"];
    for source in shipped(sources, false).iter().filter(|source| pure.contains(&module_of(&source.path).0.as_str())) {
        findings.extend(occurrences(source, outside, "a pure module reaches outside"));
        for hit in standard.find_iter(&source.text) {
            for path in use_tree(&source.text[hit.end()..]) {
                // What the compiler was told is a constant, not the environment.
                let constant = path.join("::") == "env::consts";
                if ["fs", "process", "thread", "env"].contains(&path[0].as_str()) && !constant {
                    let line = line_of(&source.text, hit.start());
                    findings.push(format!("{}:{line}: a pure module uses std::{}", source.path, path[0]));
                }
            }
        }
    }
    findings
}

#[test]
fn pure_modules_touch_nothing_outside() {
    assert_none(impure_findings(&sources()));
}

#[test]
fn an_impure_module_is_found() {
    for text in
        ["use std::{collections::BTreeMap, fs};", "let now = Instant::now();", "tokio::spawn(x);", "std::env::var(n)"]
    {
        assert_eq!(impure_findings(&sample("src/engine/health.rs", text)).len(), 1, "{text}");
        assert_none(impure_findings(&sample("src/platform/health.rs", text)));
    }
    assert_none(impure_findings(&sample("src/spec/a.rs", "use std::net::IpAddr; std::env::consts::ARCH; // std::fs")));
}

// ------------------------------------------------------------------------------------------------------------ unsafe

fn unsafe_findings(sources: &[Source]) -> Vec<String> {
    let outside = sources
        .iter()
        .filter(|source| !source.path.starts_with("src/platform/") && !source.path.starts_with("benches/"));
    outside
        .flat_map(|source| {
            let code = Source { path: source.path.clone(), text: code(&source.text) };
            occurrences(&code, r"\bunsafe\b", "`unsafe` belongs in src/platform")
        })
        .collect()
}

#[test]
fn unsafe_occurs_only_in_platform_and_benches() {
    let mut all = sources();
    all.extend(files("tests", Some("rs")));
    assert_none(unsafe_findings(&all));
}

#[test]
fn unsafe_elsewhere_is_found() {
    let text = "// unsafe in a comment\nfn f() { unsafe { g() } }";
    let findings = unsafe_findings(&sample("src/supervisor/child.rs", text));
    assert_eq!(findings, ["src/supervisor/child.rs:2: `unsafe` belongs in src/platform: unsafe"]);
    assert_none(unsafe_findings(&sample("src/platform/tree.rs", text)));
    assert_none(unsafe_findings(&sample(
        "src/cli/up.rs",
        "#![deny(unsafe_code)] const A: &str = r#\"unsafe \"x\"\"#;",
    )));
}

// ---------------------------------------------------------------------------------------------------------- printing

fn print_findings(sources: &[Source]) -> Vec<String> {
    let elsewhere = shipped(sources, false).into_iter().filter(|source| source.path != "src/cli/output.rs");
    elsewhere
        .flat_map(|s| occurrences(&s, r"\b(?:e?print(?:ln)?|dbg)\s*!", "printing belongs in src/cli/output.rs"))
        .collect()
}

#[test]
fn printing_occurs_only_in_cli_output() {
    assert_none(print_findings(&sources()));
}

#[test]
fn printing_elsewhere_is_found() {
    for text in ["println!(\"x\");", "eprint! (\"x\");", "anstream::eprintln!(\"x\");", "dbg!(x);"] {
        assert_eq!(print_findings(&sample("src/cli/up.rs", text)).len(), 1, "{text}");
        assert_none(print_findings(&sample("src/cli/output.rs", text)));
    }
    assert_none(print_findings(&sample("src/cli/up.rs", "let a = \"println!(x)\"; 'a: loop { break 'a } // dbg!(x)")));
}

// ------------------------------------------------------------------------------------------------------------ length

fn length_findings(sources: &[Source], long: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        match (lines > MAX_LINES, long.contains(&source.path.as_str())) {
            (true, false) => findings.push(format!("{}: {lines} lines, more than {MAX_LINES}", source.path)),
            (false, true) => findings.push(format!("{}: {lines} lines, no longer an exception", source.path)),
            _ => {}
        }
    }
    findings
}

#[test]
fn no_file_is_too_long() {
    assert_none(length_findings(&sources(), LONG_FILES));
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let long = "x\n".repeat(MAX_LINES + 1);
    assert_eq!(length_findings(&sample("src/a.rs", &long), &[]).len(), 1);
    assert_none(length_findings(&sample("src/a.rs", &long), &["src/a.rs"]));
    assert_eq!(length_findings(&sample("src/a.rs", "x\n"), &["src/a.rs"]).len(), 1);
    assert_none(length_findings(&sample("src/a.rs", &"x\n".repeat(MAX_LINES)), &[]));
}

// ------------------------------------------------------------------------------------------------------- module docs

fn doc_findings(sources: &[Source]) -> Vec<String> {
    let documented = |text: &str| {
        text.lines().next().and_then(|line| line.strip_prefix("//! ")).is_some_and(|doc| doc.trim().len() > 8)
    };
    let missing = sources.iter().filter(|source| !documented(&source.text));
    missing.map(|source| format!("{}: does not begin with `//!` documentation", source.path)).collect()
}

#[test]
fn every_file_begins_with_its_documentation() {
    assert_none(doc_findings(&sources()));
}

#[test]
fn a_file_without_documentation_is_found() {
    for text in ["use std::fs;\n", "", "//!\n//! late", "// not a doc", "/// an item\nfn f() {}"] {
        assert_eq!(doc_findings(&sample("src/a.rs", text)).len(), 1, "{text}");
    }
    assert_none(doc_findings(&sample("src/a.rs", "//! Owns the volumes.\n")));
}

// ----------------------------------------------------------------------------------------------- unfinished, unwraps

fn unfinished_findings(sources: &[Source]) -> Vec<String> {
    let all = sources.iter().map(|source| Source { path: source.path.clone(), text: code(&source.text) });
    all.flat_map(|source| occurrences(&source, r"\b(?:todo|unimplemented)\s*!", "unfinished")).collect()
}

fn unwrap_findings(sources: &[Source]) -> Vec<String> {
    shipped(sources, false)
        .iter()
        .flat_map(|s| occurrences(s, r"\.\s*unwrap\s*\(\s*\)", "an error is not handled"))
        .collect()
}

fn anyhow_findings(sources: &[Source]) -> Vec<String> {
    let typed =
        shipped(sources, false).into_iter().filter(|s| !s.path.starts_with("src/cli/") && s.path != "src/main.rs");
    typed.flat_map(|source| occurrences(&source, r"\banyhow\b", "modules have typed errors")).collect()
}

#[test]
fn nothing_is_left_unfinished() {
    let mut all = sources();
    all.extend(files("tests", Some("rs")));
    assert_none(unfinished_findings(&all));
}

#[test]
fn an_unfinished_place_is_found() {
    assert_eq!(unfinished_findings(&sample("src/a.rs", "fn f() { todo!(\"later\") }")).len(), 1);
    assert_eq!(unfinished_findings(&sample("src/a.rs", "fn f() { unimplemented!() }")).len(), 1);
    assert_none(unfinished_findings(&sample("src/a.rs", "// todo!(x)\nconst A: &str = \"todo!()\";")));
}

#[test]
fn errors_are_handled_outside_tests() {
    assert_none(unwrap_findings(&sources()));
}

#[test]
fn an_unhandled_error_is_found() {
    assert_eq!(unwrap_findings(&sample("src/a.rs", "x\n    .unwrap()\n    .y();")).len(), 1);
    // What stands after a test module is product code again.
    let after = "#[cfg(test)]\nmod tests { fn f() { x.unwrap() } }\nfn g() { y.unwrap() }";
    assert_eq!(unwrap_findings(&sample("src/a.rs", after)), ["src/a.rs:3: an error is not handled: .unwrap()"]);
    let mut whole_file = sample("src/a/mod.rs", "#[cfg(test)]\nmod scenario;");
    whole_file.extend(sample("src/a/scenario.rs", "x.unwrap()"));
    assert_none(unwrap_findings(&whole_file));
    assert_none(unwrap_findings(&sample("src/a.rs", "x.unwrap_or(1); let q = '\"'; let c = '\\''; // .unwrap()")));
}

#[test]
fn modules_have_typed_errors() {
    assert_none(anyhow_findings(&sources()));
}

#[test]
fn an_untyped_error_is_found() {
    assert_eq!(anyhow_findings(&sample("src/parts/mod.rs", "fn f() -> anyhow::Result<()> {}")).len(), 1);
    assert_none(anyhow_findings(&sample("src/cli/up.rs", "fn f() -> anyhow::Result<()> {}")));
}

// ------------------------------------------------------------------------------------------ places of one's own desk

/// Written in two halves, so that this file does not find itself.
fn private_places() -> Vec<(String, &'static str)> {
    let host = |a: &str, b: &str| {
        (
            format!("{}{}", regex::escape(a), regex::escape(b)),
            "a package registry's host; the client's settings name it",
        )
    };
    let path = |a: &str, b: &str| (format!(r"(?:^|[\s\x22'`=(:]){a}{b}"), "a path of one machine");
    vec![
        host("registry.npm", "js.org"),
        host("py", "pi.org"),
        host("files.python", "hosted.org"),
        host("index.cra", "tes.io"),
        host("static.cra", "tes.io"),
        host("registry.yarn", "pkg.com"),
        path("/wo", "rk/"),
        path("/ro", r"ot/\."),
        path("/ho", "me/[a-z]+/(?:src|dev|code|projects)/"),
        (r"https?://[\w.-]+\.(?:internal|corp|lan|intra)\b".into(), "an address of one network"),
        (r"https?://(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d".into(), "an address of one network"),
    ]
}

fn private_findings(sources: &[Source]) -> Vec<String> {
    let places = private_places();
    sources.iter().flat_map(|s| places.iter().flat_map(|(pattern, what)| occurrences(s, pattern, what))).collect()
}

#[test]
fn no_place_of_one_machine_is_named() {
    let all = files("", None);
    assert!(all.iter().any(|source| source.path == "Cargo.toml"), "the repository was not read");
    assert_none(private_findings(&all));
}

#[test]
fn a_place_of_one_machine_is_found() {
    let bad = [
        format!("cd {}{}", "/wo", "rk/main"),
        format!("\"resolved\": \"https://registry.npm{}/node-red\"", "js.org"),
        format!("index = \"http://mirror.{}/simple\"", "internal"),
        format!("http://10.{}", "1.2.3:8080/"),
    ];
    for text in bad {
        assert_eq!(private_findings(&sample("docs/a.md", &text)).len(), 1, "{text}");
    }
    assert_none(private_findings(&sample(
        "docs/a.md",
        "http://127.0.0.1:3000 src/work/x.rs /etc/reeve https://nodejs.org/dist",
    )));
}

// ------------------------------------------------------------------------------------------------------- environment

fn environment_findings(sources: &[Source], docs: &[Source]) -> Vec<String> {
    let name = Regex::new(r"\bREEVE_[A-Z0-9_]+").expect("a valid pattern");
    let settings =
        sources.iter().find(|source| source.path == "src/settings.rs").map_or("", |source| source.text.as_str());
    let mut used: BTreeMap<String, String> = BTreeMap::new();
    for source in shipped(sources, true) {
        for hit in name.find_iter(&source.text) {
            used.entry(hit.as_str().to_owned())
                .or_insert_with(|| format!("{}:{}", source.path, line_of(&source.text, hit.start())));
        }
    }
    let mut findings = Vec::new();
    for (name, place) in used {
        // A name that ends in `_` is a prefix, documented as `REEVE_PART_<NAME>`.
        let whole =
            Regex::new(&format!(r"\b{name}{}", if name.ends_with('_') { "" } else { r"\b" })).expect("a valid pattern");
        if !whole.is_match(settings) {
            findings.push(format!("{place}: {name} is not in src/settings.rs"));
        }
        if !docs.iter().any(|doc| whole.is_match(&doc.text)) {
            findings.push(format!("{place}: {name} is not in docs/"));
        }
    }
    findings
}

#[test]
fn every_environment_name_is_a_setting_and_documented() {
    assert_none(environment_findings(&sources(), &files("docs", Some("md"))));
}

#[test]
fn an_unknown_environment_name_is_found() {
    let mut sources = sample("src/settings.rs", "//! x\npub const LOG: &str = \"REEVE_LOG\";");
    sources
        .extend(sample("src/cli/up.rs", "env::var(\"REEVE_LO\"); #[cfg(test)] mod t { const X: &str = \"REEVE_X\"; }"));
    let docs = sample("docs/environment.md", "`REEVE_LOG` and `REEVE_PART_<NAME>`");
    let findings = environment_findings(&sources, &docs);
    assert_eq!(
        findings,
        ["src/cli/up.rs:1: REEVE_LO is not in src/settings.rs", "src/cli/up.rs:1: REEVE_LO is not in docs/"]
    );
    let prefix = sample("src/settings.rs", "const P: &str = \"REEVE_PART_\";");
    assert_none(environment_findings(&prefix, &docs));
}

// ---------------------------------------------------------------------------------------------------------- licences

/// Whether an SPDX expression can be met with the allowed identifiers.
fn licence_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    fn any(tokens: &[String], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
        let mut met = all(tokens, at, allowed);
        while tokens.get(*at).is_some_and(|token| token == "OR") {
            *at += 1;
            met |= all(tokens, at, allowed);
        }
        met
    }
    fn all(tokens: &[String], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
        let mut met = one(tokens, at, allowed);
        while tokens.get(*at).is_some_and(|token| token == "AND") {
            *at += 1;
            met &= one(tokens, at, allowed);
        }
        met
    }
    fn one(tokens: &[String], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
        let Some(token) = tokens.get(*at) else { return false };
        *at += 1;
        if token == "(" {
            let met = any(tokens, at, allowed);
            *at += 1;
            return met;
        }
        if tokens.get(*at).is_some_and(|next| next == "WITH") {
            let exception = format!("{token} WITH {}", tokens.get(*at + 1).map_or("", String::as_str));
            *at += 2;
            return allowed.contains(&exception);
        }
        allowed.contains(token)
    }
    // Older manifests write `MIT/Apache-2.0`.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    any(&tokens, &mut 0, allowed)
}

fn allowed_licences() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let document: toml_edit::DocumentMut = text.parse().expect("deny.toml is TOML");
    let list = document["licenses"]["allow"].as_array().expect("licenses.allow is a list");
    list.iter().map(|entry| entry.as_str().expect("a licence is a string").to_owned()).collect()
}

#[test]
fn the_licence_is_apache_2() {
    let licence = fs::read_to_string(root().join("LICENSE")).expect("LICENSE is there");
    assert!(
        licence.contains("Apache License")
            && licence.contains("Version 2.0, January 2004")
            && licence.lines().count() > 190
    );
    assert_eq!(env!("CARGO_PKG_LICENSE"), "Apache-2.0");
}

#[test]
fn every_dependency_has_a_licence_on_the_list() {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", &platform])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() > 50, "only {} packages", packages.len());
    let allowed = allowed_licences();
    let findings =
        packages.iter().filter(|package| !licence_allowed(package["license"].as_str().unwrap_or(""), &allowed));
    assert_none(
        findings
            .map(|package| format!("{}: licence {} is not in deny.toml", package["name"], package["license"]))
            .collect(),
    );
    let banned = packages
        .iter()
        .filter(|package| matches!(package["name"].as_str(), Some("openssl" | "openssl-sys" | "native-tls")));
    assert_none(banned.map(|package| format!("{}: one TLS stack, rustls", package["name"])).collect());
}

#[test]
fn a_licence_off_the_list_is_found() {
    let allowed: BTreeSet<String> = ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned).into();
    for bad in [
        "GPL-3.0-only",
        "",
        "MIT AND GPL-3.0-only",
        "(MIT OR Apache-2.0) AND BSL-1.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(!licence_allowed(bad, &allowed), "{bad}");
    }
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-2.0-only OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(licence_allowed(good, &allowed), "{good}");
    }
}

// --------------------------------------------------------------------------------------------------------- decisions

fn decision_findings(decisions: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, decision) in decisions.iter().enumerate() {
        let name = decision.path.rsplit('/').next().unwrap_or("");
        if !name.starts_with(&format!("{:04}-", index + 1)) {
            findings.push(format!("{}: expected number {:04}", decision.path, index + 1));
        }
        if !decision.text.starts_with("# ") {
            findings.push(format!("{}: no title", decision.path));
        }
        let headings: Vec<&str> = decision.text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        if headings != ["Context", "Choice", "Rejected", "Revisit"] {
            findings.push(format!("{}: sections are {headings:?}", decision.path));
        }
    }
    findings
}

#[test]
fn decisions_have_their_sections() {
    let decisions = files("docs/decisions", Some("md"));
    assert!(!decisions.is_empty(), "no decisions");
    assert_none(decision_findings(&decisions));
}

#[test]
fn a_decision_without_its_sections_is_found() {
    let whole = "# A\n\n## Context\n\n## Choice\n\n## Rejected\n\n## Revisit\n";
    assert_none(decision_findings(&sample("docs/decisions/0001-a.md", whole)));
    assert_eq!(decision_findings(&sample("docs/decisions/0002-a.md", whole)).len(), 1);
    assert_eq!(decision_findings(&sample("docs/decisions/0001-a.md", &whole.replace("## Revisit\n", ""))).len(), 1);
    assert_eq!(decision_findings(&sample("docs/decisions/0001-a.md", &whole.replace("# A\n", "A\n"))).len(), 1);
}

// ----------------------------------------------------------------------------------------------------------- schemas

/// Types of one service that have the same name in its OpenAPI document: there, the last one wins unseen.
fn schema_findings(sources: &[Source]) -> Vec<String> {
    let schema = Regex::new(
        r"#\[derive\([^)]*\bToSchema\b[^)]*\)\](?:\s*#\[[^\n]*\])*\s*(?:pub(?:\([a-z]+\))? )?(?:struct|enum) (\w+)",
    )
    .expect("a valid pattern");
    let mut places: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for source in sources {
        let service = source.path.split('/').nth(1).unwrap_or_default();
        for found in schema.captures_iter(&source.text) {
            places.entry((service.to_owned(), found[1].to_owned())).or_default().push(&source.path);
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    twice.map(|((_, name), places)| format!("{name} is a schema in {}", places.join(" and "))).collect()
}

#[test]
fn every_schema_has_a_name_of_its_own() {
    assert_none(schema_findings(&sources()));
}

#[test]
fn two_schemas_of_one_name_are_found() {
    let one = "#[derive(Debug, ToSchema)]\n#[serde(untagged)]\npub struct Status {}\n";
    let mut all = sample("src/backend/a.rs", one);
    assert_none(schema_findings(&all));
    all.extend(sample("src/backend/b.rs", &one.replace("struct", "enum")));
    assert_eq!(schema_findings(&all), ["Status is a schema in src/backend/a.rs and src/backend/b.rs"]);
}

// -------------------------------------------------------------------------------------------------------------- docs

/// Relative links of Markdown files that lead nowhere.
fn link_findings(docs: &[Source], exists: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)#\s]+)(?:#[^)]*)?\)").expect("a valid pattern");
    let mut findings = Vec::new();
    for doc in docs {
        for hit in link.captures_iter(&doc.text) {
            let target = &hit[1];
            let base = Path::new(&doc.path).parent().unwrap_or(Path::new(""));
            if !target.contains("://") && !target.starts_with("mailto:") && !exists(&base.join(target)) {
                findings.push(format!("{}: the link to {target} leads nowhere", doc.path));
            }
        }
    }
    findings
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut docs = files("docs", Some("md"));
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(name)).expect("the document is there");
        docs.push(Source { path: name.into(), text });
    }
    assert_none(link_findings(&docs, &|path| root().join(path).exists()));
}

#[test]
fn a_link_to_nowhere_is_found() {
    let docs = sample("docs/a.md", "[a](b.md) [c](../README.md#top) [d](https://example.org/x) [e](#here)");
    let findings = link_findings(&docs, &|path| path == Path::new("docs/../README.md"));
    assert_eq!(findings, ["docs/a.md: the link to b.md leads nowhere"]);
}
