//! `up -d`: a copy of ourselves in a session of its own, watched through the control socket until everything is ready.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::live::{Live, REDRAW, rest};
use super::progress::{Progress, addresses, progress, unready};
use crate::cli::args::{Global, Up};
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Result, outcome};
use crate::cli::output::Output;
use crate::cli::stack::{self, bring_parts};
use crate::control::client::{Client, ClientError, KNOCK};
use crate::control::wire::StackQuery;
use crate::supervisor::layout::Layout;
use crate::supervisor::make_directories;
use crate::supervisor::why::span;

/// Parts may have to be fetched and processes cleared before the socket is there; the copy's own end is noticed at once.
const ANSWER: Duration = Duration::from_secs(600);

/// Starts the copy and watches it.
pub fn start(stack: &stack::Stack, up: &Up, global: &Global, output: Output) -> Result {
    let layout = Layout::new(&stack.data_dir);
    make_directories(&layout).map_err(anyhow::Error::new)?;
    bring_parts(stack, up.offline, output)?;
    let log = layout.own_log();
    let mut copy = spawn(stack, up, global, &log)?;
    crate::cli::block_on(async {
        let client = first_answer(&mut copy, &stack.data_dir, &log).await?;
        watch_start(&client, &up.services, up.timeout, output).await
    })
}

/// A daemon is there: it starts what is missing.
pub fn join(client: &Client, pid: u32, up: &Up, output: Output) -> Result {
    crate::cli::block_on(async {
        let before = client.stack().await?;
        let is_whole = matches!(progress(&before, &up.services), Progress::Done { .. });
        outcome(&client.start(&up.services).await?.outcome)?;
        let after = client.stack_with(StackQuery { stale: true, ..StackQuery::default() }).await?;
        for line in &after.outdated {
            output.warn(line);
        }
        // What was started anew has another run. What cannot be had is tried again, and told below.
        let same = before
            .services
            .iter()
            .zip(&after.services)
            .all(|(before, after)| before.run == after.run || (before.has_failed() && !before.required));
        output.say(&match is_whole && same {
            true => format!("reeve (pid {pid}) runs already and everything is up: nothing was changed"),
            false => format!("reeve (pid {pid}) runs already; it starts what is missing"),
        });
        watch_start(client, &up.services, up.timeout, output).await
    })
}

fn spawn(stack: &stack::Stack, up: &Up, global: &Global, log: &Path) -> Result<Child> {
    let open = || {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(log);
        file.with_context(|| format!("cannot write {}", log.display()))
    };
    let program = std::env::current_exe().context("cannot tell where reeve itself lies")?;
    // It makes a session of its own, first thing: the terminal's end is not its end.
    let mut command = Command::new(program);
    command.arg("up").args(options(stack, up, global)).env(crate::settings::DETACHED.name, "1");
    command.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
    #[expect(clippy::disallowed_methods, reason = "the copy outlives us: it is no child of a supervisor")]
    let copy = command.spawn().context("cannot start reeve in the background")?;
    Ok(copy)
}

fn options(stack: &stack::Stack, up: &Up, global: &Global) -> Vec<std::ffi::OsString> {
    let mut options: Vec<std::ffi::OsString> =
        vec!["--file".into(), stack.file.clone().into(), "--data-dir".into(), stack.data_dir.clone().into()];
    if let Some(mode) = &global.mode {
        options.extend(["--mode".into(), mode.into()]);
    }
    if let Some(offset) = global.port_offset {
        options.extend(["--port-offset".into(), offset.to_string().into()]);
    }
    options.extend(std::iter::repeat_n("--verbose".into(), global.verbose.into()));
    if up.offline {
        options.push("--offline".into());
    }
    if up.build {
        options.push("--build".into());
    }
    if up.no_build {
        options.push("--no-build".into());
    }
    options.push("--".into());
    options.extend(up.services.iter().map(Into::into));
    options
}

/// Waits until the copy answers, or has ended without ever answering.
async fn first_answer(copy: &mut Child, data_dir: &Path, log: &Path) -> Result<Client> {
    let deadline = Instant::now() + ANSWER;
    loop {
        if let Ok(client) = Client::connect(data_dir)
            && client.stack().await.is_ok_and(|stack| stack.pid == copy.id())
        {
            return Ok(client);
        }
        if let Some(status) = copy.try_wait().context("cannot ask for the end of reeve in the background")? {
            let exit = status.code().and_then(|code| Exit::ALL.into_iter().find(|exit| i32::from(exit.code()) == code));
            let last = last_words(log);
            let failure = Failure::message(
                exit.filter(|exit| *exit != Exit::Done).unwrap_or(Exit::Failed),
                format!("reeve ended before the stack was up ({status}){last}"),
            );
            return Err(failure.hint(format!("its log is {}", log.display())));
        }
        if Instant::now() > deadline {
            return Err(Failure::message(Exit::NotReady, format!("reeve does not answer after {}", span(ANSWER))));
        }
        tokio::time::sleep(KNOCK).await;
    }
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(4096)..]).into_owned();
    let lines = text.lines().rev().take(5).collect::<Vec<_>>();
    lines.into_iter().rev().map(|line| format!("\n  {}", crate::cli::table::clean(line))).collect()
}

/// The live table until everything asked for is ready, has failed, or the time is over.
pub async fn watch_start(client: &Client, services: &[String], timeout: Duration, output: Output) -> Result {
    let mut live = Live::new(output);
    let began = Instant::now();
    let mut events = client.events(&crate::control::wire::EventsQuery { from: None, follow: true }).await?;
    loop {
        let looked = Instant::now();
        let stack = client.stack().await?;
        live.show(&stack, Duration::ZERO);
        match progress(&stack, services) {
            Progress::Done { missing } => {
                live.finish();
                for line in missing {
                    output.warn(&format!("not available: {line}"));
                }
                for line in addresses(&stack) {
                    output.say(&line);
                }
                return Ok(Exit::Done);
            }
            Progress::Failed(lines) => {
                live.finish();
                for line in lines {
                    output.warn(&format!("failed: {line}"));
                }
                return Err(Failure::message(Exit::Failed, "a required service could not be started")
                    .hint("reeve why SERVICE tells more; the rest runs on"));
            }
            Progress::Under if began.elapsed() >= timeout => {
                live.finish();
                for line in unready(&stack, services) {
                    output.warn(&format!("not ready: {line}"));
                }
                return Err(Failure::message(
                    Exit::NotReady,
                    format!("not everything is ready after {}", span(timeout)),
                )
                .hint("it goes on in the background; reeve ps shows how far it is"));
            }
            Progress::Under => {}
        }
        // What comes while we look away is seen at the next look, and that follows at once.
        let mut news = false;
        let away = async {
            while let Ok(Some(_)) = events.next().await {
                news = true;
            }
        };
        // Over early means that the stream has ended or failed; the next read tells which.
        let _ = tokio::time::timeout(rest(looked.elapsed()), away).await;
        if news {
            continue;
        }
        // An event means news at once, otherwise the table's clocks tick on.
        match tokio::time::timeout(REDRAW, events.next()).await {
            Ok(Ok(Some(_))) | Err(_) => {}
            Ok(Ok(None)) => {
                live.finish();
                return Err(ClientError::NoDaemon { data_dir: stack.data_dir }.into());
            }
            Ok(Err(error)) => return Err(error.into()),
        }
    }
}
