//! The schedule's shell: the folder's changes and the wall clock in, executions and expiries out.
//!
//! It decides nothing: [`super::schedule`] does. It sleeps until the next occurrence, a change of the folder, the end of a
//! run, or somebody setting the clock. Where changes cannot be heard of, it looks every few seconds as the original does.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::app::App;
use super::execution;
use super::folder::Stored;
use super::schedule::{Grid, Input, Millis, Output, Plan, Schedule, end_of};
use crate::platform::wall_timer::{WallTimer, Woken};
use crate::telemetry::wall_clock;

/// Between two looks at a folder whose changes cannot be heard of: the original's tick.
const RESCAN: Duration = Duration::from_secs(3);

/// Between two looks at a folder that changes all the time.
const SETTLE: Duration = Duration::from_millis(10);

/// Runs that are over and wait to be told of. More only wait with telling.
const FINISHED: usize = 1024;

struct Scheduler {
    app: App,
    schedule: Schedule,
    /// The file that held each planned task when it was last read.
    files: HashMap<String, OsString>,
    finished: mpsc::Sender<String>,
    watcher: Option<RecommendedWatcher>,
    /// The folder that is watched: a new one of that name is another folder.
    watched: Option<Identity>,
    /// The watched folder itself was removed or renamed.
    is_lost: Arc<AtomicBool>,
}

/// Until the stop.
pub async fn run(app: App, timer: WallTimer) {
    let lifecycle = app.lifecycle.clone();
    tokio::select! {
        () = turns(app, timer) => {}
        () = lifecycle.stopped() => {}
    }
}

async fn turns(app: App, timer: WallTimer) {
    let (finished, mut ends) = mpsc::channel(FINISHED);
    let changed = Arc::clone(&app.changed);
    let mut scheduler = Scheduler {
        app,
        schedule: Schedule::default(),
        files: HashMap::new(),
        finished,
        watcher: None,
        watched: None,
        is_lost: Arc::default(),
    };
    scheduler.watch();
    scheduler.look().await;
    let mut looked = Instant::now();
    let mut is_stale = false;
    loop {
        let deadline = scheduler.schedule.next_deadline();
        let due = async {
            match deadline {
                Some(deadline) => timer.wait_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let has_watch = scheduler.watcher.is_some();
        tokio::select! {
            woken = due => {
                let input = match woken {
                    Ok(Woken::Due) => Input::Woken,
                    Ok(Woken::ClockSet) => Input::ClockSet,
                    Err(error) => {
                        tracing::error!(%error, "the timer failed; looks at the clock again soon");
                        tokio::time::sleep(SETTLE).await;
                        Input::Woken
                    }
                };
                scheduler.step(input);
            }
            Some(id) = ends.recv() => scheduler.step(Input::Finished(id)),
            () = changed.notified(), if !is_stale => is_stale = true,
            () = tokio::time::sleep_until(looked + SETTLE), if is_stale => {
                is_stale = false;
                scheduler.look().await;
                looked = Instant::now();
            }
            () = tokio::time::sleep_until(looked + RESCAN), if !has_watch => {
                scheduler.watch();
                scheduler.look().await;
                looked = Instant::now();
            }
        }
    }
}

/// Whether the folder itself was removed or renamed.
fn is_of_itself(event: &notify::Event, root: &Path) -> bool {
    let is_end = event.kind.is_remove() || matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
    is_end && event.paths.iter().any(|path| path == root)
}

/// Device, inode and birth: numbers of inodes are used again at once.
type Identity = (u64, u64, Option<SystemTime>);

fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino(), metadata.created().ok()))
}

fn now() -> Millis {
    wall_clock().as_millisecond()
}

impl Scheduler {
    /// Hears of changes from now on, if the system can tell them.
    fn watch(&mut self) {
        let changed = Arc::clone(&self.app.changed);
        // One of its own: what the watch before still tells is not about this one.
        self.is_lost = Arc::default();
        let is_lost = Arc::clone(&self.is_lost);
        let path = self.app.folder.path();
        // Events name it from the root on.
        let root = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let told = move |event: notify::Result<notify::Event>| {
            if event.as_ref().is_ok_and(|event| is_of_itself(event, &root)) {
                is_lost.store(true, Ordering::Relaxed);
            }
            // Whatever it is, also a lost event: a look tells.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                changed.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(told)
            .and_then(|mut watcher| watcher.watch(path, RecursiveMode::NonRecursive).map(|()| watcher));
        match watcher {
            Ok(watcher) => {
                self.watched = identity(path);
                self.watcher = Some(watcher);
            }
            Err(error) => {
                tracing::debug!(%error, "changes of the folder of tasks cannot be heard of, looks every few seconds");
                self.watcher = None;
            }
        }
    }

    /// Reads the folder and plans anew.
    async fn look(&mut self) {
        let mut stored = self.app.on_folder(|folder| folder.read()).await;
        // Whoever replaces the folder itself takes the watch with it, and what came meanwhile was not heard of.
        let is_lost = self.is_lost.load(Ordering::Relaxed) || self.watched != identity(self.app.folder.path());
        if self.watcher.is_some() && is_lost {
            self.watch();
            stored = self.app.on_folder(|folder| folder.read()).await;
        }
        // That it cannot be read was said.
        let Ok(stored) = stored else { return };
        self.files.clear();
        let mut plans = Vec::new();
        for stored in &stored {
            let Some(plan) = self.plan(stored) else { continue };
            if !self.files.contains_key(&plan.id) {
                self.files.insert(plan.id.clone(), stored.file.clone());
                plans.push(plan);
            }
        }
        metrics::gauge!("director_tasks").set(stored.len() as f64);
        self.step(Input::Plans(plans));
        metrics::gauge!("director_tasks_running").set(self.schedule.len() as f64);
    }

    /// Only of tasks that run.
    fn plan(&self, stored: &Stored) -> Option<Plan> {
        let task = &stored.task;
        if !task.is_running() {
            return None;
        }
        let zone = &self.app.zone;
        Some(Plan {
            id: task.id()?,
            grid: Grid::of(task, zone),
            end: end_of(task, zone),
            may_overlap: task.may_overlap(self.app.settings.may_overlap),
        })
    }

    fn step(&mut self, input: Input) {
        for output in self.schedule.step(now(), input) {
            self.act(output);
        }
    }

    fn act(&self, output: Output) {
        match output {
            Output::Fire { id, at } => self.fire(id, at),
            Output::Overlaps { id, at } => {
                metrics::counter!("director_occurrences_total", "outcome" => "overlaps").increment(1);
                tracing::warn!(task = id, at, "not run: the run before is still going on");
            }
            Output::Missed { id, count } => {
                metrics::counter!("director_occurrences_total", "outcome" => "missed").increment(count);
                tracing::warn!(task = id, count, "occurrences were missed and are not caught up");
            }
            Output::Expire { id } => {
                tracing::info!(task = id, "its end has passed, the task is removed");
                tokio::spawn(expire(self.app.clone(), id));
            }
            Output::Never { id, why } => tracing::warn!(task = id, reason = %why, "this task will never be due"),
        }
    }

    fn fire(&self, id: String, at: Millis) {
        let delay = wall_clock().as_microsecond() - at * 1000;
        metrics::counter!("director_occurrences_total", "outcome" => "fired").increment(1);
        metrics::histogram!("director_firing_delay_seconds").record(delay.max(0) as f64 / 1e6);
        tracing::debug!(task = id, at, delay_us = delay, "fires");
        let end = End { id: Some(id.clone()), to: self.finished.clone() };
        let file = self.files.get(&id).cloned().unwrap_or_default();
        let app = self.app.clone();
        tokio::spawn(async move {
            let outcome = execution::scheduled(&app, file, &id, at).await;
            tracing::trace!(task = id, ?outcome, "over");
            end.tell().await;
        });
    }
}

/// Tells that a run is over, also when it panicked.
struct End {
    id: Option<String>,
    to: mpsc::Sender<String>,
}

impl End {
    async fn tell(mut self) {
        if let Some(id) = self.id.take() {
            // Closed when the scheduler has stopped.
            let _ = self.to.send(id).await;
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(id) = self.id.take()
            && self.to.try_send(id).is_err()
        {
            tracing::debug!("the end of a run was not told");
        }
    }
}

/// Removes the task, if it still runs and its end has still passed.
async fn expire(app: App, id: String) {
    let zone = app.zone.clone();
    let name = id.clone();
    let removed = app.on_folder(move |folder| {
        folder.remove(&name, |task| task.is_running() && end_of(task, &zone).is_some_and(|end| now() > end))
    });
    match removed.await {
        Ok(_) => app.changed.notify_one(),
        Err(fault) => tracing::error!(task = id, error = fault.message, "an expired task could not be removed"),
    }
}
