//! Values of expressions and JavaScript's conversions between them.

use std::cmp::Ordering;

/// A value of JavaScript, as far as objectives need them.
#[derive(Debug, Clone, PartialEq)]
pub enum Js {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

/// White space and line ends of the language.
pub(super) fn is_space(it: char) -> bool {
    matches!(it, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
        || (it.is_whitespace() && it != '\u{85}')
}

impl Js {
    pub fn is_true(&self) -> bool {
        match self {
            Self::Undefined | Self::Null => false,
            Self::Bool(it) => *it,
            Self::Number(number) => !(*number == 0.0 || number.is_nan()),
            Self::Text(text) => !text.is_empty(),
        }
    }

    /// Null and undefined, which `??` steps over.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null)
    }

    pub(super) fn to_number(&self) -> f64 {
        match self {
            Self::Undefined => f64::NAN,
            Self::Null => 0.0,
            Self::Bool(it) => f64::from(u8::from(*it)),
            Self::Number(number) => *number,
            Self::Text(text) => text_to_number(text),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Undefined => "undefined".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Bool(it) => it.to_string(),
            Self::Number(number) => number_to_text(*number),
            Self::Text(text) => text.clone(),
        }
    }

    /// `+`: texts are joined, everything else is added.
    pub(super) fn plus(&self, other: &Self) -> Self {
        if matches!((self, other), (Self::Text(_), _) | (_, Self::Text(_))) {
            return Self::Text(self.to_text() + &other.to_text());
        }
        Self::Number(self.to_number() + other.to_number())
    }

    /// `<` and its relatives: texts by their UTF-16 units, everything else as numbers. Nothing with NaN.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
            _ => self.to_number().partial_cmp(&other.to_number()),
        }
    }

    /// `===`
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            _ => false,
        }
    }

    /// `==`
    pub(super) fn is_like(&self, other: &Self) -> bool {
        if self.is_nothing() || other.is_nothing() {
            return self.is_nothing() && other.is_nothing();
        }
        if let (Self::Text(left), Self::Text(right)) = (self, other) {
            return left == right;
        }
        self.to_number() == other.to_number()
    }
}

/// A text as a number: trimmed, empty is 0, whatever is no number is NaN.
fn text_to_number(text: &str) -> f64 {
    let text = text.trim_matches(is_space);
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        "" if text.is_empty() => 0.0,
        "Infinity" if text.starts_with('-') => f64::NEG_INFINITY,
        "Infinity" => f64::INFINITY,
        // A sign before 0x1f is no number.
        unsigned if unsigned.len() != text.len() && radix(unsigned).is_some() => f64::NAN,
        unsigned => {
            let number = number(unsigned).unwrap_or(f64::NAN);
            if text.starts_with('-') { -number } else { number }
        }
    }
}

/// The digits of `0x`, `0o` and `0b`, with the base.
fn radix(text: &str) -> Option<(u32, &str)> {
    let base = match text.get(..2)? {
        "0x" | "0X" => 16,
        "0o" | "0O" => 8,
        "0b" | "0B" => 2,
        _ => return None,
    };
    Some((base, &text[2..]))
}

/// The literal of a number without a sign.
pub(super) fn number(text: &str) -> Option<f64> {
    if let Some((base, digits)) = radix(text) {
        if digits.is_empty() {
            return None;
        }
        let digit = |sum: f64, digit: char| Some(sum.mul_add(f64::from(base), f64::from(digit.to_digit(base)?)));
        return digits.chars().try_fold(0.0, digit);
    }
    // Beyond digits, Rust also reads names such as `inf`.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let begins = text.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if plain && begins { text.parse().ok() } else { None }
}

/// As JavaScript writes numbers: the shortest digits that read back, an exponent from 1e21 and below 1e-6.
fn number_to_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-Infinity" } else { "Infinity" }.to_owned();
    }
    let magnitude = number.abs();
    if (1e-6..1e21).contains(&magnitude) {
        return number.to_string();
    }
    // Rust writes 1e21 and 1.5e-7; JavaScript shows the sign of the exponent always.
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        let table = [
            (1.0, "1"),
            (0.1, "0.1"),
            (-0.0, "0"),
            (100.0, "100"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (-2.5e30, "-2.5e+30"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (0.1 + 0.2, "0.30000000000000004"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
        ];
        for (number, text) in table {
            assert_eq!(number_to_text(number), text);
        }
    }

    #[test]
    fn texts_are_read_as_javascript_reads_them() {
        let table = [
            ("", 0.0),
            (" \t\n", 0.0),
            (" 12 ", 12.0),
            ("-5", -5.0),
            ("+5", 5.0),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x1F", 31.0),
            ("0b101", 5.0),
            ("0o17", 15.0),
            ("010", 10.0),
            ("Infinity", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("\u{a0}7\u{feff}", 7.0),
        ];
        for (text, number) in table {
            assert_eq!(text_to_number(text), number, "{text:?}");
        }
        for text in
            ["x", "1x", "1 2", "-0x1", "--1", "inf", "nan", "infinity", "1e", ".", "0x", "0xg", "1_000", "+", "-"]
        {
            assert!(text_to_number(text).is_nan(), "{text:?}");
        }
    }
}
