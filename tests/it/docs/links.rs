//! The book is whole: its summary names every page, once, and every link and anchor leads somewhere, in the book as on a forge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::files;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_summary_names_every_page_once() {
    let link = regex::Regex::new(r"\]\(([^)]+)\)").expect("a valid pattern");
    let summary = read("docs/SUMMARY.md");
    let named: Vec<String> = link.captures_iter(&summary).map(|found| format!("docs/{}", &found[1])).collect();
    let once: BTreeSet<String> = named.iter().cloned().collect();
    assert_eq!(once.len(), named.len(), "a page is named twice: {named:?}");
    let there = files("docs").into_iter().chain(files("docs/decisions"));
    let there: BTreeSet<String> = there.filter(|name| name != "docs/SUMMARY.md").collect();
    assert_eq!(once, there, "UPDATE_DOCS=1 writes the decisions; a new page gets its place by hand");
}

/// `docs/../README.md` as `README.md`.
fn plain(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.to_string_lossy().into_owned()
}

/// What a heading is called in an address, the same in mdBook and on the usual forges.
fn anchor(heading: &str) -> String {
    let link = regex::Regex::new(r"\[([^\]]*)\]\([^)]*\)").expect("a valid pattern");
    let text = link.replace_all(heading.trim(), "$1").to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The text without its blocks and comments, in which nothing is a link or a heading.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        if fence {
            inside = !inside;
        }
        lines.push(if inside || fence { "" } else { line });
    }
    let code = regex::Regex::new(r"`[^`\n]*`").expect("a valid pattern");
    code.replace_all(&lines.join("\n"), |found: &regex::Captures<'_>| found[0].replace(['[', ']', '(', ')'], ""))
        .into_owned()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose(text);
    let headings = headings.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#')));
    let mut all = BTreeSet::new();
    for heading in headings {
        let name = anchor(heading);
        let count = seen.entry(name.clone()).or_default();
        all.insert(if *count == 0 { name.clone() } else { format!("{name}-{count}") });
        *count += 1;
    }
    all
}

/// Links of one page that lead nowhere, or out of the book where the book has them.
fn findings(name: &str, text: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let link = regex::Regex::new(r"\]\(([^)\s]*)\)").expect("a valid pattern");
    let mut findings = Vec::new();
    for found in link.captures_iter(&prose(text)) {
        let target = &found[1];
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, part) = target.split_once('#').map_or((target, None), |(file, part)| (file, Some(part)));
        let base = Path::new(name).parent().unwrap_or(Path::new(""));
        let path = if file.is_empty() { name.to_owned() } else { plain(&base.join(file)) };
        if name.starts_with("docs/") && !path.starts_with("docs/") {
            findings.push(format!("{name}: {target} is not in the book; give its address on the forge"));
        }
        match read(&path) {
            None => findings.push(format!("{name}: {target} leads nowhere")),
            Some(text) if part.is_some_and(|part| !anchors(&text).contains(part)) => {
                findings.push(format!("{name}: {target}: no such heading"));
            }
            Some(_) => {}
        }
    }
    findings
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let there = |name: &str| {
        let path = root().join(name);
        // Pictures are led to, as well.
        if path.is_dir() {
            Some(String::new())
        } else {
            std::fs::read(path).ok().map(|text| String::from_utf8_lossy(&text).into_owned())
        }
    };
    let names = files("docs").into_iter().chain(files("docs/decisions"));
    let names: Vec<String> = names.chain(["README.md", "CONTRIBUTING.md"].map(str::to_owned)).collect();
    let wrong: Vec<String> = names.iter().flat_map(|name| findings(name, &read(name), &there)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_link_to_nowhere_is_found() {
    let there = |name: &str| {
        (name == "docs/b.md").then(|| "# One\n```\n# no heading\n```\n## It `is`, *so*!\n## One\n".to_owned())
    };
    let text = "[a](b.md#one) [b](b.md#it-is-so) [c](b.md#one-1) [d](https://example.org/x#y) `[e](f.md)`\n```\n[g](h.md)\n```\n";
    assert_eq!(findings("docs/a.md", text, &there), Vec::<String>::new());
    let text = "[a](c.md) [b](b.md#no-heading) [c](../b.md)";
    assert_eq!(
        findings("docs/a.md", text, &there),
        [
            "docs/a.md: c.md leads nowhere",
            "docs/a.md: b.md#no-heading: no such heading",
            "docs/a.md: ../b.md is not in the book; give its address on the forge",
            "docs/a.md: ../b.md leads nowhere",
        ]
    );
}
