//! The stored records of one agreement by indicator, period and scope (`/states/{agreementId}/filtered`).

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::answer::{self, PLAIN};
use super::app::App;
use super::error::{Refusal, Shape};
use super::schemas::MessageError;
use super::store::{Filter, StoreError, Wanted};

const SHAPE: Shape = Shape::Message;

/// Find stored states of an agreement.
///
/// By guarantee or metric, scope and period. Nothing is computed.
#[utoipa::path(get, path = "/states/{agreementId}/filtered", tag = "States",
    params(("agreementId" = String, Path),
        ("indicator" = String, Query, description = "the id of the guarantee or the metric"),
        ("type" = String, Query, description = "guarantees or metrics"),
        ("from" = Option<String>, Query, description = "where the period begins, as it is stored"),
        ("at" = Option<String>, Query, description = "the same, without from"),
        ("to" = Option<String>, Query, description = "where it ends"),
        ("scope.{name}" = Option<String>, Query, description = "a member of the scope; * is any value")),
    responses((status = 200, body = [Object]), (status = 400, body = MessageError), (status = 404, body = MessageError)))]
pub async fn filtered(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let filter = read(query.as_deref().unwrap_or_default())?;
    let rows = app.store.filtered(&id, &filter).await.map_err(refused)?;
    let nothing = SHAPE.not_found(format!("No states found for agreementId: {id}"));
    answer::list(rows, PLAIN, SHAPE, Some(nothing)).await
}

/// What the database does not take is the caller's.
fn refused(error: StoreError) -> Refusal {
    match error {
        StoreError::Failed(_) => SHAPE.bad_request(error.to_string()),
        other => SHAPE.failed(&other),
    }
}

fn read(query: &str) -> Result<Filter, Refusal> {
    let mut filter = Filter::default();
    let mut at = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.into_owned();
        match &*name {
            "indicator" => filter.indicator = Some(value),
            "type" => filter.kind = Some(value),
            "from" => filter.from = Some(value),
            "at" => at = Some(value),
            "to" => filter.to = Some(value),
            other => {
                let Some(name) = other.strip_prefix("scope.") else { continue };
                if name.is_empty()
                    || name.contains('\0')
                    || name.split('.').any(|part| part.is_empty() || part.starts_with('$'))
                {
                    return Err(SHAPE.bad_request(format!("{name:?} cannot be a member of a scope")));
                }
                filter.scope.push((name.to_owned(), wanted(value)));
            }
        }
    }
    filter.from = filter.from.or(at);
    Ok(filter)
}

fn wanted(value: String) -> Wanted {
    if value == "*" {
        return Wanted::Present;
    }
    integer(&value).map_or(Wanted::Text(value), Wanted::Number)
}

/// The integer that a text begins with, as `parseInt` reads it.
fn integer(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.bytes().take_while(u8::is_ascii_digit).count();
    digits[..end].parse::<f64>().ok().map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_begins_with_an_integer_is_one() {
        let cases = [
            ("*", Wanted::Present),
            ("7", Wanted::Number(7.0)),
            (" -7.9x", Wanted::Number(-7.0)),
            ("2024-project", Wanted::Number(2024.0)),
            ("p1", Wanted::Text("p1".into())),
            ("", Wanted::Text(String::new())),
            ("-", Wanted::Text("-".into())),
        ];
        for (text, value) in cases {
            assert_eq!(wanted(text.to_owned()), value, "{text:?}");
        }
    }

    #[test]
    fn an_address_becomes_a_filter() {
        let filter = read("indicator=UP&type=guarantees&at=a&scope.project=p&scope.x=*&other=1").unwrap();
        let wanted = Filter {
            indicator: Some("UP".into()),
            kind: Some("guarantees".into()),
            from: Some("a".into()),
            to: None,
            scope: vec![("project".into(), Wanted::Text("p".into())), ("x".into(), Wanted::Present)],
        };
        assert_eq!(filter, wanted);
        assert_eq!(read("from=b&at=a&to=c").unwrap().from.unwrap(), "b");
        for bad in ["scope.=1", "scope.a..b=1", "scope.$where=1", "scope.a.$x=1"] {
            assert_eq!(read(bad).unwrap_err().status, 400, "{bad}");
        }
    }
}
