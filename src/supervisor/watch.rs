//! Watched services: when their files change, they are rebuilt, and once that has worked, restarted.
//!
//! Owns one task per watched service and its watches in the kernel. A rebuild that fails changes nothing: what ran before
//! runs on, and the failure is told in the log, the history, `ps` and `why`. Whether the service is restarted is for the
//! loop and the engine to decide.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::assembly::Assembly;
use super::build::{Builder, Logged, listed, of_inputs};
use super::facts::ServiceFacts;
use super::prepare::{blocking, transient};
use super::run::Message;
use crate::engine::{Failure, RunId};
use crate::spec::{PathSet, ServiceSpec, WatchSpec};

/// No change for so long: whoever saves several files is done.
const QUIET: Duration = Duration::from_millis(200);

/// Changes without an end are answered after this long all the same.
const LONGEST: Duration = Duration::from_secs(3);

/// Changes that wait to be looked at; more of them say nothing new, the files themselves are compared.
const CHANGES: usize = 64;

/// Starts a task for every service that is watched.
pub fn start(assembly: &Arc<Assembly>, outbox: &mpsc::Sender<Message>) -> Vec<AbortHandle> {
    let watched = assembly.stack.services.iter().filter_map(|service| Some((service, service.watch.clone()?)));
    watched
        .map(|(service, watch)| {
            let (assembly, outbox, run) = (Arc::clone(assembly), outbox.clone(), RunId(0));
            let workshop = Logged { assembly, service: service.id, run, outbox };
            tokio::spawn(follow(workshop, watch)).abort_handle()
        })
        .collect()
}

async fn follow(workshop: Logged, watch: WatchSpec) {
    let spec = workshop.assembly.stack.service(workshop.service);
    if let Err(failure) = follow_changes(&workshop, spec, &watch).await {
        let message = format!("{} is not watched any more: {}", spec.name, failure.message);
        workshop.assembly.sink(spec.id).note(&message);
        workshop.news("watch", message.clone(), Some(message)).await;
    }
}

async fn follow_changes(workshop: &Logged, spec: &ServiceSpec, watch: &WatchSpec) -> Result<(), Failure> {
    let dir = &workshop.assembly.stack.dir;
    let (changed, mut changes) = mpsc::channel(CHANGES);
    let mut eyes = Eyes::open(changed)?;
    // What changes before the kernel watches is seen by the comparison after it does.
    let mut seen = state(dir, &watch.paths).await?;
    loop {
        // There may be new directories; those that are watched already stay so.
        eyes = look(eyes, dir, &watch.paths).await?;
        let now = state(dir, &watch.paths).await?;
        if now != seen {
            seen = now;
            answer(workshop, spec, watch).await;
        }
        if changes.recv().await.is_none() {
            return Err(transient("the kernel tells no more changes"));
        }
        quiet(&mut changes).await;
    }
}

/// Rebuilds, and hands over what is new.
async fn answer(workshop: &Logged, spec: &ServiceSpec, watch: &WatchSpec) {
    let assembly = &workshop.assembly;
    let name = &spec.name;
    let told = format!("files of {name} have changed");
    assembly.sink(spec.id).note(&told);
    workshop.news("watch", told, None).await;
    match rebuild(workshop, spec, watch).await {
        Ok(()) => {
            assembly.builds.tell(spec.id, None);
            // Fails only when everything is over.
            let _ = workshop.outbox.send(Message::Rebuilt { service: spec.id }).await;
        }
        Err(failure) => {
            let short = failure.message.lines().next().unwrap_or_default().trim_end_matches(':').to_owned();
            let message = format!("{}; what ran before runs on", failure.message);
            assembly.sink(spec.id).note(format!("{short}; what ran before runs on"));
            let told = format!("the last rebuild failed, what ran before runs on: {short}");
            workshop.news("build-failed", message, Some(told)).await;
        }
    }
}

async fn rebuild(workshop: &Logged, spec: &ServiceSpec, watch: &WatchSpec) -> Result<(), Failure> {
    let assembly = &workshop.assembly;
    let run_dir = assembly.layout.service(&spec.name);
    let facts = ServiceFacts { stack: &assembly.facts, service: spec, run_dir: &run_dir };
    let environment = &assembly.environment;
    let builder = Builder { facts, environment, force: false, workshop };
    match &watch.build {
        Some(command) => builder.run(command, watch.timeout).await,
        None => builder.build().await.map(drop),
    }
}

/// Until nothing has changed for a moment.
async fn quiet(changes: &mut mpsc::Receiver<()>) {
    let end = Instant::now() + LONGEST;
    while let Ok(Some(())) = timeout_at(end.min(Instant::now() + QUIET), changes.recv()).await {}
}

async fn state(dir: &Path, paths: &PathSet) -> Result<String, Failure> {
    of_inputs(dir, paths, Vec::new()).await.map_err(|error| {
        let mut failure = transient(&crate::telemetry::chain(&error));
        failure.hint = Some(error.hint());
        failure
    })
}

async fn look(mut eyes: Eyes, dir: &Path, paths: &PathSet) -> Result<Eyes, Failure> {
    let (dir, paths) = (dir.to_owned(), paths.clone());
    blocking(move || eyes.look(&dir, &paths).map(|()| eyes)).await?
}

/// What the kernel watches for us: directories, each by itself, so that those that are left out cost nothing.
struct Eyes {
    watcher: RecommendedWatcher,
}

impl Eyes {
    fn open(changed: mpsc::Sender<()>) -> Result<Self, Failure> {
        let heard = move |event: notify::Result<notify::Event>| {
            let is_reading = event.as_ref().is_ok_and(|event| event.kind.is_access());
            if !is_reading {
                // Full: a change is on its way already.
                let _ = changed.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(heard).map_err(|error| unwatchable(&error))?;
        Ok(Self { watcher })
    }

    /// Every directory of the set; of a single file, and of what is not there yet, the nearest directory above.
    fn look(&mut self, dir: &Path, paths: &PathSet) -> Result<(), Failure> {
        let listed = listed(dir, paths).map_err(|error| transient(&crate::telemetry::chain(&error)))?;
        let elsewhere = paths.roots().filter(|root| !dir.join(root).is_dir());
        let above = elsewhere
            .filter_map(|root| dir.join(root).ancestors().skip(1).find(|above| above.is_dir()).map(Path::to_owned));
        let mut wanted: Vec<PathBuf> =
            listed.dirs.into_iter().chain(above.filter(|above| above.starts_with(dir))).collect();
        wanted.sort();
        wanted.dedup();
        // All of them each time: one that was removed and made anew in between is another one to the kernel.
        for path in &wanted {
            match self.watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // Gone since it was listed: that is a change of its own.
                Err(notify::Error { kind: notify::ErrorKind::PathNotFound, .. }) => {}
                Err(error) => return Err(unwatchable(&error)),
            }
        }
        Ok(())
    }
}

fn unwatchable(error: &notify::Error) -> Failure {
    let mut failure = transient(&format!("cannot watch files: {error}"));
    failure.hint = Some("fs.inotify.max_user_watches bounds how many directories can be watched".to_owned());
    failure
}
