//! Tokens of an expression. Metric ids are looked for first, the longest one, whatever characters they have.

use super::value::{is_space, number};
use super::{Binding, Js, ObjectiveError};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Value(Js),
    /// A name that nobody has bound; an error only where it is evaluated.
    Unknown(String),
    Sign(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    /// In characters, from 1.
    pub at: usize,
}

/// Longest first.
const SIGNS: [&str; 22] = [
    "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "?", ":",
    ";",
];
/// Signs of the language that would otherwise be read as two of ours.
const FOREIGN: [&str; 9] = ["**", "<<", ">>", "++", "--", "//", "/*", "&&=", "??="];

pub(super) fn tokens(text: &str, bindings: &[Binding<'_>]) -> Result<Vec<Token>, ObjectiveError> {
    let mut bindings: Vec<_> = bindings.iter().filter(|binding| !binding.id.is_empty()).collect();
    // Stable: of two with one id the later wins, as the later assignment would.
    bindings.reverse();
    bindings.sort_by_key(|binding| std::cmp::Reverse(binding.id.len()));
    let mut found = Vec::new();
    let (mut rest, mut at) = (text, 1);
    loop {
        let start = rest.trim_start_matches(is_space);
        at += rest.chars().count() - start.chars().count();
        if start.is_empty() {
            return Ok(found);
        }
        let bound = bindings.iter().find(|binding| stands_here(binding.id, start));
        let (kind, length) = match bound {
            Some(binding) => (Kind::Value(binding.value.clone()), binding.id.len()),
            None => token(start, at)?,
        };
        found.push(Token { kind, at });
        at += start[..length].chars().count();
        rest = &start[length..];
    }
}

fn is_name(it: char) -> bool {
    it.is_alphanumeric() || it == '_' || it == '$'
}

/// Whether the text begins with the id as a whole word: neither a longer name nor a longer number begins there.
fn stands_here(id: &str, text: &str) -> bool {
    let Some(after) = text.strip_prefix(id) else { return false };
    let cut = id.ends_with(is_name) && after.starts_with(is_name);
    !cut && number_length(text) <= id.len()
}

fn token(text: &str, at: usize) -> Result<(Kind, usize), ObjectiveError> {
    let syntax = |why| ObjectiveError::Syntax { at, why };
    if text.starts_with(['"', '\'']) {
        return string(text, at);
    }
    let digits = number_length(text);
    if digits > 0 {
        let number = number(&text[..digits]).ok_or_else(|| syntax("this is no number"))?;
        if text[digits..].starts_with(is_name) {
            return Err(syntax("a name cannot follow a number at once"));
        }
        return Ok((Kind::Value(Js::Number(number)), digits));
    }
    if text.starts_with(is_name) {
        let length = text.find(|it| !is_name(it)).unwrap_or(text.len());
        let name = &text[..length];
        let kind = match name {
            "true" => Kind::Value(Js::Bool(true)),
            "false" => Kind::Value(Js::Bool(false)),
            "null" => Kind::Value(Js::Null),
            "undefined" => Kind::Value(Js::Undefined),
            "NaN" => Kind::Value(Js::Number(f64::NAN)),
            "Infinity" => Kind::Value(Js::Number(f64::INFINITY)),
            _ => Kind::Unknown(name.to_owned()),
        };
        return Ok((kind, length));
    }
    if FOREIGN.iter().any(|sign| text.starts_with(sign)) {
        return Err(syntax("this operator is not part of objectives"));
    }
    let sign = SIGNS.iter().find(|sign| text.starts_with(**sign));
    sign.map(|sign| (Kind::Sign(sign), sign.len())).ok_or_else(|| syntax("this sign is not part of objectives"))
}

/// How many bytes at the beginning are the literal of a number.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let run = |mut at: usize| {
        while digit(at) {
            at += 1;
        }
        at
    };
    let fraction = bytes.first() == Some(&b'.') && digit(1);
    if !digit(0) && !fraction {
        return 0;
    }
    if bytes[0] == b'0' && bytes.get(1).is_some_and(|it| b"xXoObB".contains(it)) {
        return text[2..].find(|it: char| !it.is_ascii_alphanumeric()).map_or(text.len(), |length| 2 + length);
    }
    let mut end = run(0);
    if bytes.get(end) == Some(&b'.') {
        end = run(end + 1);
    }
    if bytes.get(end).is_some_and(|it| matches!(it, b'e' | b'E')) {
        let sign = usize::from(bytes.get(end + 1).is_some_and(|it| matches!(it, b'+' | b'-')));
        if digit(end + 1 + sign) {
            end = run(end + 1 + sign);
        }
    }
    end
}

fn string(text: &str, at: usize) -> Result<(Kind, usize), ObjectiveError> {
    let syntax = |why| ObjectiveError::Syntax { at, why };
    let mut signs = text.char_indices();
    let quote = signs.next().map(|(_, quote)| quote);
    let mut value = String::new();
    while let Some((place, sign)) = signs.next() {
        match sign {
            _ if Some(sign) == quote => return Ok((Kind::Value(Js::Text(value)), place + sign.len_utf8())),
            '\n' | '\r' => break,
            '\\' => match signs.next().map(|(_, escaped)| escaped) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('u' | 'x' | 'b' | 'f' | 'v' | '0'..='9') => {
                    return Err(syntax("this escape is not part of objectives"));
                }
                Some('\n') => {}
                Some(other) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err(syntax("the text has no end"))
}
