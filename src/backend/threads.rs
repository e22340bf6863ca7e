//! Threads: talks with an assistant of OpenAI (`/thread`). Some of the texts are in Spanish, as the original's.
//!
//! A thread has an owner for the lists only: by its id whoever is signed in may read, continue, rename and delete it, as
//! in the original, which shows every thread to everybody (`/threads`).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::app::App;
use super::assistants::{openai_fault, throttle};
use super::error::{ApiError, Fault, Promise};
use super::extract::{Fields, Invalid, JsonBody};
use super::guard::Caller;
use super::message_length::says_enough;
use super::store::{JsonRows, NewThread};
use super::unbroken::unbroken;
use crate::telemetry::chain;

/// Width of the table's columns, in characters.
const WIDTH: usize = 100;
/// Until somebody gives it another.
const NAME: &str = "Nuevo Hilo";

const ALL: Promise = Promise::message_with_detail("Failed to get all threads, error: ");
const OWN: Promise = Promise::message_with_detail("Failed to get user threads, error: ");
const MESSAGES: Promise = Promise::error_with_detail("Error al obtener mensajes del hilo. Error: Error: ");
const CREATE: Promise = Promise::error_with_detail("Error al crear el hilo, error: Error: ");
const ADD: Promise = Promise::error("Error al crear el hilo");
const RENAME: Promise = Promise::message_with_detail("Failed to update thread name, error: ");
const DELETE: Promise = Promise::message_with_detail("Failed to delete thread, error: ");
const DELETE_OWN: Promise = Promise::message_with_detail("Failed to delete threads, error: ");

/// A thread as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thread {
    pub id: i32,
    /// OpenAI's.
    pub gpt_id: String,
    pub name: String,
    /// The one started last.
    pub run_id: String,
    #[serde(rename = "createdAt")]
    pub created_at: String,
    #[serde(rename = "updatedAt")]
    pub updated_at: String,
    #[serde(rename = "UserId")]
    pub user_id: Option<i32>,
}

/// What is said, and to which assistant.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageBody {
    /// OpenAI's id.
    #[serde(rename = "assistantId")]
    pub assistant_id: String,
    /// Six words or forty characters at least.
    pub content: String,
}

/// The name of a thread.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThreadName {
    #[schema(max_length = 100)]
    pub name: String,
}

/// The thread that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThreadCreated {
    /// OpenAI's.
    pub id: String,
    pub message: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThreadDone {
    pub message: String,
}

fn done(text: impl Into<String>) -> Json<Value> {
    Json(json!({ "message": text.into() }))
}

fn refused(text: &str) -> ApiError {
    ApiError::error(StatusCode::BAD_REQUEST, text)
}

fn unknown(gpt_id: &str) -> String {
    format!("Thread {gpt_id} not found")
}

fn nobody() -> ApiError {
    ApiError::error(StatusCode::UNAUTHORIZED, "Unauthorized")
}

/// List the threads of all users.
#[utoipa::path(get, path = "/threads", tag = "Threads", responses((status = 200, body = [Thread])))]
pub async fn all(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.threads(None).await.map_err(|error| ALL.fault(error))
}

/// List the threads of the caller.
#[utoipa::path(get, path = "/thread", tag = "Threads", responses((status = 200, body = [Thread])))]
pub async fn own(State(app): State<App>, caller: Caller) -> Result<JsonRows, ApiError> {
    let user = caller.user_id()?;
    app.store.threads(Some(user)).await.map_err(|error| OWN.fault(error))
}

/// Get the messages of a thread.
///
/// OpenAI's list of messages once the assistant has replied; until then a message that says so, also with 200.
#[utoipa::path(get, path = "/thread/{gptId}", tag = "Threads", params(("gptId" = String, Path)),
    responses((status = 200, body = Object), (status = 400), (status = 404),
        (status = 500, description = "OpenAI is away or fails")))]
pub async fn messages(State(app): State<App>, Path(gpt_id): Path<String>) -> Result<Json<Value>, ApiError> {
    let run = run_of(&app, &gpt_id).await.map_err(|fault| MESSAGES.fault(fault))?;
    let asked = async {
        if app.clients.openai.run(&gpt_id, &run).await?.is_completed() {
            app.clients.openai.messages(&gpt_id).await.map(Json)
        } else {
            Ok(done("Run not completed yet"))
        }
    };
    asked.await.map_err(|error| MESSAGES.fault(openai_fault(error)))
}

async fn run_of(app: &App, gpt_id: &str) -> Result<String, Fault> {
    super::extract::check_text("gptId", gpt_id, usize::MAX)?;
    app.store.run_of_thread(gpt_id).await?.ok_or_else(|| Fault::Missing(unknown(gpt_id)))
}

/// Begin a thread: a first message to an assistant.
///
/// The answer has OpenAI's id of the thread; the reply of the assistant comes later, in the messages of the thread.
/// 400: the message is shorter than six words and than forty characters.
#[utoipa::path(post, path = "/thread", tag = "Threads", request_body = MessageBody,
    responses((status = 201, body = ThreadCreated), (status = 400), (status = 429, description = "too many calls"),
        (status = 500, description = "OpenAI is away or fails")))]
pub async fn create(State(app): State<App>, caller: Caller, body: JsonBody) -> Result<Response, ApiError> {
    let too_short = || refused("Por favor, haz el mensaje un poco más detallado");
    let (assistant, content) = read(body.fields(), &CREATE)?.ok_or_else(too_short)?;
    let user_id = caller.claims.user_id.ok_or_else(nobody)?;
    app.store.user(user_id).await.map_err(|error| CREATE.fault(error))?.ok_or_else(nobody)?;
    throttle(&app, &caller).await?;
    unbroken(CREATE, async move {
        let run = app.clients.openai.create_thread_and_run(&assistant, &content).await;
        let run = run.map_err(|error| CREATE.fault(openai_fault(error)))?;
        let gpt_id = run.thread_id;
        let new = NewThread { user_id, gpt_id: gpt_id.clone(), run_id: run.id, name: NAME, content };
        if let Err(error) = app.store.insert_thread(&new).await {
            if let Err(error) = app.clients.openai.delete_thread(&gpt_id).await {
                tracing::warn!(error = chain(&error), gpt_id, "a thread that no row knows of is left at OpenAI");
            }
            return Err(CREATE.fault(error));
        }
        let created = json!({ "id": gpt_id, "message": "Hilo creado exitosamente" });
        Ok((StatusCode::CREATED, Json(created)).into_response())
    })
    .await
}

/// Add a message to a thread.
///
/// The reply of the assistant comes later, in the messages of the thread. 400: the message is shorter than six words
/// and than forty characters.
#[utoipa::path(post, path = "/thread/{gptId}", tag = "Threads", params(("gptId" = String, Path)),
    request_body = MessageBody, responses((status = 201, body = ThreadDone), (status = 400), (status = 404),
        (status = 429, description = "too many calls"), (status = 500, description = "OpenAI is away or fails")))]
pub async fn add_message(
    State(app): State<App>,
    Path(gpt_id): Path<String>,
    caller: Caller,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let too_short = || refused("El mensaje debe tener al menos 15 palabras");
    let (assistant, content) = read(body.fields(), &ADD)?.ok_or_else(too_short)?;
    run_of(&app, &gpt_id).await.map_err(|fault| ADD.fault(fault))?;
    throttle(&app, &caller).await?;
    unbroken(ADD, async move {
        let asked = async {
            app.clients.openai.add_message(&gpt_id, &content).await?;
            app.clients.openai.create_run(&gpt_id, &assistant).await
        };
        let run = asked.await.map_err(|error| ADD.fault(openai_fault(error)))?;
        let kept = app.store.add_message(&gpt_id, &content, &run.id).await.map_err(|error| ADD.fault(error))?;
        if !kept {
            return Err(ADD.fault(Fault::Missing(unknown(&gpt_id))));
        }
        Ok((StatusCode::CREATED, done("Mensaje agregado exitosamente")).into_response())
    })
    .await
}

/// Rename a thread.
#[utoipa::path(put, path = "/thread/{gptId}", tag = "Threads", params(("gptId" = String, Path)),
    request_body = ThreadName, responses((status = 200, body = ThreadDone), (status = 400), (status = 404)))]
pub async fn rename(
    State(app): State<App>,
    Path(gpt_id): Path<String>,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    let name = body.fields().required_text("name", WIDTH).map_err(|invalid| RENAME.fault(invalid))?;
    let found = app.store.rename_thread(&gpt_id, &name).await.map_err(|error| RENAME.fault(error))?;
    if !found {
        return Err(ApiError::message(StatusCode::NOT_FOUND, unknown(&gpt_id)));
    }
    Ok(done(format!("Thread {gpt_id} name updated successfully")))
}

/// Delete a thread.
///
/// At OpenAI and here.
#[utoipa::path(delete, path = "/thread/{gptId}", tag = "Threads", params(("gptId" = String, Path)),
    responses((status = 200, body = ThreadDone), (status = 400), (status = 404),
        (status = 500, description = "OpenAI is away or fails")))]
pub async fn delete(State(app): State<App>, Path(gpt_id): Path<String>) -> Result<Json<Value>, ApiError> {
    match run_of(&app, &gpt_id).await {
        Ok(_run) => {}
        Err(Fault::Missing(text)) => return Err(ApiError::message(StatusCode::NOT_FOUND, text)),
        Err(fault) => return Err(DELETE.fault(fault)),
    }
    // At OpenAI first: what is gone there can be deleted here again, but not the other way round.
    unbroken(DELETE, async move {
        match app.clients.openai.delete_thread(&gpt_id).await {
            Err(error) if error.status() != Some(StatusCode::NOT_FOUND) => {
                return Err(DELETE.fault(openai_fault(error)));
            }
            Ok(()) | Err(_) => {}
        }
        app.store.delete_thread(&gpt_id).await.map_err(|error| DELETE.fault(error))?;
        Ok(done(format!("Thread {gpt_id} deleted successfully")))
    })
    .await
}

/// Delete the threads of the caller here.
///
/// At OpenAI they stay.
#[utoipa::path(delete, path = "/thread", tag = "Threads", responses((status = 200, body = ThreadDone)))]
pub async fn delete_own(State(app): State<App>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let user = caller.user_id()?;
    app.store.delete_threads(user).await.map_err(|error| DELETE_OWN.fault(error))?;
    Ok(done("Threads deleted successfully"))
}

/// Assistant and content; `None` when the content says too little.
fn read(fields: Fields<'_>, promise: &Promise) -> Result<Option<(String, String)>, ApiError> {
    let refuse = |invalid: Invalid| promise.fault(invalid);
    let content = fields.text("content", usize::MAX).map_err(refuse)?.unwrap_or_default();
    if !says_enough(&content) {
        return Ok(None);
    }
    Ok(Some((fields.required_text("assistantId", usize::MAX).map_err(refuse)?, content)))
}
