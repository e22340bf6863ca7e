//! `reeve down`: everything is stopped in order, also what a killed reeve left; with `--volumes` the data goes, too.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::args::{Down, Global};
use super::exit::Exit;
use super::failure::{Failure, Result, outcome};
use super::output::{self, Output};
use super::place::Place;
use super::stack::{Stack, open_stack};
use super::supervise::cannot_start;
use super::up::waiting_for;
use crate::control::client::{Client, ClientError};
use crate::supervisor::Idle;
use crate::supervisor::layout::Layout;
use crate::volumes;

/// So often it is looked whom the stop still waits for.
const LOOK: Duration = Duration::from_millis(500);

pub fn run(args: &Down, global: &Global, output: Output) -> Result {
    let place = Place::find(global)?;
    // Asked before anything is stopped: whoever says no has changed nothing.
    let stack = args.volumes.then(|| open_stack(global, output)).transpose()?;
    if let Some(stack) = &stack
        && !args.yes
    {
        confirm(&stack.data_dir)?;
    }
    super::block_on(async {
        let running = Client::running(&place.data_dir).await?;
        let was_running = running.is_some();
        if let Some((client, _)) = running {
            stop(&client, args.timeout, output).await?;
            if stack.is_none() {
                return Ok(Exit::Done);
            }
        }
        let idle = Idle::take(Layout::new(&place.data_dir)).await.map_err(cannot_start)?;
        if !was_running {
            clear(idle.as_ref(), &place.data_dir, output).await?;
        }
        match stack {
            Some(stack) => remove(&stack, idle, output),
            None => Ok(Exit::Done),
        }
    })
}

/// No reeve runs; a killed one may have left something.
async fn clear(idle: Option<&Idle>, data_dir: &Path, output: Output) -> Result<()> {
    let found = AtomicBool::new(false);
    if let Some(idle) = idle {
        let say = |line: &str| {
            found.store(true, Ordering::Relaxed);
            output.say(line);
        };
        idle.clear(&say).await.map_err(cannot_start)?;
    }
    if found.into_inner() {
        output.say("stopped");
    } else {
        output.say(&format!("nothing runs for {}", data_dir.display()));
    }
    Ok(())
}

/// The volumes that are proved to be ours, and if nothing had to stay, whatever else is ours in the data directory.
fn remove(stack: &Stack, idle: Option<Idle>, output: Output) -> Result {
    let own_paths = stack.spec.volumes.values().filter_map(|volume| Some(stack.spec.dir.join(volume.path.as_ref()?)));
    let own_paths = own_paths.filter(|path| path.exists()).collect::<Vec<_>>();
    let removal = volumes::remove_all(&stack.data_dir, &own_paths, &stack.spec.name)?;
    for path in &removal.removed {
        output.say(&format!("removed {}", path.display()));
    }
    for kept in &removal.kept {
        output.warn(&format!("kept {}: {}", kept.path.display(), kept.why));
    }
    if !removal.kept.is_empty() {
        output.warn("logs, state and secrets are kept, too: what stays may need them");
        return Ok(Exit::Partly);
    }
    let rest = idle.map_or_else(|| Ok(Vec::new()), Idle::remove_rest);
    let rest = rest.map_err(|(path, error)| {
        anyhow::Error::new(error).context(format!("the volumes are gone, but {} cannot be removed", path.display()))
    })?;
    if !rest.is_empty() {
        output.say(&format!("removed logs, state and secrets in {}", stack.data_dir.display()));
    }
    Ok(Exit::Done)
}

fn confirm(data_dir: &Path) -> Result<()> {
    if !output::stdin_is_terminal() {
        return Err(Failure::message(
            Exit::Refused,
            "deleting volumes must be confirmed, and nobody can be asked here",
        )
        .hint("--yes deletes without asking"));
    }
    let question = format!("Delete the volumes in {} with all their data? Type yes:", data_dir.display());
    let answer =
        output::ask(&question).map_err(|error| anyhow::Error::new(error).context("cannot ask"))?.unwrap_or_default();
    match answer.as_str() {
        "yes" => Ok(()),
        _ => Err(Failure::message(Exit::Refused, "nothing was stopped or deleted")),
    }
}

/// Asks for the shutdown and tells whom it waits for until the answer is there.
async fn stop(client: &Client, timeout: Option<Duration>, output: Output) -> Result<()> {
    let shutdown = client.shutdown(false);
    tokio::pin!(shutdown);
    let began = std::time::Instant::now();
    let mut waited_for = Vec::new();
    let mut killed = false;
    let answer = loop {
        tokio::select! {
            answer = &mut shutdown => break answer,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Ok(stack) = client.stack().await {
            let waiting = waiting_for(&stack.services);
            if waiting != waited_for && !waiting.is_empty() {
                output.say(&format!("waits for {}", waiting.join(", ")));
            }
            waited_for = waiting;
        }
        if !killed && timeout.is_some_and(|timeout| began.elapsed() >= timeout) {
            killed = true;
            output.warn("the time is over: what is left is killed");
            client.shutdown(true).await?;
        }
    };
    match answer {
        Ok(changed) => {
            for note in &changed.notes {
                output.warn(note);
            }
            outcome(&changed.outcome)?;
        }
        // It may end faster than it answers.
        Err(ClientError::Send { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    gone(client).await?;
    output.say("stopped");
    Ok(())
}

/// The answer says that the services are gone; the process itself needs a moment more.
async fn gone(client: &Client) -> Result<()> {
    for _ in 0..500 {
        if tokio::net::UnixStream::connect(client.path()).await.is_err() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Failure::message(Exit::NotReady, "the services are stopped but reeve itself does not end"))
}
