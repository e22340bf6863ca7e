//! Runs steps in order and records each right after it is done.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::action;
use super::error::{Cause, StepError};
use super::runner::Runner;
use crate::spec::{BootstrapStep, Facts, StepAction, Template};
use crate::volumes::{Owner, StepRecord};

/// Pause before a step is tried again while its server is coming up.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// What steps of one service are run with.
pub struct Context<'a> {
    pub service: &'a str,
    pub facts: &'a (dyn Facts + Send + Sync),
    /// The service's own environment, rendered.
    pub env: &'a BTreeMap<String, String>,
    pub cwd: &'a Path,
    /// Who gets the files that steps make.
    pub owner: Option<Owner>,
    pub runner: &'a dyn Runner,
    /// Blots out secrets.
    pub redact: &'a (dyn Fn(&str) -> String + Send + Sync),
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Context").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Context<'_> {
    pub(super) fn render(&self, template: &Template) -> Result<String, Cause> {
        template.render(self.facts).map_err(Cause::Render)
    }

    pub(super) fn redacted(&self, text: impl std::fmt::Display) -> String {
        (self.redact)(&text.to_string())
    }
}

/// Runs the steps that are not recorded as done, and those marked `always`. Stops at the first that fails.
pub async fn run_steps(
    context: &Context<'_>,
    steps: &[BootstrapStep],
    record: &Arc<dyn StepRecord>,
) -> Result<(), StepError> {
    for step in steps {
        let failed = |cause| StepError { service: context.service.to_owned(), step: step.name.clone(), cause };
        if let StepAction::SqlDir { url, dir } = &step.action {
            run_sql_dir(context, step, url, dir, record).await.map_err(failed)?;
            continue;
        }
        let sha256 = content_hash(&step.action);
        if !step.always && record.is_done(&step.name, &sha256) {
            continue;
        }
        run_one(context, &step.action, step.timeout).await.map_err(failed)?;
        remember(record, &step.name, &sha256).await.map_err(failed)?;
    }
    Ok(())
}

/// Each file is a step of its own, so that a new file, or a changed one, is run and the others are not.
async fn run_sql_dir(
    context: &Context<'_>,
    step: &BootstrapStep,
    url: &Template,
    dir: &Template,
    record: &Arc<dyn StepRecord>,
) -> Result<(), Cause> {
    for (file, statements) in super::sql::files(Path::new(&context.render(dir)?))? {
        let name = format!("{}/{file}", step.name);
        let sha256 = hex(&Sha256::digest(&statements));
        if !step.always && record.is_done(&name, &sha256) {
            continue;
        }
        let action = StepAction::Sql { url: url.clone(), statements: Template::literal(statements) };
        run_one(context, &action, step.timeout).await?;
        remember(record, &name, &sha256).await?;
    }
    Ok(())
}

async fn run_one(context: &Context<'_>, action: &StepAction, limit: Duration) -> Result<(), Cause> {
    let deadline = Instant::now() + limit;
    let mut last = String::new();
    loop {
        let outcome = match action {
            // Ends its process in order when the time is up, instead of being dropped.
            StepAction::Exec { command, env, stdin } => {
                return super::exec::run(context, command, env, stdin.as_ref(), limit).await;
            }
            other => timeout_at(deadline, action::run(context, other)).await,
        };
        match outcome {
            Ok(Err(cause)) if cause.is_coming_up() && Instant::now() + RETRY_PAUSE < deadline => {
                last = cause.to_string();
                sleep_until(Instant::now() + RETRY_PAUSE).await;
            }
            Ok(result) => return result,
            Err(_) => return Err(Cause::Timeout { limit, last }),
        }
    }
}

async fn remember(record: &Arc<dyn StepRecord>, step: &str, sha256: &str) -> Result<(), Cause> {
    let (record, step, sha256) = (record.clone(), step.to_owned(), sha256.to_owned());
    match tokio::task::spawn_blocking(move || record.done(&step, &sha256)).await {
        Ok(done) => done.map_err(|error| Cause::Record(Box::new(error))),
        Err(_) => Err(Cause::Abandoned),
    }
}

/// Hash of the step as it stands in the file: names of secrets, not their values, are part of it.
pub(super) fn content_hash(action: &StepAction) -> String {
    // The value of a plain enum of texts and numbers always has a JSON form; its debug form would do as well.
    let text = serde_json::to_string(action).unwrap_or_else(|_| format!("{action:?}"));
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
