//! What a service is built from and by, and which files it is rebuilt for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::template::Template;

/// Left out below every directory: what tools keep there is made from something else.
pub const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];

/// A command that makes something, run before a start when its inputs have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildSpec {
    /// Under which it is recorded; unique in the service.
    pub name: String,
    pub command: Vec<Template>,
    pub cwd: Option<Template>,
    pub inputs: PathSet,
    /// Beside `services.toml`.
    pub outputs: Vec<String>,
    pub env: BTreeMap<String, Template>,
    /// While this is missing, there is nothing to build.
    pub if_exists: Option<String>,
    pub timeout: Duration,
}

/// Files whose change restarts the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchSpec {
    pub paths: PathSet,
    /// Run before the restart; without one the service's own builds are.
    pub build: Option<Vec<Template>>,
    pub timeout: Duration,
}

/// Files beside `services.toml`, by path or pattern.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PathSet {
    /// Files, directories with everything below them, and patterns.
    pub include: Vec<String>,
    /// What of them does not count; a directory stands for everything below it.
    pub exclude: Vec<String>,
}

impl PathSet {
    /// Whether the file of this path (with `/`, beside `services.toml`) belongs to it.
    pub fn wants(&self, path: &str) -> bool {
        let wanted = |entry: &String| match is_pattern(entry) {
            true => matches(entry, path),
            false => is_at_or_below(entry, path) && !is_skipped(path.strip_prefix(entry.as_str()).unwrap_or(path)),
        };
        self.include.iter().any(wanted) && !self.leaves_out(path)
    }

    /// Whether this path, or a directory above it, is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        self.exclude.iter().any(|entry| match is_pattern(entry) {
            true => above(path).any(|path| matches(entry, path)),
            false => is_at_or_below(entry, path),
        })
    }

    /// Where to look: every path, and of every pattern what stands before its first wildcard.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.include.iter().map(|entry| match entry.find(is_wild) {
            None => entry.as_str(),
            Some(at) => entry[..at].rsplit_once('/').map_or("", |(root, _)| root),
        })
    }
}

/// The path itself and every directory above it.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above))
}

fn is_at_or_below(entry: &str, path: &str) -> bool {
    entry == "." || path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_skipped(rest: &str) -> bool {
    rest.split('/').any(|part| SKIPPED.contains(&part))
}

fn is_wild(character: char) -> bool {
    matches!(character, '*' | '?')
}

fn is_pattern(entry: &str) -> bool {
    entry.contains(is_wild)
}

/// `*` and `?` within one component, `**` for any number of components.
pub fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.split('/').collect::<Vec<_>>();
    let path = path.split('/').collect::<Vec<_>>();
    all(&pattern, &path)
}

fn all(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            let mut passed = (0..=path.len()).take_while(|skip| *skip == 0 || !SKIPPED.contains(&path[skip - 1]));
            passed.any(|skip| all(rest, &path[skip..]))
        }
        ([first, rest @ ..], [name, names @ ..]) => {
            one(first.as_bytes(), name.as_bytes()) && (first == name || !SKIPPED.contains(name)) && all(rest, names)
        }
        _ => false,
    }
}

/// The star is tried short first; a mismatch goes back to the last star only, which is enough.
fn one(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    at = place + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_people_expect() {
        for (pattern, path, wanted) in [
            ("web/*.json", "web/package.json", true),
            ("web/*.json", "web/src/a.json", false),
            ("web/**/*.ts", "web/a.ts", true),
            ("web/**/*.ts", "web/src/deep/a.ts", true),
            ("web/**/*.ts", "web/node_modules/x/a.ts", false),
            ("node_modules/*.js", "node_modules/a.js", true),
            ("web/*/*.ts", "web/node_modules/a.ts", false),
            ("?.c", "a.c", true),
            ("?.c", "ab.c", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("**", "any/thing", true),
        ] {
            assert_eq!(matches(pattern, path), wanted, "{pattern} {path}");
        }
    }

    #[test]
    fn a_set_takes_what_is_included_and_not_left_out() {
        let set = |include: &[&str], exclude: &[&str]| PathSet {
            include: include.iter().map(|entry| (*entry).to_owned()).collect(),
            exclude: exclude.iter().map(|entry| (*entry).to_owned()).collect(),
        };
        let web = set(&["web/src", "web/*.json"], &["web/src/**/*.test.ts", "web/src/gen"]);
        for (path, wanted) in [
            ("web/src/a.ts", true),
            ("web/src", true),
            ("web/srcs", false),
            ("web/src/deep/a.test.ts", false),
            ("web/src/gen/x.ts", false),
            ("web/src/node_modules/x.js", false),
            ("web/package.json", true),
            ("web/vite.config.ts", false),
        ] {
            assert_eq!(web.wants(path), wanted, "{path}");
        }
        assert_eq!(web.roots().collect::<Vec<_>>(), ["web/src", "web"]);
        assert_eq!(set(&["**/*.rs", "."], &[]).roots().collect::<Vec<_>>(), ["", "."]);
        assert!(set(&["."], &[]).wants("src/main.rs") && !set(&["."], &[]).wants("target/debug/x"));
        assert!(set(&["target/release"], &[]).wants("target/release/x"), "named, it counts");
    }
}
