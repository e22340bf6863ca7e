//! The text of `secrets.env`: lines kept as they are, values found by name.

/// What is wrong with a line; never its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("not UTF-8")]
    Encoding,
    #[error("no `=` in it")]
    NoEquals,
    #[error("a name may hold letters, digits, `_`, `-` and `.`")]
    Name,
    #[error("the value is empty; delete the line to have one made")]
    Empty,
    #[error("this name stands in an earlier line already")]
    Duplicate,
}

#[derive(Debug)]
enum Line {
    /// A comment, an empty line.
    Other(String),
    Entry {
        name: String,
        value: String,
        text: String,
    },
}

/// Not `Debug` for its content's sake.
pub(super) struct SecretFile {
    lines: Vec<Line>,
    changed: bool,
}

const HEADER: &str =
    "# Made by reeve. Change a value only while the stack is down: what was set up with the old one keeps it.";

impl SecretFile {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, (usize, Malformed)> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            (bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1, Malformed::Encoding)
        })?;
        let mut file = Self { lines: Vec::new(), changed: false };
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = file.line(line).map_err(|what| (index + 1, what))?;
            file.lines.push(line);
        }
        Ok(file)
    }

    fn line(&self, text: &str) -> Result<Line, Malformed> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return Ok(Line::Other(text.to_owned()));
        }
        let (name, value) = trimmed.split_once('=').ok_or(Malformed::NoEquals)?;
        let (name, value) = (name.trim(), unquote(value.trim()));
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            return Err(Malformed::Name);
        }
        if value.is_empty() {
            return Err(Malformed::Empty);
        }
        if self.values().any(|(known, _)| known == name) {
            return Err(Malformed::Duplicate);
        }
        Ok(Line::Entry { name: name.to_owned(), value: value.to_owned(), text: text.to_owned() })
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|line| match line {
            Line::Entry { name, value, .. } => Some((name.as_str(), value.as_str())),
            Line::Other(_) => None,
        })
    }

    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    pub(super) fn append(&mut self, name: &str, value: &str) {
        if self.lines.is_empty() {
            self.lines.push(Line::Other(HEADER.to_owned()));
        }
        self.lines.push(entry(name, value));
        self.changed = true;
    }

    /// Replaces the value where it stands, or appends it.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let place = self.lines.iter_mut().find(|line| matches!(line, Line::Entry { name: known, .. } if known == name));
        match place {
            Some(line) => *line = entry(name, value),
            None => self.append(name, value),
        }
        self.changed = true;
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(match line {
                Line::Other(text) | Line::Entry { text, .. } => text,
            });
            text.push('\n');
        }
        text
    }
}

/// Single quotes when a shell that reads the file would see more in it than letters.
fn entry(name: &str, value: &str) -> Line {
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let text = if plain { format!("{name}={value}") } else { format!("{name}='{value}'") };
    Line::Entry { name: name.to_owned(), value: value.to_owned(), text }
}

fn unquote(value: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}
