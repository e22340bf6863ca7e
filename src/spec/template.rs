//! Text with `${…}` in it, kept in pieces until the facts are known.
//!
//! Environment references are resolved when the file is loaded. What depends on the machine (where a part lies, where a
//! volume lies, a generated secret) stays a [`Piece::Fact`] and is rendered right before use, so that secrets never enter
//! the specification, its printed form or the API.

use serde::{Serialize, Serializer};

/// How a fact is written into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// `${x | json}`: a JSON (and JavaScript) string literal, quotes included.
    Json,
    /// `${x | sql}`: an SQL string literal, quotes included.
    Sql,
    /// `${x | url}`: percent-encoded.
    Url,
    /// `${x | path}`: of a URL, what lies between its host and its query; a database's name in most.
    Path,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Literal(String),
    /// A dotted name such as `part.postgresql.bin`, `secret.db_password`, `volume.postgres.path`, and its filter.
    Fact {
        name: String,
        filter: Option<Filter>,
    },
}

/// Text whose facts are filled in late.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// Where facts come from when a template is rendered.
pub trait Facts {
    /// The value of a dotted fact name, if it is known.
    fn fact(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Facts for F {
    fn fact(&self, name: &str) -> Option<String> {
        self(name)
    }
}

/// A fact that nobody could supply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no value for ${{{name}}} is known at this point")]
pub struct RenderError {
    pub name: String,
}

impl Template {
    pub fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces }
    }

    pub fn literal(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Literal(text.into())] }
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Names of the facts it needs.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Fact { name, .. } => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// Whether a secret would be part of the rendered text.
    pub fn has_secret(&self) -> bool {
        self.facts().any(|name| name.starts_with("secret."))
    }

    /// The whole text, with every fact filled in.
    pub fn render(&self, facts: &dyn Facts) -> Result<String, RenderError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Fact { name, filter } => {
                    let value = facts.fact(name).ok_or_else(|| RenderError { name: name.clone() })?;
                    match filter {
                        None => text.push_str(&value),
                        Some(filter) => text.push_str(&filter.apply(&value)),
                    }
                }
            }
        }
        Ok(text)
    }
}

impl Filter {
    pub fn apply(self, value: &str) -> String {
        match self {
            Filter::Json => serde_json::Value::from(value).to_string(),
            // Standard SQL literal; a backslash has no meaning with `standard_conforming_strings`, PostgreSQL's default.
            Filter::Sql => format!("'{}'", value.replace('\'', "''")),
            Filter::Url => value
                .bytes()
                .map(|byte| match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => (byte as char).to_string(),
                    _ => format!("%{byte:02X}"),
                })
                .collect(),
            Filter::Path => {
                let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
                let path = rest.split_once('/').map_or("", |(_, path)| path);
                path.split(['?', '#']).next().unwrap_or_default().to_owned()
            }
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Filter::Json => "json",
            Filter::Sql => "sql",
            Filter::Url => "url",
            Filter::Path => "path",
        }
    }
}

/// The text as it stands in the file: facts keep their `${…}`.
impl std::fmt::Display for Template {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.write_str(&text.replace("${", "$${"))?,
                Piece::Fact { name, filter: None } => write!(out, "${{{name}}}")?,
                Piece::Fact { name, filter: Some(filter) } => write!(out, "${{{name} | {}}}", filter.name())?,
            }
        }
        Ok(())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
