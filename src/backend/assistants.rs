//! Assistants: OpenAI's, each with a row of ours (`/assistant`).
//!
//! There are never more than the configuration allows, and never one of OpenAI's that no row knows of: what could not be
//! written down is removed there again.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::app::App;
use super::clients::{UpstreamError, openai};
use super::configuration::assistant_row;
use super::error::{ApiError, Fault, Promise};
use super::extract::{Fields, Invalid, JsonBody, check_json, integer};
use super::guard::Caller;
use super::store::{JsonRows, NewAssistant, RawJson};
use super::throttle::Attempt;
use super::unbroken::unbroken;
use crate::telemetry::chain;

/// What an assistant is for when nobody says otherwise.
const INSTRUCTIONS: &str = include_str!("assistants/instructions.md");
const MODEL: &str = "gpt-3.5-turbo-0125";

/// Width of the table's columns, in characters.
const WIDTH: usize = 100;

const LIST: Promise = Promise::message_with_detail("Failed to get assistants, error: ");
const INSTRUCTED: Promise = Promise::message_with_detail("Failed to get assistant instructions, error: ");
const CREATE: Promise = Promise::message_with_detail("Failed to create assistant, error: ");
const INSTRUCT: Promise = Promise::message_with_detail("Failed to update assistant instructions, error: ");
const DELETE: Promise = Promise::message_with_detail("Failed to delete the assistant, error: ");
const DELETE_ALL: Promise = Promise::message_with_detail("Failed to delete all assistants, error: ");

/// An assistant as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Assistant {
    pub id: i32,
    /// OpenAI's.
    #[serde(rename = "assistantId")]
    pub assistant_id: String,
    pub name: String,
    pub instructions: String,
    /// JSON.
    pub tools: String,
    pub model: String,
    #[schema(pattern = "^(ACTIVE|INACTIVE)$")]
    pub status: String,
    #[serde(rename = "createdAt")]
    pub created_at: String,
    #[serde(rename = "updatedAt")]
    pub updated_at: String,
}

/// An assistant with the usual instructions.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssistantBody {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

/// An assistant of one's own making.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssistantAdminBody {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    pub instructions: String,
    #[schema(min_length = 1, max_length = 100)]
    pub model: String,
    #[schema(value_type = Vec<Object>)]
    pub tools: Vec<Value>,
}

/// What an assistant is for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Instructions {
    pub instructions: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssistantDone {
    pub message: String,
}

fn done(text: &str) -> Json<Value> {
    Json(json!({ "message": text }))
}

/// What OpenAI refuses is the caller's to change, unless it refuses us.
pub fn openai_fault(error: UpstreamError) -> Fault {
    match error.status().map(|status| status.as_u16()) {
        Some(400 | 404 | 422) => {
            let told = error.body().and_then(|body| body["error"]["message"].as_str()).map(str::to_owned);
            Fault::Invalid(told.unwrap_or_else(|| error.to_string()))
        }
        _ => error.into(),
    }
}

/// Calls of one user that cost something. Tokens of other makers may name nobody, and count together.
pub async fn throttle(app: &App, caller: &Caller) -> Result<(), ApiError> {
    let _counted = Attempt::to_ask(app, caller.claims.user_id.unwrap_or_default()).await?;
    Ok(())
}

/// List all assistants.
#[utoipa::path(get, path = "/assistant", tag = "Assistants", responses((status = 200, body = [Assistant])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.assistants().await.map_err(|error| LIST.fault(error))
}

/// Get an assistant.
///
/// `null` when there is none with this id.
#[utoipa::path(get, path = "/assistant/{id}", tag = "Assistants", params(("id" = i32, Path)),
    responses((status = 200, body = Option<Assistant>), (status = 400)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<RawJson, ApiError> {
    let id = integer("id", &id).map_err(|invalid| LIST.fault(invalid))?;
    let assistant = app.store.assistant(id).await.map_err(|error| LIST.fault(error))?;
    Ok(assistant.unwrap_or_else(|| RawJson("null".to_owned())))
}

/// Get the instructions of an assistant.
#[utoipa::path(get, path = "/assistant/{id}/instructions", tag = "Assistants", params(("id" = i32, Path)),
    responses((status = 200, body = Instructions), (status = 400), (status = 404)))]
pub async fn instructions(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Instructions>, ApiError> {
    let id = integer("id", &id).map_err(|invalid| INSTRUCTED.fault(invalid))?;
    let found = app.store.instructions(id).await.map_err(|error| INSTRUCTED.fault(error))?;
    let missing = || INSTRUCTED.fault(Fault::Missing(format!("assistant {id} not found")));
    Ok(Json(Instructions { instructions: found.ok_or_else(missing)? }))
}

/// Create an assistant with the usual instructions.
///
/// At OpenAI and here. 429: as many as there may be, or too many calls.
#[utoipa::path(post, path = "/assistant", tag = "Assistants", request_body = AssistantBody,
    responses((status = 201, body = AssistantDone), (status = 400),
        (status = 429, description = "as many assistants as there may be, or too many calls"),
        (status = 500, description = "OpenAI is away or fails")))]
pub async fn create(State(app): State<App>, caller: Caller, body: JsonBody) -> Result<Response, ApiError> {
    let name = name(body.fields(), "name").map_err(|invalid| CREATE.fault(invalid))?;
    let wanted = Wanted {
        name,
        instructions: INSTRUCTIONS.to_owned(),
        tools: json!([{ "type": "code_interpreter" }]),
        model: MODEL.to_owned(),
    };
    make(app, caller, wanted).await
}

/// Create an assistant with instructions, model and tools of one's own.
///
/// At OpenAI and here. 429: as many as there may be, or too many calls.
#[utoipa::path(post, path = "/assistant/admin", tag = "Assistants", request_body = AssistantAdminBody,
    responses((status = 201, body = AssistantDone), (status = 400),
        (status = 429, description = "as many assistants as there may be, or too many calls"),
        (status = 500, description = "OpenAI is away or fails")))]
pub async fn create_as_admin(State(app): State<App>, caller: Caller, body: JsonBody) -> Result<Response, ApiError> {
    let wanted = Wanted::read(body.fields()).map_err(|invalid| CREATE.fault(invalid))?;
    make(app, caller, wanted).await
}

/// Change the instructions of an assistant.
///
/// Here and at OpenAI. Also 200 when there is no such assistant, or when OpenAI does not take them.
///
/// The message ends with a bracket, which clients of the original know.
#[utoipa::path(put, path = "/assistant/{id}/instructions", tag = "Assistants", params(("id" = i32, Path)),
    request_body = Instructions, responses((status = 200, body = AssistantDone), (status = 400),
        (status = 429, description = "too many calls")))]
pub async fn instruct(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    let read = || Ok((integer("id", &id)?, body.fields().required_text("instructions", usize::MAX)?));
    let (id, instructions) = read().map_err(|invalid: Invalid| INSTRUCT.fault(invalid))?;
    throttle(&app, &caller).await?;
    unbroken(INSTRUCT, async move {
        let assistant = app.store.set_instructions(id, &instructions).await.map_err(|error| INSTRUCT.fault(error))?;
        if let Some(assistant) = assistant
            && let Err(error) = app.clients.openai.instruct(&assistant, &instructions).await
        {
            tracing::warn!(error = chain(&error), assistant, "OpenAI does not know the new instructions");
        }
        Ok(done("Assistant instructions updated successfully}"))
    })
    .await
}

/// Delete an assistant here.
///
/// At OpenAI it stays. Also 200 when there was none with this id.
#[utoipa::path(delete, path = "/assistant/{id}", tag = "Assistants", params(("id" = i32, Path)),
    responses((status = 200, body = AssistantDone), (status = 400)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    // What the web client makes of an id that it does not have.
    if id == "undefined" {
        return Err(ApiError::message(StatusCode::BAD_REQUEST, "Assistant id is required"));
    }
    let id = integer("id", &id).map_err(|invalid| DELETE.fault(invalid))?;
    app.store.delete_assistants(Some(id)).await.map_err(|error| DELETE.fault(error))?;
    Ok(done("Assistant deleted successfully"))
}

/// Delete all assistants here.
///
/// At OpenAI they stay.
#[utoipa::path(delete, path = "/assistant", tag = "Assistants", responses((status = 200, body = AssistantDone)))]
pub async fn delete_all(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    app.store.delete_assistants(None).await.map_err(|error| DELETE_ALL.fault(error))?;
    Ok(done("All assistants deleted successfully"))
}

struct Wanted {
    name: String,
    instructions: String,
    tools: Value,
    model: String,
}

impl Wanted {
    fn read(fields: Fields<'_>) -> Result<Self, Invalid> {
        let tools = fields.get("tools").ok_or_else(|| Invalid::new("tools", "is required"))?;
        check_json("tools", tools)?;
        if !tools.as_array().is_some_and(|tools| tools.iter().all(Value::is_object)) {
            return Err(Invalid::new("tools", "must be an array of objects"));
        }
        Ok(Self {
            name: name(fields, "name")?,
            instructions: fields.required_text("instructions", usize::MAX)?,
            tools: tools.clone(),
            model: name(fields, "model")?,
        })
    }
}

fn name(fields: Fields<'_>, field: &str) -> Result<String, Invalid> {
    let text = fields.required_text(field, WIDTH)?;
    if text.is_empty() { Err(Invalid::new(field, "is required")) } else { Ok(text) }
}

async fn make(app: App, caller: Caller, wanted: Wanted) -> Result<Response, ApiError> {
    throttle(&app, &caller).await?;
    let full = || ApiError::text(StatusCode::TOO_MANY_REQUESTS, "Limit reached");
    let row = assistant_row(&app);
    // OpenAI is not asked for what there is no room for anyway.
    if !app.store.has_room_for_assistant(&row).await.map_err(|error| CREATE.fault(error))? {
        return Err(full());
    }
    unbroken(CREATE, async move {
        let Wanted { name, instructions, tools, model } = wanted;
        let new = openai::NewAssistant { name: &name, instructions: &instructions, tools: &tools, model: &model };
        let made = app.clients.openai.create_assistant(new).await;
        let id = made.map_err(|error| CREATE.fault(openai_fault(error)))?.id;
        let text = format!("Assistant {name} with id {id} created successfully");
        let new = NewAssistant { assistant_id: id.clone(), name, instructions, tools: tools.to_string(), model };
        let kept = app.store.insert_assistant(&row, &new).await;
        if !matches!(kept, Ok(true))
            && let Err(error) = app.clients.openai.delete_assistant(&id).await
        {
            tracing::warn!(
                error = chain(&error),
                assistant = id,
                "an assistant that no row knows of is left at OpenAI"
            );
        }
        if !kept.map_err(|error| CREATE.fault(error))? {
            return Err(full());
        }
        Ok((StatusCode::CREATED, done(&text)).into_response())
    })
    .await
}
