//! Bootstrap steps and stop hooks of a live run.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::assembly::Assembly;
use super::exec::{ProbeRunner, ServiceRunner};
use super::facts::ServiceFacts;
use super::prepare::{Prepared, kind, render_all};
use super::probe::ExecRunner;
use crate::bootstrap;
use crate::engine::effect::Hook;
use crate::engine::{Failure, FailureKind, RunId};
use crate::spec::ServiceId;

/// Runs the steps that are not recorded as done.
pub async fn bootstrap(
    assembly: &Arc<Assembly>,
    service: ServiceId,
    run: RunId,
    prepared: &Prepared,
    cancelled: oneshot::Receiver<()>,
) -> Result<(), Failure> {
    let spec = assembly.stack.service(service);
    let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &prepared.run_dir };
    let runner = ServiceRunner::new(Arc::clone(assembly), spec.name.clone(), run, "step", prepared.credentials.clone());
    let redact = |text: &str| assembly.facts.secrets.redact(text);
    let context = bootstrap::Context {
        service: &spec.name,
        facts: &facts,
        env: &prepared.env,
        cwd: &prepared.cwd,
        owner: prepared.owner,
        runner: &runner,
        redact: &redact,
    };
    tokio::select! {
        result = bootstrap::run_steps(&context, &spec.bootstrap, &prepared.record) => {
            result.map_err(|error| Failure {
                kind: kind(error.retry()),
                message: redact(&crate::telemetry::chain(&error)),
                hint: error.hint(),
            })
        }
        _ = cancelled => Err(called_off("the bootstrap")),
    }
}

/// Runs a hook to its end, or to its timeout.
pub async fn hook(
    assembly: &Arc<Assembly>,
    service: ServiceId,
    run: RunId,
    prepared: &Arc<Prepared>,
    hook: Hook,
    cancelled: oneshot::Receiver<()>,
) -> Result<(), Failure> {
    let spec = assembly.stack.service(service);
    let (name, declared) = match hook {
        Hook::PreStop => ("pre_stop", &spec.pre_stop),
        Hook::PostStop => ("post_stop", &spec.post_stop),
    };
    let Some(declared) = declared else { return Ok(()) };
    let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &prepared.run_dir };
    let command = render_all(&declared.command, &facts)?;
    let runner = ProbeRunner::new(Arc::clone(assembly), spec.name.clone(), run, Arc::clone(prepared));
    let failed = |message: String| Failure {
        kind: FailureKind::Transient,
        message: format!("{name} of {}: {}", spec.name, assembly.facts.secrets.redact(&message)),
        hint: None,
    };
    let done = tokio::select! {
        done = runner.run(&command, declared.timeout) => done.map_err(failed)?,
        _ = cancelled => return Err(called_off(name)),
    };
    match done.exit {
        Some(crate::engine::Exit::Code(0)) => Ok(()),
        Some(exit) => Err(failed(format!("{exit}: {}", String::from_utf8_lossy(&done.output).trim()))),
        None => Err(failed(format!("killed after {:?}", declared.timeout))),
    }
}

fn called_off(what: &str) -> Failure {
    Failure { kind: FailureKind::Transient, message: format!("{what} was called off"), hint: None }
}
