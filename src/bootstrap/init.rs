//! Fills a fresh volume: steps, then a temporary server with steps of its own, which is stopped in order.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::error::{Cause, StepError};
use super::runner::Process;
use super::steps::{Context, run_steps};
use super::{exec, ready};
use crate::spec::service::InitServer;
use crate::spec::{Facts, InitSpec};
use crate::volumes::{FreshVolume, Retry};

/// Pause between two questions whether the temporary server is ready.
const READY_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("a step of the first start failed")]
    Step(#[source] StepError),
    #[error("the temporary server of {service} cannot be started")]
    Start {
        service: String,
        #[source]
        cause: Cause,
    },
    #[error("the temporary server of {service} did not become ready")]
    Ready {
        service: String,
        #[source]
        cause: Cause,
    },
    #[error("the temporary server of {service} did not end well")]
    Stop {
        service: String,
        #[source]
        cause: Cause,
    },
}

impl InitError {
    pub fn retry(&self) -> Retry {
        match self {
            InitError::Step(step) => step.retry(),
            InitError::Start { .. } | InitError::Ready { .. } | InitError::Stop { .. } => Retry::Lasting,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            InitError::Step(step) => step.hint(),
            InitError::Start { service, .. } | InitError::Ready { service, .. } | InitError::Stop { service, .. } => {
                Some(format!(
                    "see `reeve logs {service}`; nothing of the unfinished volume is kept, the next start begins anew"
                ))
            }
        }
    }
}

/// Runs the init of a service in the side directory; `${self.volume.ROLE}` is that directory meanwhile. When it returns,
/// well or not, nothing that it started runs any more.
pub async fn run_init(context: &Context<'_>, init: &InitSpec, fresh: &FreshVolume) -> Result<(), InitError> {
    let facts = SideFacts {
        name: format!("self.volume.{}", init.volume),
        dir: fresh.dir().to_string_lossy().into_owned(),
        rest: context.facts,
    };
    let context = Context {
        facts: &facts,
        service: context.service,
        env: context.env,
        cwd: context.cwd,
        owner: context.owner,
        runner: context.runner,
        redact: context.redact,
    };
    let record = fresh.record();
    run_steps(&context, &init.steps, &record).await.map_err(InitError::Step)?;
    let Some(server) = &init.server else { return Ok(()) };

    let service = || context.service.to_owned();
    let start = |cause| InitError::Start { service: service(), cause };
    let line = exec::command_line(&context, &server.command, &BTreeMap::new(), None).map_err(start)?;
    let program = line.program.clone();
    let spawned = context.runner.spawn(line).await;
    let mut process = spawned.map_err(|source| start(Cause::Spawn { program: program.clone(), source }))?;

    let outcome = match become_ready(&context, server, process.as_mut(), &program).await {
        Ok(()) => run_steps(&context, &server.steps, &record).await.map_err(InitError::Step),
        Err(cause) => Err(InitError::Ready { service: service(), cause }),
    };
    let stopped = stop(&context, server, process.as_mut(), &program).await;
    process.kill().await;
    outcome?;
    stopped.map_err(|cause| InitError::Stop { service: service(), cause })
}

async fn become_ready(
    context: &Context<'_>,
    server: &InitServer,
    process: &mut dyn Process,
    program: &str,
) -> Result<(), Cause> {
    let limit = server.ready_timeout;
    let deadline = Instant::now() + limit;
    let mut last = String::new();
    loop {
        let asked = async {
            tokio::select! {
                biased;
                ended = process.wait() => Err(ended),
                answer = ready::answers(context, &server.ready) => Ok(answer),
            }
        };
        match timeout_at(deadline, asked).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(cause))) if cause.is_coming_up() => last = cause.to_string(),
            Ok(Ok(Err(cause))) => return Err(cause),
            Ok(Err(Ok(status))) => {
                process.kill().await;
                let (program, output) = (program.to_owned(), context.redacted(process.output()));
                return Err(Cause::Exit { program, status: status.to_string(), output });
            }
            Ok(Err(Err(source))) => return Err(Cause::Spawn { program: program.to_owned(), source }),
            Err(_) => return Err(Cause::Timeout { limit, last }),
        }
        sleep_until(Instant::now() + READY_PAUSE).await;
    }
}

/// A server that had to be killed, or failed while stopping, may not have written everything: that is a failed init.
async fn stop(
    context: &Context<'_>,
    server: &InitServer,
    process: &mut dyn Process,
    program: &str,
) -> Result<(), Cause> {
    let program = || program.to_owned();
    process
        .signal(server.stop.signal, server.stop.scope)
        .map_err(|source| Cause::Spawn { program: program(), source })?;
    match timeout(server.stop.grace, process.wait()).await {
        Err(_) => Err(Cause::Timeout { limit: server.stop.grace, last: String::new() }),
        Ok(Err(source)) => Err(Cause::Spawn { program: program(), source }),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => {
            process.kill().await;
            let output = context.redacted(process.output());
            Err(Cause::Exit { program: program(), status: status.to_string(), output })
        }
    }
}

/// The facts, with the volume at its side directory.
struct SideFacts<'a> {
    name: String,
    dir: String,
    rest: &'a (dyn Facts + Send + Sync),
}

impl Facts for SideFacts<'_> {
    fn fact(&self, name: &str) -> Option<String> {
        if name == self.name { Some(self.dir.clone()) } else { self.rest.fact(name) }
    }
}
