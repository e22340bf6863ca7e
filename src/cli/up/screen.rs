//! What a foreground `up` shows: the live table, then addresses, then the services' output, and at the end whom it waits
//! for. All of it in a thread of its own: a terminal that takes nothing more holds up this thread and nobody else. Lines
//! that it is too slow for are left out and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::live::{Live, REDRAW, rest};
use super::progress::{Progress, addresses, progress, unready};
use crate::cli::args::Up;
use crate::cli::lines::Painter;
use crate::cli::output::Output;
use crate::control::show::stack_of;
use crate::control::wire::{Service, Stack};
use crate::engine::{Command, Phase};
use crate::supervisor::handle::SupervisorHandle;
use crate::supervisor::output::Subscription;

/// For the last words after the stack has ended; a stuck terminal is not waited for longer.
const FAREWELL: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Screen {
    done: Receiver<()>,
    gave_up: Arc<AtomicBool>,
}

impl Screen {
    /// `None`: no thread could be had; the stack runs without a picture.
    pub fn start(handle: SupervisorHandle, lines: Subscription, up: Up, output: Output) -> Option<Self> {
        let gave_up = Arc::new(AtomicBool::new(false));
        let (end, done) = mpsc::channel::<()>();
        let show = Show { handle, lines, up, output, gave_up: gave_up.clone() };
        let spawned = std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            let _end = end;
            match tokio::runtime::Builder::new_current_thread().enable_time().build() {
                Ok(runtime) => runtime.block_on(show.run()),
                Err(error) => tracing::warn!(%error, "nothing can be shown"),
            }
        });
        match spawned {
            Ok(_) => Some(Self { done, gave_up }),
            Err(error) => {
                tracing::warn!(%error, "nothing can be shown");
                None
            }
        }
    }

    /// Lets it say its last words. Whether it ended the stack because the start took too long.
    pub fn finish(self) -> bool {
        // Ends by the drop of the sender or by the time: nothing is ever sent.
        let _ = self.done.recv_timeout(FAREWELL);
        self.gave_up.load(Ordering::Acquire)
    }
}

struct Show {
    handle: SupervisorHandle,
    lines: Subscription,
    up: Up,
    output: Output,
    gave_up: Arc<AtomicBool>,
}

impl Show {
    async fn run(mut self) {
        let output = self.output;
        if self.starting().await {
            self.following().await;
        }
        output.say("stopped");
    }

    /// The table until everything is ready. `false`: the stack has ended.
    async fn starting(&mut self) -> bool {
        let mut live = Live::new(self.output);
        let began = Instant::now();
        loop {
            let looked = Instant::now();
            let view = self.handle.snapshot();
            let stack = stack_of(&view);
            live.show(&stack, Duration::ZERO);
            if stack.shutting_down {
                live.finish();
                return true;
            }
            match progress(&stack, &self.up.services) {
                Progress::Done { missing } => {
                    live.finish();
                    for line in missing {
                        self.output.warn(&format!("not available: {line}"));
                    }
                    for line in addresses(&stack) {
                        self.output.say(&line);
                    }
                    self.skip_the_past();
                    return true;
                }
                Progress::Failed(lines) => {
                    live.finish();
                    for line in lines {
                        self.output.warn(&format!("failed: {line}"));
                    }
                    self.output.warn("the rest goes on; reeve why SERVICE tells more");
                    self.skip_the_past();
                    return true;
                }
                Progress::Under if self.up.wait && began.elapsed() > self.up.timeout => {
                    live.finish();
                    self.give_up(&stack);
                    return true;
                }
                Progress::Under => {}
            }
            tokio::time::sleep(rest(looked.elapsed())).await;
            tokio::select! {
                changed = self.handle.changed() => if changed.is_err() { return false },
                () = tokio::time::sleep(REDRAW) => {}
            }
        }
    }

    /// What the services wrote while they started would push the addresses off the screen; the logs have it.
    fn skip_the_past(&mut self) {
        while self.lines.try_recv().is_some() {}
        self.output
            .say("what the services write from now on follows; reeve logs shows all of it; Ctrl-C stops the stack");
    }

    fn give_up(&self, stack: &Stack) {
        self.output.warn(&format!("not ready after {}:", crate::supervisor::why::span(self.up.timeout)));
        for line in unready(stack, &self.up.services) {
            self.output.warn(&format!("  {line}"));
        }
        self.gave_up.store(true, Ordering::Release);
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.request(Command::Shutdown { now: false }).await });
    }

    /// The services' lines, and once it stops, whom it waits for.
    async fn following(&mut self) {
        let view = self.handle.snapshot();
        let painter = Painter::new(view.snapshot.services.iter().map(|service| service.name.as_str()), true);
        let mut waited_for = Vec::new();
        let mut said_order = false;
        let mut is_read = true;
        loop {
            tokio::select! {
                line = self.lines.recv() => match line {
                    Some(line) if !self.output.quiet => {
                        // Nobody may read any more; the stack runs on, and how it ends is told on the other stream.
                        is_read = is_read && self.output.data(&painter.text(&line)).is_ok();
                    }
                    Some(_) => {}
                    None => return,
                },
                changed = self.handle.changed() => {
                    let Ok(view) = changed else { return };
                    if view.snapshot.shutting_down {
                        let stack = stack_of(&view);
                        if !said_order {
                            said_order = true;
                            self.output.say("stopping in order; once more to kill");
                        }
                        let waiting = waiting_for(&stack.services);
                        if waiting != waited_for && !waiting.is_empty() {
                            self.output.say(&format!("waits for {}", waiting.join(", ")));
                        }
                        waited_for = waiting;
                    }
                }
            }
        }
    }
}

/// Services whose processes are not gone yet.
pub fn waiting_for(services: &[Service]) -> Vec<String> {
    let gone = |service: &&Service| {
        !matches!(
            service.phase,
            Phase::Stopped | Phase::Completed | Phase::Failed | Phase::Skipped | Phase::Waiting | Phase::Backoff
        )
    };
    services.iter().filter(gone).map(|service| service.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::render::tests::service;
    use super::*;

    #[test]
    fn only_what_still_runs_is_waited_for() {
        let services = [service("a", Phase::Stopped), service("b", Phase::Stopping), service("c", Phase::Ready)];
        assert_eq!(waiting_for(&services), ["b", "c"]);
    }
}
