//! The addresses of tasks: list, create, read, replace, delete, status, actions and badge.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::app::App;
use super::badge;
use super::error::Fault;
use super::folder::Created;
use super::schedule::{Grid, HORIZON};
use super::task::{Task, wanted};
use crate::governify::body::JsonBody;
use crate::telemetry::wall_clock;

/// A JSON text that is there already.
pub fn text(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], text).into_response()
}

fn done(status: StatusCode, code: u16, message: &str) -> Response {
    (status, Json(json!({ "code": code, "message": message }))).into_response()
}

pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let wanted = wanted(&query.unwrap_or_default());
    let all = app.on_folder(|folder| folder.read()).await?;
    let mut answer = String::from("[");
    for stored in all.iter().filter(|stored| stored.task.matches(&wanted)) {
        if answer.len() > 1 {
            answer.push(',');
        }
        answer.push_str(&stored.text);
    }
    answer.push(']');
    Ok(text(StatusCode::OK, answer))
}

pub async fn create(State(app): State<App>, JsonBody(body): JsonBody) -> Result<Response, Fault> {
    let task = Task::new(body).map_err(|refused| Fault::bad(refused.to_string()))?;
    match app.on_folder(move |folder| folder.create(task)).await? {
        Created::Exists => Err(Fault::bad("Task already exists")),
        Created::Stored(stored) => {
            app.changed.notify_one();
            Ok(text(StatusCode::OK, stored.text.clone()))
        }
    }
}

pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Fault> {
    let found = app.on_folder(move |folder| folder.find(&id)).await?;
    found.map(|stored| text(StatusCode::OK, stored.text.clone())).ok_or_else(Fault::not_found)
}

/// The original's answer is a status of 200 and a code of 201.
pub async fn replace(
    State(app): State<App>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Fault> {
    let task = Task::new(body);
    let is_found = app
        .on_folder(move |folder| match task {
            Ok(task) => folder.replace(&id, task).map(Ok),
            // First whether it is there, then whether it can be.
            Err(refused) => Ok(if folder.find(&id)?.is_some() { Err(refused) } else { Ok(false) }),
        })
        .await?;
    match is_found {
        Ok(true) => {
            app.changed.notify_one();
            Ok(done(StatusCode::OK, 201, "Updated"))
        }
        Ok(false) => Err(Fault::not_found()),
        Err(refused) => Err(Fault::bad(refused.to_string())),
    }
}

pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Fault> {
    if !app.on_folder(move |folder| folder.remove(&id, |_| true)).await? {
        return Err(Fault::not_found());
    }
    app.changed.notify_one();
    Ok(done(StatusCode::ACCEPTED, 202, "Deleted"))
}

pub async fn status(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Fault> {
    let wanted = id.clone();
    let found = app.on_folder(move |folder| folder.find(&wanted)).await?.ok_or_else(Fault::not_found)?;
    let is_running = found.task.is_running();
    let mut status = json!({ "id": id, "running": is_running });
    let now = wall_clock().as_millisecond();
    let grid = Grid::of(&found.task, &app.zone).ok().filter(|_| is_running);
    if let Some(next) = grid.and_then(|grid| grid.after(now)).filter(|next| *next < now + HORIZON) {
        status["nextExecution"] = next.to_string().into();
    }
    Ok(Json(status))
}

/// The body, if there is one, means nothing.
pub async fn act(State(app): State<App>, Path((id, action)): Path<(String, String)>) -> Result<Response, Fault> {
    let change = move |task: &mut Task| {
        let running = match (action.as_str(), task.is_running()) {
            ("start", true) => return Err("Task already running"),
            ("stop", false) => return Err("Task is not running"),
            ("start", false) => true,
            ("stop", true) => false,
            ("switch", running) => !running,
            _ => return Err("Action not permitted"),
        };
        task.set_running(running);
        Ok(())
    };
    let changed = app.on_folder(move |folder| folder.change(&id, change)).await?;
    let stored = changed.ok_or_else(Fault::not_found)?.map_err(Fault::bad)?;
    app.changed.notify_one();
    Ok(text(StatusCode::OK, stored.text.clone()))
}

pub async fn badge(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Fault> {
    let found = app.on_folder(move |folder| folder.find(&id)).await?.ok_or_else(Fault::not_found)?;
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, badge::svg(found.task.is_running())).into_response())
}
