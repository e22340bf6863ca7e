//! `exec`: a program that runs to exit code 0.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::Cause;
use super::runner::CommandLine;
use super::steps::Context;
use crate::spec::Template;

/// The command line, rendered, in the service's environment with additions.
pub(super) fn command_line(
    context: &Context<'_>,
    command: &[Template],
    env: &BTreeMap<String, Template>,
    stdin: Option<&Template>,
) -> Result<CommandLine, Cause> {
    let mut words = command.iter().map(|word| context.render(word)).collect::<Result<Vec<_>, _>>()?.into_iter();
    let program = words.next().ok_or(Cause::NoCommand)?;
    let mut whole = context.env.clone();
    for (name, value) in env {
        whole.insert(name.clone(), context.render(value)?);
    }
    Ok(CommandLine {
        program,
        args: words.collect(),
        env: whole,
        cwd: Some(context.cwd.to_owned()),
        stdin: stdin.map(|text| context.render(text)).transpose()?.map(String::into_bytes),
    })
}

pub(super) async fn run(
    context: &Context<'_>,
    command: &[Template],
    env: &BTreeMap<String, Template>,
    stdin: Option<&Template>,
    limit: Duration,
) -> Result<(), Cause> {
    let line = command_line(context, command, env, stdin)?;
    let program = line.program.clone();
    let spawned = context.runner.spawn(line).await;
    let mut process = spawned.map_err(|source| Cause::Spawn { program: program.clone(), source })?;
    let ended = tokio::time::timeout(limit, process.wait()).await;
    // Also after a good end: what it left behind in its tree must not outlive the step.
    process.kill().await;
    let output = context.redacted(tail(&process.output()));
    match ended {
        Err(_) => Err(Cause::Timeout { limit, last: output }),
        Ok(Err(source)) => Err(Cause::Spawn { program, source }),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(Cause::Exit { program, status: status.to_string(), output }),
    }
}

/// The last lines say why; a whole page of them does not help.
const TAIL_BYTES: usize = 1024;

fn tail(output: &str) -> &str {
    let output = output.trim_end();
    let mut start = output.len().saturating_sub(TAIL_BYTES);
    while !output.is_char_boundary(start) {
        start += 1;
    }
    &output[start..]
}
