//! Typed values out of environment variables, with every problem told at once.
//!
//! A service declares its variables by asking for them; what is missing or wrong is collected, so that an operator
//! corrects a file once and not line by line. A value of a secret is never part of a message.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Where values come from; the process environment outside of tests.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process environment.
pub fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub name: String,
    pub message: String,
}

/// All that is wrong.
#[derive(Debug, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the environment is not complete:")?;
        for problem in &self.0 {
            write!(out, "\n  {}: {}", problem.name, problem.message)?;
        }
        Ok(())
    }
}

/// Reads variables and remembers what was wrong with them. An empty value counts as not set.
pub struct Reader<'a> {
    lookup: Lookup<'a>,
    problems: Vec<Problem>,
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reader").field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl<'a> Reader<'a> {
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    pub fn text(&self, name: &str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    /// Must be there; an empty text stands in for it until [`Reader::finish`] tells.
    pub fn required(&mut self, name: &str, what: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problem(name, format!("not set: {what}"));
            String::new()
        })
    }

    pub fn parsed<T: FromStr>(&mut self, name: &str, default: T, kind: &str) -> T {
        match self.optional(name) {
            None => default,
            Some(value) => value.trim().parse().unwrap_or_else(|_| {
                self.problem(name, format!("{value:?} is not {kind}"));
                default
            }),
        }
    }

    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.optional(name).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("1" | "true" | "yes" | "on") => true,
            Some("0" | "false" | "no" | "off") => false,
            Some(other) => {
                let message = format!("{other:?} is neither true nor false");
                self.problem(name, message);
                default
            }
        }
    }

    pub fn seconds(&mut self, name: &str, default: u64) -> Duration {
        Duration::from_secs(self.parsed(name, default, "a number of seconds"))
    }

    pub fn problem(&mut self, name: &str, message: impl Into<String>) {
        self.problems.push(Problem { name: name.to_owned(), message: message.into() });
    }

    /// The values read are good only when this says so.
    pub fn finish(self) -> Result<(), Problems> {
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_at_once() {
        let lookup = |name: &str| match name {
            "PORT" => Some("many".to_owned()),
            "FLAG" => Some("maybe".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut reader = Reader::new(&lookup);
        assert_eq!(reader.parsed("PORT", 7_u16, "a port"), 7);
        assert!(!reader.flag("FLAG", false));
        assert_eq!(reader.text("EMPTY", "default"), "default");
        assert_eq!(reader.required("EMPTY", "the address"), "");
        let text = reader.finish().unwrap_err().to_string();
        for line in ["PORT: \"many\" is not a port", "FLAG: \"maybe\"", "EMPTY: not set: the address"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
