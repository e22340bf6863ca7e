//! How good the secrets are that tokens are signed with.
//!
//! Whoever knows the secret is every user. The words that examples and the original's own deployment file carry, and
//! what is too short to be random, are refused in production; elsewhere they are accepted with a warning.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::backend::settings::Mode;

/// As many bytes as the signature has (RFC 7518, 3.2).
const SHORTEST: usize = 32;

/// What is written in examples, in lower case and without punctuation.
const KNOWN: &[&str] = &[
    "secret",
    "secretkey",
    "jwtsecret",
    "jwtsecretkey",
    "refreshsecret",
    "refreshjwtsecret",
    "mysecret",
    "mysecretkey",
    "supersecret",
    "supersecretkey",
    "testsecretkey",
    "testsecret",
    "yoursecret",
    "yoursecretkey",
    "yourjwtsecret",
    "yourrefreshjwtsecret",
    "yoursecrethere",
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "password",
    "passw0rd",
    "admin",
    "root",
    "default",
    "example",
    "placeholder",
    "test",
    "status",
    "apikey",
    "orgid",
    "undefined",
    "null",
];

/// Why a secret is weak. Never says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    Known,
    Short {
        bytes: usize,
    },
    /// One letter over and over again, or little more.
    Monotonous,
    /// Both secrets are one.
    Shared,
}

impl fmt::Display for Weakness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known => out.write_str("is a word that examples use; anybody can sign in as anybody"),
            Self::Short { bytes } => write!(out, "has {bytes} bytes; it should have {SHORTEST} random ones or more"),
            Self::Monotonous => out.write_str("repeats itself; it should be random"),
            Self::Shared => out.write_str("is the same as JWT_SECRET; they should differ"),
        }
    }
}

/// A variable and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    pub variable: &'static str,
    pub weakness: Weakness,
    /// Whether to go on is out of the question here.
    pub is_fatal: bool,
}

/// Judges both secrets.
pub fn judge(access: &str, refresh: &str, mode: Mode) -> Vec<Finding> {
    let in_production = mode == Mode::Production;
    let own = [("JWT_SECRET", access), ("REFRESH_JWT_SECRET", refresh)];
    let mut findings: Vec<Finding> = own
        .into_iter()
        .filter_map(|(variable, secret)| Some((variable, weakness(secret)?)))
        .map(|(variable, weakness)| Finding { variable, weakness, is_fatal: in_production })
        .collect();
    // Tokens say what they are for, so this alone opens nothing.
    if same(access, refresh) {
        findings.push(Finding { variable: "REFRESH_JWT_SECRET", weakness: Weakness::Shared, is_fatal: false });
    }
    findings
}

fn weakness(secret: &str) -> Option<Weakness> {
    let bare: String = secret.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let distinct: std::collections::BTreeSet<u8> = secret.bytes().collect();
    if KNOWN.iter().any(|known| same(known, &bare)) {
        Some(Weakness::Known)
    } else if secret.len() < SHORTEST {
        Some(Weakness::Short { bytes: secret.len() })
    } else if distinct.len() < 8 {
        Some(Weakness::Monotonous)
    } else {
        None
    }
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "f3b1c09a5d7e42689b0a1c2d3e4f5061";
    const OTHER: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

    #[test]
    fn random_secrets_are_good_anywhere() {
        for mode in [Mode::Production, Mode::Development, Mode::Other] {
            assert_eq!(judge(GOOD, OTHER, mode), []);
        }
    }

    #[test]
    fn words_of_examples_are_refused_in_production_alone() {
        for word in ["secret", "Secret", "changeme", "CHANGE_ME", "test-secret-key", "your_jwt_secret", "change.me!"] {
            for (mode, is_fatal) in [(Mode::Production, true), (Mode::Development, false), (Mode::Other, false)] {
                let expected = Finding { variable: "JWT_SECRET", weakness: Weakness::Known, is_fatal };
                assert_eq!(judge(word, OTHER, mode), [expected], "{word}");
            }
        }
    }

    #[test]
    fn what_is_short_or_repeats_itself_is_weak() {
        let short = judge(GOOD, &OTHER[1..], Mode::Production);
        let weakness = Weakness::Short { bytes: 31 };
        assert_eq!(short, [Finding { variable: "REFRESH_JWT_SECRET", weakness, is_fatal: true }]);
        let long = "ab".repeat(40);
        assert_eq!(judge(&long, OTHER, Mode::Production)[0].weakness, Weakness::Monotonous);
    }

    #[test]
    fn one_secret_for_both_is_told_and_not_fatal() {
        let shared = Finding { variable: "REFRESH_JWT_SECRET", weakness: Weakness::Shared, is_fatal: false };
        assert_eq!(judge(GOOD, GOOD, Mode::Production), [shared]);
        // The original's deployment file.
        assert_eq!(judge("secret", "secret", Mode::Development).len(), 3);
    }

    #[test]
    fn a_finding_does_not_show_the_secret() {
        for finding in judge("hunter2", "changeme", Mode::Production) {
            let text = format!("{finding:?} {}", finding.weakness);
            assert!(!text.contains("hunter2") && !text.contains("changeme"), "{text}");
        }
    }
}
