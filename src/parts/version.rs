//! Numeric versions and the requirements on them: the first number that a program prints, and `>=17, <18`.

use std::cmp::Ordering;
use std::fmt;

/// A version as numbers; `17` and `17.0` are the same.
#[derive(Debug, Clone)]
pub struct Version(Vec<u64>);

impl Version {
    /// A text that is a version and nothing else (`17.10`); a suffix such as `-beta.17` is not part of it.
    pub fn exact(text: &str) -> Option<Self> {
        let numbers = text.trim().trim_start_matches('v');
        let numbers = numbers.split(['-', '+']).next().unwrap_or(numbers);
        numbers.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>().map(Self)
    }

    /// The first dotted number in what a program printed, or else the first number that starts a word.
    pub fn first_in(text: &str) -> Option<Self> {
        let mut lone = None;
        for word in text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '=' | ';' | '"')) {
            let word = word.strip_prefix(['v', 'V']).unwrap_or(word);
            let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
            let Some(version) = Self::exact(word[..end].trim_end_matches('.')) else { continue };
            if version.0.len() > 1 {
                return Some(version);
            }
            lone.get_or_insert(version);
        }
        lone
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        let number = |version: &Self, at: usize| version.0.get(at).copied().unwrap_or(0);
        (0..length)
            .map(|at| number(self, at).cmp(&number(other, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u64::to_string).collect();
        out.write_str(&numbers.join("."))
    }
}

/// A requirement that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the comparison `{comparison}`: write `>=17`, `<18`, `>4`, `<=9.1` or `=7.0`, separated by commas")]
pub struct RequirementError {
    pub comparison: String,
}

/// Comma-separated comparisons that must all hold; an empty text allows everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement(Vec<(Comparison, Version)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Above,
    Below,
    Same,
}

impl Requirement {
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        // Two-letter signs first: `>` is a prefix of `>=`.
        const SIGNS: [(&str, Comparison); 6] = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            ("==", Comparison::Same),
            (">", Comparison::Above),
            ("<", Comparison::Below),
            ("=", Comparison::Same),
        ];
        let mut comparisons = Vec::new();
        for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
            let read = SIGNS.iter().find_map(|(sign, comparison)| Some((*comparison, piece.strip_prefix(sign)?)));
            let read = read.and_then(|(comparison, number)| Some((comparison, Version::exact(number)?)));
            comparisons.push(read.ok_or_else(|| RequirementError { comparison: piece.to_owned() })?);
        }
        Ok(Self(comparisons))
    }

    pub fn allows(&self, version: &Version) -> bool {
        self.0.iter().all(|(comparison, bound)| match comparison {
            Comparison::AtLeast => version >= bound,
            Comparison::AtMost => version <= bound,
            Comparison::Above => version > bound,
            Comparison::Below => version < bound,
            Comparison::Same => version == bound,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_is_read_from_what_programs_really_print() {
        for (printed, expected) in [
            ("postgres (PostgreSQL) 17.10", Some("17.10")),
            ("psql (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", Some("15.14")),
            ("db version v6.0.5\nBuild Info: {\n    \"version\": \"6.0.5\"", Some("6.0.5")),
            ("v20.20.2\n", Some("20.20.2")),
            ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=1536df31c0395150", Some("9.1.2")),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Some("7.0.15")),
            ("Node-RED v4.1.8\nUsage: node-red [-v]", Some("4.1.8")),
            ("dragonfly v1.40.1-8ff5a46\nbuild time: 2026-01-01 10:11:12", Some("1.40.1")),
            ("grafana version 12.3.2", Some("12.3.2")),
            ("program 18beta1", Some("18")),
            ("release 9", Some("9")),
            ("x86_64 GNU", None),
            ("", None),
            ("usage: nothing to see", None),
            ("99999999999999999999999.1", None),
        ] {
            let found = Version::first_in(printed).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "from {printed:?}");
        }
    }

    #[test]
    fn requirements_compare_numbers_and_not_letters() {
        for (requirement, version, allowed) in [
            (">=17, <18", "17.10", true),
            (">=17, <18", "17", true),
            (">=17, <18", "18.0", false),
            (">=17, <18", "16.9", false),
            (">=18.5", "18.4.9", false),
            (">=18.5", "18.10", true),
            (">= 18.5", "20.20.2", true),
            ("<=9.1", "9.1.0", true),
            ("<=9.1", "9.1.1", false),
            (">9", "9.0.0", false),
            ("=7.0", "7", true),
            ("==7.0", "7.0.1", false),
            ("", "1", true),
        ] {
            let version = Version::exact(version).unwrap();
            assert_eq!(
                Requirement::parse(requirement).unwrap().allows(&version),
                allowed,
                "{requirement} on {version}"
            );
        }
    }

    #[test]
    fn an_unreadable_requirement_is_refused_with_the_piece_that_is_wrong() {
        for wrong in ["17", "~17", ">=", ">=17, <x", "!=3"] {
            let error = Requirement::parse(wrong).unwrap_err();
            assert!(wrong.ends_with(&error.comparison), "{wrong}: {error}");
        }
    }
}
