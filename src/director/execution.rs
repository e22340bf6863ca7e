//! One execution of a task's script: fetched anew, given the task's configuration, its result the answer.
//!
//! By hand (`run`, `test`) somebody waits for the result; on schedule nobody does, and the task is looked at again right
//! before its script starts, so that what was stopped, deleted or replaced meanwhile does not run.

use std::ffi::OsString;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::app::App;
use super::error::Fault;
use super::fetch::FetchError;
use super::runner::{RunError, Running, Script};
use super::schedule::{Grid, Millis};
use super::task::Task;
use super::tasks::text;
use crate::governify::body::JsonBody;
use crate::telemetry::chain;

#[derive(Debug, thiserror::Error)]
enum ExecutionError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl ExecutionError {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Fetch(_) => "fetch",
            Self::Run(error) => error.outcome(),
        }
    }
}

/// How the script of no task is named, in the address and in the log.
const TEST: &str = "test";

/// The end of the process of a scheduled run, as far as it came to one.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Ran,
    Failed,
    /// The task is gone, stopped or no longer due then.
    Cancelled,
}

/// `POST /tasks/{id}/run`. Whoever goes away ends the run.
pub async fn run(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Fault> {
    let wanted = id.clone();
    let found = app.on_folder(move |folder| folder.find(&wanted)).await?.ok_or_else(Fault::not_found)?;
    let began = Instant::now();
    let answer = async {
        let script = fetched(&app, &found.task, &id).await?;
        Ok(started(&app, script).await?.answer().await?)
    };
    answered("run", &id, began, answer.await)
}

/// `POST /tasks/test`, which shares its pattern with every id; nothing else is posted there.
pub async fn test(State(app): State<App>, Path(id): Path<String>, JsonBody(body): JsonBody) -> Result<Response, Fault> {
    if !id.eq_ignore_ascii_case(TEST) {
        return Err(Fault::not_found());
    }
    if !app.settings.has_test {
        return Err(Fault::new(StatusCode::FORBIDDEN, "Running of scripts that are sent is switched off"));
    }
    let Some(Value::String(script)) = body.get("scriptText") else {
        return Err(Fault::failed("scriptText is missing or no text"));
    };
    let script = Script { text: script.clone(), config: body.get("scriptConfig").cloned(), label: TEST.to_owned() };
    let began = Instant::now();
    let answer = async { Ok(started(&app, script).await?.answer().await?) };
    answered("test", TEST, began, answer.await)
}

fn answered(
    how: &'static str,
    id: &str,
    began: Instant,
    answer: Result<String, ExecutionError>,
) -> Result<Response, Fault> {
    record(how, began, &answer);
    match answer {
        Ok(result) => Ok(text(StatusCode::OK, result)),
        Err(error) => {
            let message = chain(&error);
            tracing::warn!(task = id, error = message, "a script that was asked for failed");
            Err(Fault::failed(message))
        }
    }
}

/// A scheduled occurrence at `at` of the task that `file` held. Returns when nothing of it is left.
pub async fn scheduled(app: &App, file: OsString, id: &str, at: Millis) -> Outcome {
    let began = Instant::now();
    let answer = attempt(app, file, id, at).await;
    let Some(answer) = answer.transpose() else {
        tracing::info!(task = id, at, "not run: it was stopped, deleted or changed");
        return Outcome::Cancelled;
    };
    let (answer, running) = match answer {
        Ok((answer, running)) => (answer, Some(running)),
        Err(error) => (Err(error), None),
    };
    record("schedule", began, &answer);
    let outcome = match answer {
        Ok(_) => {
            tracing::debug!(task = id, at, time_ms = began.elapsed().as_millis() as u64, "ran");
            Outcome::Ran
        }
        Err(error) => {
            tracing::warn!(task = id, at, error = chain(&error), "a scheduled script failed");
            Outcome::Failed
        }
    };
    if let Some(running) = running {
        running.ended().await;
    }
    outcome
}

type Finished = (Result<String, ExecutionError>, Running);

/// `Ok(None)`: it is not to be run any more.
async fn attempt(app: &App, file: OsString, id: &str, at: Millis) -> Result<Option<Finished>, ExecutionError> {
    let Some(task) = due(app, &file, id, at).await? else { return Ok(None) };
    let script = fetched(app, &task, id).await?;
    let place = app.runner.place().await?;
    // The script took its time, and so did the place.
    let Some(now) = due(app, &file, id, at).await?.filter(|now| now.get("script") == task.get("script")) else {
        return Ok(None);
    };
    let mut running = app.runner.run(place, Script { config: now.get("config").cloned(), ..script });
    let answer = running.answer().await.map_err(ExecutionError::from);
    Ok(Some((answer, running)))
}

/// The task as it is now, if this occurrence still is one of its own.
async fn due(app: &App, file: &OsString, id: &str, at: Millis) -> Result<Option<Task>, ExecutionError> {
    let (file, id) = (file.clone(), id.to_owned());
    let found = app.on_folder(move |folder| folder.find_in(&file, &id)).await;
    let found = found.map_err(|fault| RunError::Start(fault.message))?;
    let is_due = |task: &Task| task.is_running() && Grid::of(task, &app.zone).is_ok_and(|grid| grid.holds(at));
    Ok(found.filter(|stored| is_due(&stored.task)).map(|stored| stored.task.clone()))
}

async fn fetched(app: &App, task: &Task, id: &str) -> Result<Script, ExecutionError> {
    let address = task.get("script").and_then(Value::as_str).ok_or(FetchError::None)?;
    let text = app.fetcher.script(address).await?;
    Ok(Script { text, config: task.get("config").cloned(), label: id.to_owned() })
}

async fn started(app: &App, script: Script) -> Result<Running, RunError> {
    Ok(app.runner.run(app.runner.place().await?, script))
}

fn record(how: &'static str, began: Instant, answer: &Result<String, ExecutionError>) {
    let outcome = answer.as_ref().err().map_or("ok", ExecutionError::outcome);
    metrics::counter!("director_runs_total", "how" => how, "outcome" => outcome).increment(1);
    metrics::histogram!("director_run_duration_seconds", "how" => how).record(began.elapsed().as_secs_f64());
}
