//! `reeve doctor`: everything that may keep the stack from running well, each with what to do about it. Changes nothing.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::args::Global;
use super::exit::Exit;
use super::failure::Result;
use super::output::{Output, color, paint};
use super::place::Place;
use super::stack::read_stack;
use super::table::clean;
use crate::control::wire::SCHEMA_VERSION;

mod machine;
mod running;
mod settings;
mod stack;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Good,
    /// Works, but a promise is weaker here.
    Weak,
    Bad,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub about: &'static str,
    pub level: Level,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    pub fn good(about: &'static str, message: impl Into<String>) -> Self {
        Self { about, level: Level::Good, message: message.into(), hint: None }
    }

    pub fn weak(about: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { about, level: Level::Weak, message: message.into(), hint: Some(hint.into()) }
    }

    pub fn bad(about: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { about, level: Level::Bad, message: message.into(), hint: Some(hint.into()) }
    }
}

pub fn run(json: bool, global: &Global, output: Output) -> Result {
    let mut findings = machine::findings();
    match Place::find(global) {
        Err(failure) => findings.push(Finding {
            about: "config",
            // Without a stack there is still a machine to look at.
            level: if failure.exit == Exit::ConfigInvalid { Level::Weak } else { Level::Bad },
            message: failure.error.map(|error| error.to_string()).unwrap_or_default(),
            hint: failure.hint,
        }),
        Ok(place) => {
            findings.extend(machine::data_dir(&place.data_dir));
            findings.extend(stack::files(&place.data_dir));
            let running = place.client().is_ok();
            match place.file.as_ref().map(|_| read_stack(global, &place, &Default::default())) {
                None => {}
                Some(Err(failure)) => {
                    findings.push(Finding::bad("config", failure.lines().join("; "), "name it with --file"))
                }
                Some(Ok(Err(broken))) => {
                    let message = format!("{} is invalid: {}", broken.file.display(), broken.problems);
                    findings.push(Finding::bad("config", message, "reeve config --check shows everything"));
                }
                Some(Ok(Ok((stack, _)))) => {
                    findings.extend(settings::findings(&stack));
                    findings.extend(stack::findings(&stack, running, output)?);
                    findings.extend(running::findings(&place)?);
                }
            }
        }
    }
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Good);
    if json {
        output.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "findings": findings }))?;
    } else {
        for line in findings.iter().flat_map(lines) {
            output.line(&line)?;
        }
    }
    Ok(if worst == Level::Bad { Exit::Failed } else { Exit::Done })
}

fn lines(finding: &Finding) -> Vec<String> {
    let (mark, style) = match finding.level {
        Level::Good => ("ok  ", color(AnsiColor::Green)),
        Level::Weak => ("weak", color(AnsiColor::Yellow)),
        Level::Bad => ("bad ", color(AnsiColor::Red).bold()),
    };
    let mut lines = vec![format!("{}  {:<12} {}", paint(style, mark), finding.about, clean(&finding.message))];
    if let Some(hint) = &finding.hint {
        lines.push(paint(Style::new().dimmed(), &format!("      hint: {}", clean(hint))));
    }
    lines
}
