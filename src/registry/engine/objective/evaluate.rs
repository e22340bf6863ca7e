//! One pass over the tokens: reads and evaluates at once, by the precedence of operators.
//!
//! What JavaScript would not evaluate (the other side of `&&`, `?:` and the like) is read for its form only.

use std::cmp::Ordering;

use super::lexer::{Kind, Token};
use super::{Js, ObjectiveError};

/// Parentheses, signs and choices within each other; each costs a few frames of the stack.
pub(super) const DEEPEST: usize = 100;

/// From the loosest to the tightest; `?:` is looser than all.
const LEVELS: [&[&str]; 6] =
    [&["??"], &["||"], &["&&"], &["==", "!=", "===", "!=="], &["<", "<=", ">", ">="], &["+", "-"]];
const FACTORS: &[&str] = &["*", "/", "%"];

/// `length` is where the text ends, in characters.
pub(super) fn evaluate(tokens: &[Token], length: usize) -> Result<Js, ObjectiveError> {
    let mut reader = Reader { tokens, next: 0, depth: 0, end: length + 1 };
    while reader.take(&[";"]).is_some() {}
    if reader.next == tokens.len() {
        return Ok(Js::Undefined);
    }
    let value = reader.choice(true)?;
    while reader.take(&[";"]).is_some() {}
    if reader.next < tokens.len() { Err(reader.syntax("an operator should stand here")) } else { Ok(value) }
}

struct Reader<'a> {
    tokens: &'a [Token],
    next: usize,
    depth: usize,
    end: usize,
}

impl Reader<'_> {
    fn syntax(&self, why: &'static str) -> ObjectiveError {
        ObjectiveError::Syntax { at: self.tokens.get(self.next).map_or(self.end, |token| token.at), why }
    }

    /// The next sign, if it is one of these.
    fn take(&mut self, signs: &[&str]) -> Option<&'static str> {
        match self.tokens.get(self.next)?.kind {
            Kind::Sign(sign) if signs.contains(&sign) => {
                self.next += 1;
                Some(sign)
            }
            _ => None,
        }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ObjectiveError>) -> Result<T, ObjectiveError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ObjectiveError::TooDeep);
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// `a ? b : c`
    fn choice(&mut self, live: bool) -> Result<Js, ObjectiveError> {
        self.deeper(|reader| {
            let condition = reader.binary(0, live)?;
            if reader.take(&["?"]).is_none() {
                return Ok(condition);
            }
            let holds = condition.is_true();
            let yes = reader.choice(live && holds)?;
            if reader.take(&[":"]).is_none() {
                return Err(reader.syntax("a colon is missing"));
            }
            let no = reader.choice(live && !holds)?;
            Ok(if holds { yes } else { no })
        })
    }

    fn binary(&mut self, level: usize, live: bool) -> Result<Js, ObjectiveError> {
        let Some(signs) = LEVELS.get(level) else { return self.factor(live) };
        let first = self.next;
        let mut left = self.binary(level + 1, live)?;
        while let Some(sign) = self.take(signs) {
            if sign == "??" && self.has_mixed(first) {
                return Err(self.syntax("?? needs parentheses beside && and ||"));
            }
            let decided = match sign {
                "&&" => !left.is_true(),
                "||" => left.is_true(),
                "??" => !left.is_nothing(),
                _ => false,
            };
            let start = self.next;
            let right = self.binary(level + 1, live && !decided)?;
            if sign == "??" && self.has_mixed(start) {
                return Err(self.syntax("?? needs parentheses beside && and ||"));
            }
            if !decided {
                left = apply(sign, &left, right);
            }
        }
        Ok(left)
    }

    /// Whether `&&` or `||` stand outside parentheses between a token and here.
    fn has_mixed(&self, from: usize) -> bool {
        let mut open = 0_usize;
        self.tokens[from..self.next].iter().any(|token| {
            match token.kind {
                Kind::Sign("(") => open += 1,
                Kind::Sign(")") => open = open.saturating_sub(1),
                _ => {}
            }
            open == 0 && matches!(token.kind, Kind::Sign("&&" | "||"))
        })
    }

    fn factor(&mut self, live: bool) -> Result<Js, ObjectiveError> {
        let mut left = self.unary(live)?;
        while let Some(sign) = self.take(FACTORS) {
            let right = self.unary(live)?;
            left = apply(sign, &left, right);
        }
        Ok(left)
    }

    fn unary(&mut self, live: bool) -> Result<Js, ObjectiveError> {
        match self.take(&["!", "-", "+"]) {
            Some(sign) => {
                let value = self.deeper(|reader| reader.unary(live))?;
                Ok(match sign {
                    "!" => Js::Bool(!value.is_true()),
                    "-" => Js::Number(-value.to_number()),
                    _ => Js::Number(value.to_number()),
                })
            }
            None => self.primary(live),
        }
    }

    fn primary(&mut self, live: bool) -> Result<Js, ObjectiveError> {
        if self.take(&["("]).is_some() {
            let value = self.choice(live)?;
            return match self.take(&[")"]) {
                Some(_) => Ok(value),
                None => Err(self.syntax("a parenthesis is not closed")),
            };
        }
        let value = match self.tokens.get(self.next).map(|token| &token.kind) {
            Some(Kind::Value(value)) => value.clone(),
            Some(Kind::Unknown(name)) if live => return Err(ObjectiveError::Unknown(name.clone())),
            Some(Kind::Unknown(_)) => Js::Undefined,
            Some(Kind::Sign(_)) | None => return Err(self.syntax("a value is missing")),
        };
        self.next += 1;
        Ok(value)
    }
}

fn apply(sign: &str, left: &Js, right: Js) -> Js {
    let number = |result: fn(f64, f64) -> f64| Js::Number(result(left.to_number(), right.to_number()));
    let ordered = |wanted: &[Ordering]| Js::Bool(left.compare(&right).is_some_and(|found| wanted.contains(&found)));
    match sign {
        "+" => left.plus(&right),
        "-" => number(|a, b| a - b),
        "*" => number(|a, b| a * b),
        "/" => number(|a, b| a / b),
        "%" => number(|a, b| a % b),
        "<" => ordered(&[Ordering::Less]),
        "<=" => ordered(&[Ordering::Less, Ordering::Equal]),
        ">" => ordered(&[Ordering::Greater]),
        ">=" => ordered(&[Ordering::Greater, Ordering::Equal]),
        "==" => Js::Bool(left.is_like(&right)),
        "!=" => Js::Bool(!left.is_like(&right)),
        "===" => Js::Bool(left.is_same(&right)),
        "!==" => Js::Bool(!left.is_same(&right)),
        // `&&`, `||` and `??` that their left side has not decided.
        _ => right,
    }
}
