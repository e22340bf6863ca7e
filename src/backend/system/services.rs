//! The services of the stack, one of them, and its log.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use jiff::Timestamp;

use super::failure::asked;
use super::shape::{SystemLog, SystemServiceDetails, SystemStack, Vital};
use crate::backend::app::App;
use crate::backend::error::ApiError;
use crate::backend::params::in_query;
use crate::control::wire::{LogsQuery, StackQuery};

/// Lines of a log unless said otherwise, and at most.
const LINES: (usize, usize) = (200, 5000);
const USAGE: StackQuery = StackQuery { usage: true, stale: false };

/// Show the stack and its services.
///
/// For each its state, since when, restarts, process, memory and processor time, addresses, and what it waits for.
#[utoipa::path(get, path = "/system", tag = "System", responses((status = 200, body = SystemStack)))]
pub async fn stack(State(app): State<App>) -> Result<Json<SystemStack>, ApiError> {
    let stack = asked(app.system.reeve()?.stack_with(USAGE)).await?;
    Ok(Json(stack.into()))
}

/// Show one service of the stack and why it is where it is.
///
/// With the last events of it and of what holds it back.
#[utoipa::path(get, path = "/system/services/{name}", tag = "System", params(("name" = String, Path)),
    responses((status = 200, body = SystemServiceDetails)))]
pub async fn service(State(app): State<App>, Path(name): Path<String>) -> Result<Json<SystemServiceDetails>, ApiError> {
    let reeve = app.system.reeve()?;
    let (mut why, stack) = asked(async { tokio::try_join!(reeve.why(&name), reeve.stack_with(USAGE)) }).await?;
    let measured = stack.services.iter().find(|service| service.name == name);
    (why.service.memory_bytes, why.service.cpu_percent) =
        measured.map_or((None, None), |service| (service.memory_bytes, service.cpu_percent));
    Ok(Json(SystemServiceDetails::among(why, &Vital::of(&stack.services), stack.answered_at)))
}

/// Read the log of a service of the stack.
///
/// The newest lines, oldest first. Secrets of the stack are blotted out.
#[utoipa::path(get, path = "/system/services/{name}/logs", tag = "System",
    params(("name" = String, Path), ("lines" = Option<usize>, Query, minimum = 1, maximum = 5000),
        ("since" = Option<String>, Query, description = "only what was written since then, such as 2026-01-31T12:00:00Z")),
    responses((status = 200, body = SystemLog)))]
pub async fn logs(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<SystemLog>, ApiError> {
    let reeve = app.system.reeve()?;
    let query = query.unwrap_or_default();
    let lines = lines(&query)?;
    let since = since(&query)?;
    let asked = asked(reeve.logs(&name, &LogsQuery { lines: Some(lines), since, follow: false })).await?;
    Ok(Json(asked.into()))
}

/// How many lines are asked for.
pub fn lines(query: &str) -> Result<usize, ApiError> {
    let Some(text) = in_query(query, "lines") else { return Ok(LINES.0) };
    let lines = text.parse().ok().filter(|lines| (1..=LINES.1).contains(lines));
    lines.ok_or_else(|| bad(format!("lines must be a number from 1 to {}", LINES.1)))
}

fn since(query: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = in_query(query, "since") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| bad("since must be a time such as 2026-01-31T12:00:00Z".to_owned()))
}

fn bad(text: String) -> ApiError {
    ApiError::message(StatusCode::BAD_REQUEST, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_times_are_looked_at() {
        assert_eq!(lines("").unwrap(), 200);
        assert_eq!(lines("a=1&lines=7").unwrap(), 7);
        for bad in ["lines=", "lines=0", "lines=5001", "lines=-1", "lines=x"] {
            assert_eq!(lines(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
        assert!(since("since=2026-01-31T12:00:00%2B01:00").unwrap().is_some());
        assert!(since("since=yesterday").is_err());
    }
}
