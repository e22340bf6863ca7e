//! What is wrong with a stack's files: all of it at once, each with its place and what to do next.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use super::node::{Place, SourceKind, Sources};

/// How many problems are drawn in full; a broken 1 MB file may have tens of thousands.
const DRAWN: usize = 50;
/// Longest line that is drawn around a place.
const LINE_SHOWN: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Error,
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    pub file: String,
    /// One-based.
    pub line: usize,
    /// One-based, in characters.
    pub column: usize,
    /// Bytes of the file.
    pub span: (usize, usize),
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// The line, with the bytes to underline. Not for machines: they have `span`.
    #[serde(skip)]
    excerpt: Option<Excerpt>,
}

/// Another place that the problem is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
    #[serde(skip)]
    excerpt: Option<Excerpt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    text: String,
    start: usize,
    end: usize,
}

impl Excerpt {
    fn of(sources: &Sources, place: Place) -> Option<Self> {
        let source = sources.get(place)?;
        if source.kind == SourceKind::EnvFile {
            return None;
        }
        let (line, _) = source.line_column(place.start as usize);
        let (offset, text) = source.line(line);
        let mut start = (place.start as usize).saturating_sub(offset).min(text.len());
        let mut end = (place.end as usize).saturating_sub(offset).clamp(start, text.len());
        let mut shown = text;
        if text.len() > LINE_SHOWN {
            let from = floor_char(text, start.saturating_sub(40));
            let to = floor_char(text, (from + LINE_SHOWN).min(text.len()));
            shown = &text[from..to];
            start = (start - from).min(shown.len());
            end = end.saturating_sub(from).clamp(start, shown.len());
        }
        // Control characters would move the caret (and a terminal) about.
        let text = shown.chars().map(|c| if c.is_control() && c != '\t' { '.' } else { c }).collect::<String>();
        // A control character of several bytes becomes one byte; keep the marks inside the text and on its borders.
        let (start, end) = (floor_char(&text, start), floor_char(&text, end));
        Some(Self { text, start, end })
    }
}

fn floor_char(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Problem {
    pub fn new(sources: &Sources, severity: Severity, place: Place, message: impl Into<String>) -> Self {
        let (file, line, column) = locate(sources, place);
        Self {
            severity,
            file,
            line,
            column,
            span: (place.start as usize, place.end as usize),
            message: message.into(),
            hint: None,
            related: Vec::new(),
            excerpt: Excerpt::of(sources, place),
        }
    }

    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn related(&mut self, sources: &Sources, place: Place, message: impl Into<String>) -> &mut Self {
        let (file, line, column) = locate(sources, place);
        let excerpt = Excerpt::of(sources, place);
        self.related.push(Related { file, line, column, message: message.into(), excerpt });
        self
    }

    /// The problem with the place drawn under it.
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level.primary_title(shown(&self.message)).elements(self.snippets());
        if self.excerpt.is_none() {
            group = group
                .element(annotate_snippets::Origin::path(self.file.as_str()).line(self.line).char_column(self.column));
        }
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(shown(hint)));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }

    fn snippets(&self) -> Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> {
        let main = self.excerpt.iter().map(|excerpt| (excerpt, self.file.as_str(), self.line, None));
        let more = self.related.iter().filter_map(|related| {
            Some((related.excerpt.as_ref()?, related.file.as_str(), related.line, Some(related.message.as_str())))
        });
        main.chain(more)
            .map(|(excerpt, file, line, label)| {
                let kind = if label.is_none() { AnnotationKind::Primary } else { AnnotationKind::Context };
                Snippet::source(excerpt.text.as_str())
                    .line_start(line)
                    .path(file)
                    .annotation(kind.span(excerpt.start..excerpt.end).label(label))
            })
            .collect()
    }
}

/// Control characters of a file never reach the terminal.
fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| c.is_control() && c != '\n') {
        Cow::Owned(text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn locate(sources: &Sources, place: Place) -> (String, usize, usize) {
    sources.get(place).map_or_else(
        || ("default".to_owned(), 1, 1),
        |source| {
            let (line, column) = source.line_column(place.start as usize);
            (source.name.clone(), line, column)
        },
    )
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}:{}: {}", self.file, self.line, self.column, shown(&self.message))?;
        match &self.hint {
            Some(hint) => write!(out, " ({})", shown(hint)),
            None => Ok(()),
        }
    }
}

/// Why a stack cannot be used, errors and warnings together; at least one error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", .items.first().map(ToString::to_string).unwrap_or_default())]
pub struct Problems {
    pub items: Vec<Problem>,
}

impl Problems {
    pub fn errors(&self) -> usize {
        self.items.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// Every problem drawn, and a line that counts them.
    pub fn render(&self, color: bool) -> String {
        let mut text = String::new();
        for problem in self.items.iter().take(DRAWN) {
            text.push_str(problem.render(color).trim_end());
            text.push_str("\n\n");
        }
        if self.items.len() > DRAWN {
            text.push_str(&format!("{} more problems are not shown\n", self.items.len() - DRAWN));
        }
        let (errors, warnings) = (self.errors(), self.items.len() - self.errors());
        text.push_str(&count(errors, "error"));
        if warnings > 0 {
            text.push_str(&format!(", {}", count(warnings, "warning")));
        }
        text.push('\n');
        text
    }

    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.items).unwrap_or_default()
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Gathers problems while files are read and checked.
#[derive(Debug, Default)]
pub struct Report {
    pub sources: Sources,
    pub problems: Vec<Problem>,
}

impl Report {
    pub fn error(&mut self, place: Place, message: impl Into<String>) -> Finding<'_> {
        self.push(Severity::Error, place, message)
    }

    pub fn warning(&mut self, place: Place, message: impl Into<String>) -> Finding<'_> {
        self.push(Severity::Warning, place, message)
    }

    fn push(&mut self, severity: Severity, place: Place, message: impl Into<String>) -> Finding<'_> {
        self.problems.push(Problem::new(&self.sources, severity, place, message));
        let index = self.problems.len() - 1;
        Finding { sources: &self.sources, problem: &mut self.problems[index] }
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// The problem just reported, to add to it.
#[derive(Debug)]
pub struct Finding<'a> {
    sources: &'a Sources,
    problem: &'a mut Problem,
}

impl Finding<'_> {
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.problem.hint(hint);
        self
    }

    pub fn maybe(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    pub fn related(self, place: Place, message: impl Into<String>) -> Self {
        self.problem.related(self.sources, place, message);
        self
    }
}

/// The nearest of the known names, when one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            let score = strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase());
            (strsim::damerau_levenshtein(name, candidate), score, candidate)
        })
        .filter(|(distance, score, _)| *distance <= 2.max(name.chars().count() / 4) && *score > 0.7 || *score > 0.92)
        .min_by(|left, right| left.0.cmp(&right.0).then(right.1.total_cmp(&left.1)))
        .map(|(_, _, candidate)| candidate)
}

/// `did you mean "x"?`, or the list of what there is when it is short.
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(near) = nearest(name, known.clone()) {
        return Some(format!("did you mean \"{near}\"?"));
    }
    let names = known.into_iter().collect::<Vec<_>>();
    (1..=12).contains(&names.len()).then(|| format!("there is: {}", names.join(", ")))
}
