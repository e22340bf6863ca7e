//! Objectives of guarantees: expressions over metric values, with JavaScript's results. Pure.
//!
//! Owns the language that agreements may use: literals, metric ids, `! + -`, arithmetic, comparisons, `&& || ??`, `?:`.
//! Never runs code, never remembers a value from one evaluation to the next; length and depth are bounded.
//!
//! Data: text and bound values → [`lexer`] (tokens, metric ids first) → [`evaluate`] (one pass, left to right) →
//! [`Js`] → whether it holds.

mod evaluate;
mod lexer;
mod value;

use serde_json::Value;

pub use value::Js;

/// Objectives are one or two comparisons; the longest seen is below 200 bytes.
pub const LONGEST: usize = 8 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectiveError {
    #[error("there is no objective")]
    Missing,
    #[error("the objective is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the objective is nested more than {} deep", evaluate::DEEPEST)]
    TooDeep,
    #[error("the objective cannot be read at character {at}: {why}")]
    Syntax { at: usize, why: &'static str },
    #[error("{0} is neither a metric of the guarantee nor a word of the language")]
    Unknown(String),
    #[error("the value of the metric {0} is neither a number nor a truth value")]
    NotANumber(String),
}

/// What a metric id stands for in an objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding<'a> {
    pub id: &'a str,
    pub value: Js,
}

/// What becomes of a metric's value in an objective.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Bound {
    Value(Js),
    /// There is nothing to judge: the whole group is left out.
    Skipped,
}

/// The value of a metric, as an expression sees it. Numeric text is a number.
pub fn bind(id: &str, value: &Value) -> Result<Bound, ObjectiveError> {
    let bound = match value {
        Value::Null => Js::Null,
        Value::Bool(it) => Js::Bool(*it),
        Value::Number(number) => Js::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) if text.is_empty() || text == "NaN" => return Ok(Bound::Skipped),
        Value::String(text) => literal(text).ok_or_else(|| ObjectiveError::NotANumber(id.to_owned()))?,
        Value::Array(_) | Value::Object(_) => return Err(ObjectiveError::NotANumber(id.to_owned())),
    };
    Ok(Bound::Value(bound))
}

/// A text that is the literal of a number or truth value, signs included.
fn literal(text: &str) -> Option<Js> {
    let text = text.trim_matches(value::is_space);
    match text {
        "true" => return Some(Js::Bool(true)),
        "false" => return Some(Js::Bool(false)),
        "null" => return Some(Js::Null),
        "undefined" => return Some(Js::Undefined),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text).trim_start_matches(value::is_space);
    let number = match unsigned {
        "" => return None,
        "Infinity" => f64::INFINITY,
        "NaN" => f64::NAN,
        // Signs are behind us; a second one is no literal.
        _ if unsigned.starts_with(['-', '+']) => return None,
        _ => value::number(unsigned).filter(|number| !number.is_nan())?,
    };
    Some(Js::Number(if text.starts_with('-') { -number } else { number }))
}

/// Whether an objective holds. One that is no text stands for itself.
pub fn holds(objective: Option<&Value>, bindings: &[Binding<'_>]) -> Result<bool, ObjectiveError> {
    match objective {
        None | Some(Value::Null) => Err(ObjectiveError::Missing),
        Some(Value::String(text)) => Ok(value_of(text, bindings)?.is_true()),
        Some(other) => Ok(super::agreement::truthy(other).is_some()),
    }
}

/// What an expression comes to.
pub fn value_of(text: &str, bindings: &[Binding<'_>]) -> Result<Js, ObjectiveError> {
    if text.len() > LONGEST {
        return Err(ObjectiveError::TooLong);
    }
    evaluate::evaluate(&lexer::tokens(text, bindings)?, text.chars().count())
}

#[cfg(test)]
mod tests;
