//! Single values of a file, checked: text with references, commands, durations, sizes, modes, statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::error::Report;
use super::super::file::{DurationText, FileMode, SizeFile, StatusFile};
use super::super::interpolate;
use super::super::load::Inputs;
use super::super::node::{Node, Place, SourceKind};
use super::super::template::Template;
use super::super::{presets, units};
use super::names::{Names, Own, check_fact};

/// A place in a merged tree: the node there, or the nearest one above it.
#[derive(Debug, Clone, Copy)]
pub struct At<'n> {
    node: Option<&'n Node>,
    or: Place,
}

impl<'n> At<'n> {
    pub fn new(node: &'n Node) -> Self {
        Self { node: Some(node), or: node.place }
    }

    pub fn key(self, key: &str) -> At<'n> {
        At { node: self.node.and_then(|node| node.get(key)), or: self.place() }
    }

    pub fn item(self, index: usize) -> At<'n> {
        At { node: self.node.and_then(|node| node.items().get(index)), or: self.place() }
    }

    /// Of the value.
    pub fn place(self) -> Place {
        self.node.map_or(self.or, |node| node.place)
    }

    /// Of the key.
    pub fn name(self) -> Place {
        self.node.map_or(self.or, |node| node.key)
    }

    /// Nothing is there, or a list from which nothing had to be cut out and reported.
    pub fn items_are_fine(self) -> bool {
        self.node.is_none_or(|node| node.items().is_empty())
    }

    pub fn node(self) -> Option<&'n Node> {
        self.node
    }

    /// The key itself if it is there, else the value that it could be in.
    pub fn or_key(self, keys: &[&str]) -> At<'n> {
        keys.iter().map(|key| self.key(key)).find(|at| at.node.is_some()).unwrap_or(self)
    }
}

/// What every check needs.
pub struct Context<'a> {
    pub report: &'a mut Report,
    pub inputs: &'a Inputs<'a>,
    /// The process environment over `.env`.
    pub env: &'a BTreeMap<String, String>,
    pub names: &'a Names,
    pub dir: &'a std::path::Path,
    /// The service in hand.
    pub own: Option<Own>,
    /// Every secret that is named somewhere, and where first.
    pub secrets: BTreeMap<String, Place>,
    /// Problems that were reported for one place need not be reported for an alternative again.
    pub said: BTreeSet<(u32, u32, String)>,
}

impl Context<'_> {
    pub fn error(&mut self, place: Place, message: impl Into<String>, hint: Option<String>) {
        let message = message.into();
        if self.said.insert((place.source, place.start, message.clone())) {
            let of_preset = self.report.sources.get(place).is_some_and(|source| source.kind == SourceKind::Preset);
            let service = self.own.as_ref().filter(|_| of_preset).map(|own| own.place);
            let finding = self.report.error(place, message).maybe(hint);
            if let Some(service) = service {
                finding.related(service, "in the service made from it");
            }
        }
    }

    pub fn warning(&mut self, place: Place, message: impl Into<String>) {
        let message = message.into();
        if self.said.insert((place.source, place.start, message.clone())) {
            self.report.warning(place, message);
        }
    }

    /// Text with references; facts are checked and kept.
    pub fn template(&mut self, at: At<'_>, text: &str) -> Template {
        self.template_at(at.place(), text)
    }

    pub fn template_at(&mut self, place: Place, text: &str) -> Template {
        let resolved = interpolate::resolve(text, self.env);
        for fault in resolved.faults {
            let place = self.report.sources.inside(place, text, fault.range);
            self.error(place, fault.message, fault.hint);
        }
        if text.contains('\0') {
            self.error(place, "the text contains a NUL character", None);
        }
        for fact in resolved.facts {
            let inside = self.report.sources.inside(place, text, fact.range);
            if let Err((message, hint)) = check_fact(self.names, self.own.as_ref(), &fact.name) {
                self.error(inside, message, hint);
            } else if let Some(secret) = fact.name.strip_prefix("secret.") {
                self.secrets.entry(secret.to_owned()).or_insert(inside);
            }
        }
        Template::new(resolved.pieces)
    }

    /// Text whose references are all of the environment; `None` when something is wrong with it, which is then reported.
    pub fn plain(&mut self, at: At<'_>, text: &str) -> Option<String> {
        let before = self.report.problems.len();
        let template = self.template(at, text);
        if let Some(fact) = template.facts().next() {
            let message = format!("${{{fact}}} cannot be used here");
            self.error(at.place(), message, Some("only environment references are possible here".to_owned()));
            return None;
        }
        if self.report.problems.len() > before {
            return None;
        }
        template.render(&|_: &str| None).ok()
    }

    pub fn plain_option(&mut self, at: At<'_>, text: Option<&String>) -> Option<String> {
        text.and_then(|text| self.plain(at, text))
    }

    pub fn template_option(&mut self, at: At<'_>, text: Option<&String>) -> Option<Template> {
        text.map(|text| self.template(at, text))
    }

    /// A command: not empty, and no secret in it, since anybody on the machine can read a command line.
    pub fn command(&mut self, at: At<'_>, words: &[String]) -> Vec<Template> {
        if words.is_empty() {
            self.error(
                at.place(),
                "the command is empty",
                Some("give the program and its arguments as a list".to_owned()),
            );
        }
        let command = words
            .iter()
            .enumerate()
            .map(|(index, word)| {
                let at = at.item(index);
                let template = self.template(at, word);
                self.refuse_secret(at, &template, "a command line can be read by everybody on the machine");
                template
            })
            .collect::<Vec<_>>();
        if words.first().is_some_and(|program| program.trim().is_empty()) {
            self.error(at.item(0).place(), "the program of the command is empty", None);
        }
        command
    }

    pub fn refuse_secret(&mut self, at: At<'_>, template: &Template, why: &str) {
        let leaks = template.facts().find(|fact| {
            fact.starts_with("secret.")
                || fact
                    .strip_prefix("self.env.")
                    .is_some_and(|name| self.own.as_ref().is_some_and(|own| own.secret_env.contains(name)))
        });
        if let Some(fact) = leaks {
            let message = format!("the secret ${{{fact}}} must not stand here: {why}");
            self.error(at.place(), message, Some("pass it in env, on stdin or in a file of mode 0600".to_owned()));
        }
    }

    /// A duration; zero is refused unless it is allowed.
    pub fn duration(&mut self, at: At<'_>, text: Option<&DurationText>, zero_allowed: bool) -> Option<Duration> {
        let text = self.plain(at, &text?.0)?;
        match units::duration(&text) {
            Ok(duration) if duration.is_zero() && !zero_allowed => {
                self.error(at.place(), "the duration must not be zero", None);
                None
            }
            Ok(duration) => Some(duration),
            Err(problem) => {
                self.error(at.place(), format!("the duration \"{text}\" {problem}"), None);
                None
            }
        }
    }

    /// A size; zero is refused unless it is allowed.
    pub fn size(&mut self, at: At<'_>, size: Option<&SizeFile>, zero_allowed: bool) -> Option<u64> {
        let parsed = match size? {
            SizeFile::Bytes(bytes) => u64::try_from(*bytes).map_err(|_| format!("the size {bytes} is negative")),
            SizeFile::Text(text) => {
                let text = self.plain(at, text)?;
                units::size(&text).map_err(|problem| format!("the size \"{text}\" {problem}"))
            }
        };
        match parsed {
            Ok(0) if !zero_allowed => {
                self.error(at.place(), "the size must not be zero", None);
                None
            }
            Ok(bytes) => Some(bytes),
            Err(problem) => {
                self.error(at.place(), problem, None);
                None
            }
        }
    }

    /// A size that a 32-bit field holds.
    pub fn small_size(&mut self, at: At<'_>, size: Option<&SizeFile>) -> Option<u32> {
        let bytes = self.size(at, size, false)?;
        u32::try_from(bytes).map_err(|_| self.error(at.place(), "the size must be below 4 GiB", None)).ok()
    }

    /// Permission bits. A number must be written in octal: `700` would be something else than it looks.
    pub fn mode(&mut self, at: At<'_>, mode: Option<&FileMode>) -> Option<u32> {
        let parsed = match mode? {
            FileMode::Text(text) => units::mode(text).map_err(|problem| format!("\"{text}\" {problem}")),
            FileMode::Number(number) if self.report.sources.slice(at.place()).starts_with("0o") => {
                u32::try_from(*number)
                    .ok()
                    .filter(|mode| *mode <= 0o7777)
                    .ok_or_else(|| "the mode is too large".to_owned())
            }
            FileMode::Number(number) => Err(format!("the mode {number} is not in octal; write it as \"0{number}\"")),
        };
        parsed.map_err(|problem| self.error(at.place(), problem, None)).ok()
    }

    /// First and last accepted HTTP status.
    pub fn status(&mut self, at: At<'_>, status: Option<&StatusFile>) -> (u16, u16) {
        let range = match status {
            None => return (200, 299),
            Some(StatusFile::One(one)) => (*one, *one),
            Some(StatusFile::Range(list)) => match list.as_slice() {
                [first, last] => (*first, *last),
                _ => {
                    self.error(at.place(), "expected the first and the last accepted status, such as [200, 299]", None);
                    return (200, 299);
                }
            },
        };
        let status = |number: i64| u16::try_from(number).ok().filter(|number| (100..=599).contains(number));
        match (status(range.0), status(range.1)) {
            (Some(first), Some(last)) if first <= last => (first, last),
            (Some(_), Some(_)) => {
                self.error(at.place(), "the first accepted status is above the last", None);
                (200, 299)
            }
            _ => {
                self.error(at.place(), "an HTTP status is a number from 100 to 599", None);
                (200, 299)
            }
        }
    }

    pub fn regex(&mut self, at: At<'_>, pattern: &str) -> String {
        if let Err(error) = regex::bytes::Regex::new(pattern) {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.error(at.place(), format!("the regular expression is not valid: {reason}"), None);
        }
        pattern.to_owned()
    }

    /// Either the text itself or that of a file beside `services.toml` (or built in).
    pub fn text_or_file(
        &mut self,
        at: At<'_>,
        (key, text): (&str, Option<&String>),
        file: Option<&String>,
    ) -> Option<Template> {
        match (text, file) {
            (Some(_), Some(_)) => {
                let hint = format!("remove \"{key}\" or \"template\"");
                self.error(at.key("template").name(), format!("both \"{key}\" and \"template\" are given"), Some(hint));
                None
            }
            (Some(text), None) => Some(self.template(at.key(key), text)),
            (None, Some(file)) => self.file(at.key("template"), file),
            (None, None) => {
                self.error(at.place(), format!("\"{key}\" or \"template\" is missing"), None);
                None
            }
        }
    }

    fn file(&mut self, at: At<'_>, path: &str) -> Option<Template> {
        let path = self.plain(at, path)?;
        let text = match (self.inputs.read)(&self.dir.join(&path)) {
            Ok(bytes) => match super::super::parse::text(self.report, SourceKind::Stack, &path, &bytes) {
                Some(source) => {
                    let place = Place::new(source, 0..0);
                    self.report.sources.get(place).map(|source| source.text.clone()).map(|text| (place, text))?
                }
                None => return None,
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match presets::file(&path) {
                Some(text) => {
                    let source = self.report.sources.add(SourceKind::Preset, path.clone(), text.to_owned());
                    (Place::new(source, 0..0), text.to_owned())
                }
                None => {
                    let hint = format!("it is looked for at {}", self.dir.join(&path).display());
                    self.error(at.place(), format!("the file \"{path}\" does not exist"), Some(hint));
                    return None;
                }
            },
            Err(error) => {
                self.error(at.place(), format!("the file \"{path}\" cannot be read: {error}"), None);
                return None;
            }
        };
        let (place, text) = text;
        Some(self.template_at(Place { end: u32::try_from(text.len()).unwrap_or(u32::MAX), ..place }, &text))
    }
}
