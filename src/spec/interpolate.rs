//! `${…}` in text: environment references are resolved, facts are kept for later.
//!
//! A name without a dot is the environment (but for `reeve`), a name with a dot is a fact. `$$` is a literal `$`; a `$`
//! before anything else stands for itself.

use std::collections::BTreeMap;
use std::ops::Range;

use super::error::suggest;
use super::template::{Filter, Piece};

/// References may stand in defaults of references, this deep.
const DEPTH: usize = 8;

/// What is wrong with a reference, and where in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub range: Range<usize>,
    pub message: String,
    pub hint: Option<String>,
}

/// A fact and where it stands in the text, for the check of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactRef {
    pub name: String,
    pub range: Range<usize>,
}

#[derive(Debug, Default)]
pub struct Resolved {
    pub pieces: Vec<Piece>,
    pub facts: Vec<FactRef>,
    pub faults: Vec<Fault>,
}

/// Resolves the environment references of a text.
pub fn resolve(text: &str, env: &BTreeMap<String, String>) -> Resolved {
    let mut resolver = Resolver { env, out: Resolved::default() };
    resolver.run(text, 0, 0);
    resolver.out
}

struct Resolver<'a> {
    env: &'a BTreeMap<String, String>,
    out: Resolved,
}

impl Resolver<'_> {
    fn literal(&mut self, text: &str) {
        match self.out.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.out.pieces.push(Piece::Literal(text.to_owned())),
        }
    }

    fn fault(&mut self, range: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.out.faults.push(Fault { range, message: message.into(), hint });
    }

    /// `offset` is where `text` begins in the whole.
    fn run(&mut self, text: &str, offset: usize, depth: usize) {
        let mut rest = 0;
        while let Some(found) = text[rest..].find('$') {
            let at = rest + found;
            self.literal(&text[rest..at]);
            let after = &text[at + 1..];
            if after.starts_with('$') {
                self.literal("$");
                rest = at + 2;
            } else if after.starts_with('{') {
                match closing(&text[at + 2..]) {
                    Some(length) => {
                        let end = at + 2 + length;
                        self.reference(&text[at + 2..end], offset + at..offset + end + 1, depth);
                        rest = end + 1;
                    }
                    None => {
                        let hint = "close it with }, or write $$ for a literal $".to_owned();
                        self.fault(offset + at..offset + text.len(), "\"${\" without its \"}\"", Some(hint));
                        return;
                    }
                }
            } else {
                self.literal("$");
                rest = at + 1;
            }
        }
        self.literal(&text[rest..]);
    }

    fn reference(&mut self, inner: &str, range: Range<usize>, depth: usize) {
        let (body, filter) = match split_filter(inner) {
            Ok(split) => split,
            Err((name, hint)) => {
                return self.fault(range, format!("unknown filter \"{name}\""), hint);
            }
        };
        let (name, default, message) = if let Some((name, text)) = body.split_once(":-") {
            (name.trim(), Some(text), None)
        } else if let Some((name, text)) = body.split_once(":?") {
            (name.trim(), None, Some(text))
        } else {
            (body.trim(), None, None)
        };
        if name.contains('.') || name == "reeve" {
            if default.is_some() || message.is_some() {
                return self.fault(range, format!("\"{name}\" is a fact of the stack and takes no default"), None);
            }
            if name.chars().any(|c| c.is_whitespace() || c.is_control() || "${}|".contains(c)) {
                return self.fault(range, format!("\"{name}\" is no name of a fact"), None);
            }
            self.out.facts.push(FactRef { name: name.to_owned(), range });
            self.out.pieces.push(Piece::Fact { name: name.to_owned(), filter });
            return;
        }
        if !is_env_name(name) {
            let hint = match name.split_once(['-', '?', '=']) {
                Some((before, after)) if is_env_name(before) => format!("for a default write ${{{before}:-{after}}}"),
                _ => "a name is made of letters, digits and _; write $$ for a literal $".to_owned(),
            };
            return self.fault(range, format!("\"{name}\" is no name of an environment variable"), Some(hint));
        }
        match (self.env.get(name), default) {
            (Some(value), None) if message.is_none() || !value.is_empty() => self.value(value.clone(), filter),
            (Some(value), Some(_)) if !value.is_empty() => self.value(value.clone(), filter),
            (_, Some(default)) => {
                if depth >= DEPTH {
                    return self.fault(range, "defaults are nested too deep", None);
                }
                let offset = range.start + 2 + inner.find(":-").unwrap_or(0) + 2;
                match filter {
                    None => self.run(default, offset, depth + 1),
                    Some(filter) => self.filtered_default(default, offset, depth, filter),
                }
            }
            (_, None) => {
                let text = match message.map(str::trim) {
                    Some(message) if !message.is_empty() => format!("environment variable {name}: {message}"),
                    _ => format!("environment variable {name} is not set"),
                };
                let hint = format!("set it, put it into .env, or give a default: ${{{name}:-value}}");
                self.fault(range, text, Some(hint));
            }
        }
    }

    fn filtered_default(&mut self, default: &str, offset: usize, depth: usize, filter: Filter) {
        let mut inner = Resolver { env: self.env, out: Resolved::default() };
        inner.run(default, offset, depth + 1);
        let mut text = String::new();
        for piece in inner.out.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(&literal),
                Piece::Fact { name, .. } => {
                    let range = inner.out.facts.first().map_or(offset..offset, |fact| fact.range.clone());
                    let message = format!("the fact \"{name}\" cannot stand in a default that is filtered");
                    self.fault(range, message, None);
                }
            }
        }
        self.out.faults.append(&mut inner.out.faults);
        self.literal(&filter.apply(&text));
    }

    fn value(&mut self, value: String, filter: Option<Filter>) {
        match filter {
            None => self.literal(&value),
            Some(filter) => self.literal(&filter.apply(&value)),
        }
    }
}

/// Length up to the brace that closes the reference; braces of references inside are skipped.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                depth += 1;
                at += 1;
            }
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

type UnknownFilter = (String, Option<String>);

/// `name | filter`. In a default a bar that is followed by no known filter is text.
fn split_filter(inner: &str) -> Result<(&str, Option<Filter>), UnknownFilter> {
    const FILTERS: [Filter; 4] = [Filter::Json, Filter::Sql, Filter::Url, Filter::Path];
    let Some((body, word)) = inner.rsplit_once('|') else { return Ok((inner, None)) };
    let word = word.trim();
    match FILTERS.into_iter().find(|filter| filter.name() == word) {
        Some(filter) => Ok((body.trim_end(), Some(filter))),
        None if body.contains(":-") || body.contains(":?") => Ok((inner, None)),
        None => Err((word.to_owned(), suggest(word, FILTERS.map(Filter::name)))),
    }
}

pub fn is_env_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::template::Template;
    use super::*;

    fn shown(text: &str) -> String {
        let env = [("A", "1"), ("EMPTY", ""), ("Q", "it's \"q\"")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let resolved = resolve(text, &env);
        assert_eq!(resolved.faults, [], "{text}");
        Template::new(resolved.pieces).to_string()
    }

    #[test]
    fn references_are_resolved_and_facts_kept() {
        for (text, expected) in [
            ("${A}", "1"),
            ("x${A}y${A}", "x1y1"),
            ("${NONE:-default}", "default"),
            ("${EMPTY:-default}", "default"),
            ("${EMPTY}", ""),
            ("${NONE:-}", ""),
            ("${NONE:-${A}}", "1"),
            ("${NONE:-a|b}", "a|b"),
            ("${NONE:-{a}}", "{a}"),
            ("${A:?needed}", "1"),
            ("$A $1 $", "$A $1 $"),
            ("$$ $${A}", "$ $${A}"),
            ("${Q | json}", "\"it's \\\"q\\\"\""),
            ("${Q|sql}", "'it''s \"q\"'"),
            ("${NONE:-a b | url}", "a%20b"),
            ("${secret.x}", "${secret.x}"),
            ("${ self.port | json }", "${self.port | json}"),
            ("${NONE:-${self.port}}", "${self.port}"),
            ("${reeve}", "${reeve}"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn faults_name_the_reference() {
        for (text, range) in [
            ("a ${NONE} b", 2..9),
            ("${", 0..2),
            ("x ${A", 2..5),
            ("${A-b}", 0..6),
            ("${A | xml}", 0..10),
            ("${NONE:-${OTHER}}", 8..16),
            ("${EMPTY:?no}", 0..12),
            ("${stack.name:-x}", 0..16),
        ] {
            let resolved =
                resolve(text, &[("A", "1"), ("EMPTY", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
            assert_eq!(resolved.faults.iter().map(|fault| fault.range.clone()).collect::<Vec<_>>(), [range], "{text}");
        }
    }

    #[test]
    fn defaults_do_not_nest_without_end() {
        let text = "${N:-".repeat(5_000) + &"}".repeat(5_000);
        assert_eq!(resolve(&text, &BTreeMap::new()).faults.len(), 1);
    }
}
