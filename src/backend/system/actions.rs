//! To start, stop and restart one service of the stack.
//!
//! reeve answers a stop when the last process is gone and a restart when the next one runs; who asks here waits for that
//! only for a while. What would cut them off, because they are connected through it, needs `force`, and is answered
//! before it is done.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;
use tracing::Instrument;
use utoipa::ToSchema;

use super::failure::{asked, refused};
use super::shape::Vital;
use crate::backend::app::App;
use crate::backend::error::ApiError;
use crate::backend::guard::Caller;
use crate::backend::params::in_query;
use crate::control::client::{Change, ClientError};
use crate::control::wire::{Changed, Outcome};

/// Most services stop within a second or two; whoever waits longer looks at the state instead.
const WAIT: Duration = Duration::from_secs(10);

/// What would end us is only seen to have been heard: our own answer must be out before we are gone.
const HEARD: Duration = Duration::from_millis(500);

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemChange {
    pub message: String,
    pub outcome: SystemOutcome,
    /// What should be known of how it went: whose grace was over and who was killed.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SystemOutcome {
    Done,
    AlreadySo,
    /// reeve has taken it and is not through with it.
    UnderWay,
}

type Answer = Result<(StatusCode, Json<SystemChange>), ApiError>;

/// Start a service of the stack.
///
/// And what it requires. It is started, not ready: its state tells when it is. What was stopped by hand no longer is.
#[utoipa::path(post, path = "/system/services/{name}/start", tag = "System", params(("name" = String, Path)),
    responses((status = 200, body = SystemChange), (status = 202, body = SystemChange), (status = 409)))]
pub async fn start(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    change(&app, &caller, Change::Start, name, None).await
}

/// Stop a service of the stack.
///
/// And what requires it. It stays stopped until it is started again, also when reeve or the machine starts anew. 202: it
/// takes longer. 409: the caller is connected through it, and `force` was not given.
#[utoipa::path(post, path = "/system/services/{name}/stop", tag = "System",
    params(("name" = String, Path), ("force" = Option<bool>, Query)),
    responses((status = 200, body = SystemChange), (status = 202, body = SystemChange), (status = 409)))]
pub async fn stop(State(app): State<App>, caller: Caller, Path(name): Path<String>, query: RawQuery) -> Answer {
    change(&app, &caller, Change::Stop, name, query.0).await
}

/// Restart a service of the stack.
///
/// 202: it takes longer. 409: the caller is connected through it, and `force` was not given.
#[utoipa::path(post, path = "/system/services/{name}/restart", tag = "System",
    params(("name" = String, Path), ("force" = Option<bool>, Query)),
    responses((status = 200, body = SystemChange), (status = 202, body = SystemChange), (status = 409)))]
pub async fn restart(State(app): State<App>, caller: Caller, Path(name): Path<String>, query: RawQuery) -> Answer {
    change(&app, &caller, Change::Restart, name, query.0).await
}

async fn change(app: &App, caller: &Caller, change: Change, name: String, query: Option<String>) -> Answer {
    let force = force(query.as_deref().unwrap_or_default())?;
    let reeve = app.system.reeve()?.clone();
    let stack = asked(reeve.stack()).await?;
    let vital = Vital::of(&stack.services);
    let cuts = match change {
        Change::Start => false,
        Change::Stop => vital.for_stop(&name),
        Change::Restart => vital.for_restart(&name),
    };
    if cuts && !force {
        return Err(conflict(format!(
            "You are connected through {name}: to {} it would cut you off. With force=true it is done all the same",
            change.as_str()
        )));
    }
    let by = caller.claims.username.clone().unwrap_or_else(|| "somebody without a name".to_owned());
    tracing::info!(user_id = caller.claims.user_id, service = name, change = change.as_str(), force, "asked of reeve");
    // In a task of its own: it is done whether or not the one who asked still waits.
    let services = [name.clone()];
    let work = async move {
        let done = reeve.change(change, &services, Some(&by)).await;
        if let Err(error) = &done {
            tracing::warn!(error = crate::telemetry::chain(error), "reeve did not do it");
        }
        done
    };
    let work = tokio::spawn(work.in_current_span());
    let wait = if cuts { HEARD } else { WAIT };
    match tokio::time::timeout(wait, work).await {
        Ok(Ok(done)) => told(change, &name, done),
        Ok(Err(_)) | Err(_) => Ok(under_way(change, &name)),
    }
}

fn told(change: Change, name: &str, done: Result<Changed, ClientError>) -> Answer {
    let Changed { outcome, notes } = done.map_err(refused)?;
    let (message, outcome) = match outcome {
        Outcome::Done => {
            let done = match change {
                Change::Start => "is being started",
                Change::Stop => "is stopped",
                Change::Restart => "was restarted",
            };
            (format!("{name} {done}"), SystemOutcome::Done)
        }
        Outcome::AlreadySo => (format!("{name}: nothing to do"), SystemOutcome::AlreadySo),
        Outcome::Refused(refusal) => return Err(conflict(refusal.to_string())),
        Outcome::Failed(reason) => return Err(ApiError::message(StatusCode::INTERNAL_SERVER_ERROR, reason)),
    };
    Ok((StatusCode::OK, Json(SystemChange { message, outcome, notes })))
}

fn under_way(change: Change, name: &str) -> (StatusCode, Json<SystemChange>) {
    let message = format!("{name}: the {} is under way", change.as_str());
    (StatusCode::ACCEPTED, Json(SystemChange { message, outcome: SystemOutcome::UnderWay, notes: Vec::new() }))
}

fn conflict(text: String) -> ApiError {
    ApiError::message(StatusCode::CONFLICT, text)
}

fn force(query: &str) -> Result<bool, ApiError> {
    match in_query(query, "force").as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::message(StatusCode::BAD_REQUEST, "force must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn force_is_meant_or_not() {
        assert!(force("force=true").unwrap());
        assert!(!force("").unwrap() && !force("force=false").unwrap());
        for bad in ["force", "force=", "force=1", "force=True"] {
            assert_eq!(force(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }

    #[test]
    fn what_reeve_says_becomes_a_status() {
        let told = |outcome| {
            let answer = super::told(Change::Stop, "db", Ok(Changed { outcome, notes: Vec::new() }));
            answer.map_or_else(|error| error.status, |(status, _)| status).as_u16()
        };
        assert_eq!(told(Outcome::Done), 200);
        assert_eq!(told(Outcome::AlreadySo), 200);
        assert_eq!(told(Outcome::Failed("still there: db".to_owned())), 500);
        let refused: Outcome = serde_json::from_value(serde_json::json!({ "refused": "shutting-down" })).unwrap();
        assert_eq!(told(refused), 409);
    }
}
