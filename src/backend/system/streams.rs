//! What goes on in the stack, and a log, as server-sent events.
//!
//! How a line passes: reeve's history or ring → control socket → here, one line at a time, taken only when the client
//! has room → client. Nothing is queued here; who is too slow is told by reeve what it missed.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::failure::asked;
use super::services::lines;
use super::shape::{SystemEvent, SystemLogLine};
use crate::backend::app::App;
use crate::backend::error::{ApiError, Fault, Promise};
use crate::backend::guard::Caller;
use crate::control::client::Lines;
use crate::control::wire::{EventLine, EventsQuery, LogText};

/// A comment goes out this often when nothing else does: proxies between us close what is silent, and a client that has
/// gone is noticed.
const BEAT: Duration = Duration::from_secs(15);

/// Then the client connects anew, with a token that is still good.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// When the client comes back by itself after an end.
const RETRY_MS: u32 = 2000;

const BUSY: Promise = Promise::message("Too many streams are open, try again later");

/// Follow what goes on in the stack.
///
/// Server-sent events: `change` for whatever happens, as in the events of a service; `resync` at the start and wherever
/// some are missing: read the state anew.
#[utoipa::path(get, path = "/system/events", tag = "System",
    responses((status = 200, body = SystemEvent, content_type = "text/event-stream")))]
pub async fn events(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let place = place(&app)?;
    let events = asked(app.system.reeve()?.events(&EventsQuery { from: None, follow: true })).await?;
    Ok(sent(Follow::new(app, caller, place, events), "resync", |line| match line {
        EventLine::Resync { .. } => sse("resync", &json!({})),
        EventLine::Event(event) => sse("change", &SystemEvent::from(event)),
    }))
}

/// Follow the log of a service of the stack.
///
/// Server-sent events: `line` for each, first the newest of those that are written, then each that comes. `start` comes
/// before them all.
#[utoipa::path(get, path = "/system/services/{name}/logs/stream", tag = "System",
    params(("name" = String, Path), ("lines" = Option<usize>, Query, minimum = 1, maximum = 5000)),
    responses((status = 200, body = SystemLogLine, content_type = "text/event-stream")))]
pub async fn logs(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let reeve = app.system.reeve()?;
    let lines = lines(&query.unwrap_or_default())?;
    let place = place(&app)?;
    let log = asked(reeve.follow_logs(&name, lines)).await?;
    Ok(sent(Follow::new(app, caller, place, log), "start", |line: LogText| sse("line", &SystemLogLine::from(line))))
}

fn place(app: &App) -> Result<OwnedSemaphorePermit, ApiError> {
    let place = app.system.streams.clone().try_acquire_owned();
    place.map_err(|_| BUSY.fault(Fault::Busy("streams of the system")))
}

/// One client that follows.
struct Follow<T> {
    app: App,
    caller: Caller,
    lines: Lines<T>,
    end: Instant,
    _place: OwnedSemaphorePermit,
}

/// What comes next.
enum Step<T> {
    Line(T),
    Beat,
    End,
}

impl<T: DeserializeOwned> Follow<T> {
    fn new(app: App, caller: Caller, place: OwnedSemaphorePermit, lines: Lines<T>) -> Self {
        Self { app, caller, lines, end: Instant::now() + LIFE, _place: place }
    }

    async fn step(&mut self) -> Step<T> {
        // Signed out meanwhile: no line more.
        if self.app.auth.revocations.holds(&self.caller.claims, &self.caller.token) {
            return Step::End;
        }
        tokio::select! {
            biased;
            () = self.app.lifecycle.stopped() => Step::End,
            () = tokio::time::sleep_until(self.end) => Step::End,
            line = self.lines.next() => match line {
                Ok(Some(line)) => Step::Line(line),
                // reeve ends, or speaks another language: the client comes back and is told by its next request.
                Ok(None) | Err(_) => Step::End,
            },
            () = tokio::time::sleep(BEAT) => Step::Beat,
        }
    }
}

fn sent<T: DeserializeOwned + Send + 'static>(
    follow: Follow<T>,
    first: &str,
    shown: impl Fn(T) -> Bytes + Send + 'static,
) -> Response {
    let begin = Bytes::from(format!("retry: {RETRY_MS}\nevent: {first}\ndata: {{}}\n\n"));
    let lines = stream::unfold((follow, shown, Some(begin)), |(mut follow, shown, begin)| async move {
        let text = match begin {
            Some(begin) => begin,
            None => match follow.step().await {
                Step::Line(line) => shown(line),
                Step::Beat => Bytes::from_static(b":\n\n"),
                Step::End => return None,
            },
        };
        Some((Ok::<_, Infallible>(text), (follow, shown, None)))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(lines)).into_response()
}

/// JSON has no bare newline, so that one line is enough.
fn sse(event: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let line = SystemLogLine {
            time: jiff::Timestamp::UNIX_EPOCH,
            stream: "stdout".to_owned(),
            text: "a\nevent: b\r\u{2028}".to_owned(),
        };
        let text = String::from_utf8(sse("line", &line).to_vec()).unwrap();
        assert_eq!(text.lines().filter(|line| !line.is_empty()).count(), 2, "{text}");
        assert!(text.starts_with("event: line\ndata: {\"time\":\"1970-01-01T00:00:00Z\""), "{text}");
    }
}
