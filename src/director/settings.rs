//! The director's settings: the original's variables, and those of our own that begin with `DIRECTOR_`.

use std::path::PathBuf;
use std::time::Duration;

use super::runner::Limits;
use crate::governify::settings::{Defaults, Shared};
use crate::serve::environment::{Lookup, Problems, Reader};

/// `DIRECTOR_RUNNER`: what runs scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Node.js if there is one, otherwise the embedded engine.
    Auto,
    Node,
    Embedded,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub shared: Shared,
    pub request_logging: Option<String>,
    pub folder: PathBuf,
    pub runner: Choice,
    pub node: Option<PathBuf>,
    pub limits: Limits,
    /// Scripts at a time.
    pub concurrency: u32,
    /// Variables that scripts see besides the usual ones.
    pub script_environment: Vec<String>,
    /// The account of scripts, when the director is root.
    pub script_user: Option<String>,
    /// For one script to arrive.
    pub fetch: Duration,
    /// Whether runs of one task may overlap, unless the task says.
    pub may_overlap: bool,
    /// Whether `POST /tasks/test` runs what it is sent.
    pub has_test: bool,
}

impl Settings {
    /// All problems at once.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, Problems> {
        let mut from = Reader::new(lookup);
        let mebibytes = |from: &mut Reader<'_>, name: &str, default: u64| {
            let value: u64 = from.parsed(name, default, "a number of mebibytes");
            value.checked_mul(1 << 20).unwrap_or_else(|| {
                from.problem(name, format!("{value} mebibytes are more than can be counted"));
                default << 20
            })
        };
        let limits = Limits {
            time: from.seconds("DIRECTOR_SCRIPT_TIMEOUT", 600),
            memory: mebibytes(&mut from, "DIRECTOR_SCRIPT_MEMORY", 512),
            output: from.parsed("DIRECTOR_SCRIPT_OUTPUT", 4 << 20, "a number of bytes"),
            result: from.parsed("DIRECTOR_SCRIPT_RESULT", 10 << 20, "a number of bytes"),
            processes: from.parsed("DIRECTOR_SCRIPT_PROCESSES", 128, "a number of processes"),
        };
        if limits.memory < LEAST_MEMORY {
            from.problem(
                "DIRECTOR_SCRIPT_MEMORY",
                format!("Node.js does not start with less than {}", LEAST_MEMORY >> 20),
            );
        }
        if limits.time.is_zero() {
            from.problem("DIRECTOR_SCRIPT_TIMEOUT", "must be at least 1: a script that hangs has to end");
        }
        let settings = Self {
            shared: Shared::read(&mut from, Defaults { port: 5800, mode: "production" }),
            request_logging: from.optional("GOV_LOG_REQUESTS"),
            folder: from.text("DIRECTOR_TASKS", "./tasks").into(),
            runner: match from.text("DIRECTOR_RUNNER", "auto").as_str() {
                "auto" => Choice::Auto,
                "node" => Choice::Node,
                "embedded" => Choice::Embedded,
                other => {
                    from.problem("DIRECTOR_RUNNER", format!("{other:?} is not auto, node or embedded"));
                    Choice::Auto
                }
            },
            node: from.optional("DIRECTOR_NODE").map(PathBuf::from),
            limits,
            concurrency: from.parsed("DIRECTOR_SCRIPT_CONCURRENCY", 8, "a number of scripts"),
            script_environment: names(&mut from, "DIRECTOR_SCRIPT_ENV"),
            script_user: from.optional("DIRECTOR_SCRIPT_USER"),
            fetch: from.seconds("DIRECTOR_FETCH_TIMEOUT", 30),
            may_overlap: from.flag("DIRECTOR_OVERLAP", false),
            has_test: from.flag("DIRECTOR_TEST", true),
        };
        if !(1..=MOST_SCRIPTS).contains(&settings.concurrency) {
            from.problem("DIRECTOR_SCRIPT_CONCURRENCY", format!("must be between 1 and {MOST_SCRIPTS}"));
        }
        from.finish()?;
        Ok(settings)
    }
}

/// Below this Node.js ends before it has read a script.
const LEAST_MEMORY: u64 = 128 << 20;

/// Each is a process with some tens of megabytes.
const MOST_SCRIPTS: u32 = 1024;

/// Names with commas or spaces between.
fn names(from: &mut Reader<'_>, name: &str) -> Vec<String> {
    let text = from.text(name, "");
    let names: Vec<String> = text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if let Some(wrong) = names.iter().find(|name| name.contains(['=', '\0'])) {
        from.problem(name, format!("{wrong:?} is not the name of a variable"));
    }
    names
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, Problems> {
        Settings::read(&|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_has_to_be_set() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.shared.address.port(), settings.shared.mode.as_str()), (5800, "production"));
        assert_eq!(settings.folder, PathBuf::from("./tasks"));
        assert_eq!((settings.runner, settings.limits.time.as_secs()), (Choice::Auto, 600));
        assert!(!settings.may_overlap && settings.has_test && settings.script_environment.is_empty());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = read(&[
            ("PORT", "x"),
            ("DIRECTOR_RUNNER", "bun"),
            ("DIRECTOR_SCRIPT_MEMORY", "1"),
            ("DIRECTOR_SCRIPT_TIMEOUT", "0"),
            ("DIRECTOR_SCRIPT_CONCURRENCY", "0"),
            ("DIRECTOR_SCRIPT_ENV", "A B=C"),
            ("DIRECTOR_OVERLAP", "perhaps"),
        ]);
        let text = text.unwrap_err().to_string();
        for name in ["PORT", "RUNNER", "SCRIPT_MEMORY", "SCRIPT_TIMEOUT", "SCRIPT_CONCURRENCY", "SCRIPT_ENV", "OVERLAP"]
        {
            assert!(text.contains(&format!("{name}: ")), "{name} in {text}");
        }
        assert!(read(&[("DIRECTOR_SCRIPT_MEMORY", "99999999999999999")]).is_err());
    }

    #[test]
    fn the_manual_lists_every_variable() {
        let manual = include_str!("../../docs/director.md");
        let asked = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        assert!(Settings::read(&lookup).is_ok());
        let missing: Vec<_> = asked.take().into_iter().filter(|name| !manual.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}
