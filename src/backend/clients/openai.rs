//! OpenAI's assistants (v2), or any server that speaks the same.

use std::time::Duration;

use axum::http::HeaderName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::UpstreamError;
use super::upstream::{Auth, ClientError, Upstream, UpstreamSpec};
use crate::backend::settings;

/// A model takes its time.
const WITHIN: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub struct OpenAi {
    pub(super) upstream: Upstream,
}

/// What an assistant is made of.
#[derive(Debug, Clone, Copy)]
pub struct NewAssistant<'a> {
    pub name: &'a str,
    pub instructions: &'a str,
    /// An array such as `[{"type": "code_interpreter"}]`.
    pub tools: &'a Value,
    pub model: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Assistant {
    pub id: String,
}

/// An assistant's work on a thread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Run {
    pub id: String,
    pub thread_id: String,
    pub status: String,
}

impl Run {
    pub fn is_completed(&self) -> bool {
        self.status == "completed"
    }
}

impl OpenAi {
    pub fn new(settings: &settings::OpenAi) -> Result<Self, ClientError> {
        let spec = UpstreamSpec {
            auth: Auth::Bearer(settings.key.clone()),
            headers: vec![
                (HeaderName::from_static("openai-beta"), "assistants=v2".to_owned()),
                (HeaderName::from_static("openai-organization"), settings.organisation.clone()),
            ],
            within: WITHIN,
            remote: true,
            ..UpstreamSpec::new("OpenAI", Some(&settings.url))
        };
        Ok(Self { upstream: Upstream::new(spec)? })
    }

    pub async fn create_assistant(&self, new: NewAssistant<'_>) -> Result<Assistant, UpstreamError> {
        let NewAssistant { name, instructions, tools, model } = new;
        let body = json!({ "name": name, "instructions": instructions, "tools": tools, "model": model });
        self.upstream.post(&["assistants"]).body(&body).json().await
    }

    pub async fn instruct(&self, assistant: &str, instructions: &str) -> Result<Assistant, UpstreamError> {
        let body = json!({ "instructions": instructions });
        self.upstream.post(&["assistants", assistant]).body(&body).json().await
    }

    pub async fn delete_assistant(&self, assistant: &str) -> Result<(), UpstreamError> {
        self.upstream.delete(&["assistants", assistant]).done().await
    }

    /// A new thread with one message of the user, and a run on it.
    pub async fn create_thread_and_run(&self, assistant: &str, content: &str) -> Result<Run, UpstreamError> {
        let messages = json!([{ "role": "user", "content": content }]);
        let body = json!({ "assistant_id": assistant, "thread": { "messages": messages } });
        self.upstream.post(&["threads", "runs"]).body(&body).json().await
    }

    pub async fn add_message(&self, thread: &str, content: &str) -> Result<(), UpstreamError> {
        let body = json!({ "role": "user", "content": content });
        self.upstream.post(&["threads", thread, "messages"]).body(&body).done().await
    }

    pub async fn create_run(&self, thread: &str, assistant: &str) -> Result<Run, UpstreamError> {
        let body = json!({ "assistant_id": assistant });
        self.upstream.post(&["threads", thread, "runs"]).body(&body).json().await
    }

    pub async fn run(&self, thread: &str, run: &str) -> Result<Run, UpstreamError> {
        self.upstream.get(&["threads", thread, "runs", run]).json().await
    }

    /// The list object as it is.
    pub async fn messages(&self, thread: &str) -> Result<Value, UpstreamError> {
        self.upstream.get(&["threads", thread, "messages"]).json().await
    }

    pub async fn delete_thread(&self, thread: &str) -> Result<(), UpstreamError> {
        self.upstream.delete(&["threads", thread]).done().await
    }
}
