//! One arm for each kind of step.

use std::path::PathBuf;

use super::error::Cause;
use super::steps::Context;
use super::{copy, exec, http, mongo, sql};
use crate::spec::StepAction;

pub(super) async fn run(context: &Context<'_>, action: &StepAction) -> Result<(), Cause> {
    match action {
        StepAction::Exec { command, env, stdin } => {
            exec::run(context, command, env, stdin.as_ref(), std::time::Duration::MAX).await
        }
        StepAction::Sql { url, statements } => {
            sql::run(context, &context.render(url)?, context.render(statements)?).await
        }
        StepAction::SqlDir { url, dir } => {
            let url = context.render(url)?;
            for (_, statements) in sql::files(&PathBuf::from(context.render(dir)?))? {
                sql::run(context, &url, statements).await?;
            }
            Ok(())
        }
        StepAction::Mongo { url, database, command } => {
            mongo::run(context, &context.render(url)?, &context.render(database)?, &context.render(command)?).await
        }
        StepAction::Http { method, url, headers, body, status } => {
            let headers = headers
                .iter()
                .map(|(name, value)| Ok((name.as_str(), context.render(value)?)))
                .collect::<Result<Vec<_>, Cause>>()?;
            let body = body.as_ref().map(|body| context.render(body)).transpose()?;
            http::run(context, method, &context.render(url)?, &headers, body, *status).await
        }
        StepAction::Copy { from, to } => {
            let (from, to) = (PathBuf::from(context.render(from)?), PathBuf::from(context.render(to)?));
            let owner = context.owner;
            blocking(move || copy::copy_missing(&from, &to, owner)).await
        }
        StepAction::Render { content, to, mode } => {
            let (content, to) = (context.render(content)?, PathBuf::from(context.render(to)?));
            let (mode, owner) = (*mode, context.owner);
            blocking(move || copy::write_missing(&to, &content, mode, owner)).await
        }
    }
}

async fn blocking(work: impl FnOnce() -> Result<(), Cause> + Send + 'static) -> Result<(), Cause> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Cause::Abandoned))
}
