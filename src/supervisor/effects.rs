//! Effect → call, one arm each. Nothing is decided here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::launch::{self, Launched};
use super::run::{Message, Run};
use super::runtime::Supervisor;
use super::{prepare, probes, steps};
use crate::engine::effect::Hook;
use crate::engine::{Effect, Event, Failure, FailureKind, ProbeRole, RunId};
use crate::platform::Tree;
use crate::spec::{ServiceId, StopScope};

/// A killed tree that is not empty after this long holds processes in uninterruptible sleep.
const KILL_BOUND: Duration = Duration::from_secs(10);

/// What a process outside the tree may still write into a pipe of a run that has ended.
const DRAIN_BOUND: Duration = Duration::from_secs(1);

impl Supervisor {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Prepare { service, run } => self.prepare(service, run),
            Effect::Spawn { service, run } => self.spawn(service, run),
            Effect::Probe { service, run, role, sequence } => self.probe(service, run, role, sequence),
            Effect::CancelProbe { service, run, role } => {
                if let Some(task) = self.live(service, run).and_then(|live| live.probe_slot(role).take()) {
                    task.abort();
                }
            }
            Effect::Bootstrap { service, run } => self.bootstrap(service, run),
            Effect::CancelWork { service, run } => {
                if let Some(work) = self.live(service, run).and_then(|live| live.work.take()) {
                    // The task may be done already; then its answer is on the way.
                    let _ = work.send(());
                }
            }
            Effect::Hook { service, run, hook } => self.hook(service, run, hook),
            Effect::Signal { service, run, signal, scope } => self.send_signal(service, run, signal, scope),
            Effect::WatchTree { service, run } => self.watch_tree(service, run),
            Effect::KillTree { service, run } => self.kill_tree(service, run),
            Effect::Release { service, run } => self.release(service, run),
            Effect::SaveDesired { token, stopped_by_hand } => {
                let names = stopped_by_hand.iter().map(|id| self.assembly.stack.service(*id).name.clone()).collect();
                self.state.save(token, names);
            }
            Effect::Reply { request, outcome } => {
                if let Some(answer) = self.replies.remove(&request) {
                    self.answers.push((answer, outcome));
                }
            }
            Effect::Record(record) => {
                let service = Some(&record.service).filter(|name| !name.is_empty()).map(tracing::field::display);
                tracing::info!(service, kind = %record.kind, "{}", record.message);
                self.end.record(record);
                self.eventful = true;
            }
            Effect::Finished { left } => self.finished = Some(left),
        }
    }

    fn prepare(&mut self, service: ServiceId, run: RunId) {
        let mut live = Run::new(run);
        let (cancel, cancelled) = oneshot::channel();
        live.work = Some(cancel);
        self.runs[service.index()] = Some(live);
        if let Some(result) = prepare::at_once(&self.assembly, service) {
            return self.message(Message::Prepared { service, run, result: result.map(Box::new) });
        }
        let (assembly, outbox) = (Arc::clone(&self.assembly), self.outbox.clone());
        tokio::spawn(async move {
            let result = prepare::prepare(&assembly, service, run, outbox.clone(), cancelled).await.map(Box::new);
            send(&outbox, Message::Prepared { service, run, result }).await;
        });
    }

    fn spawn(&mut self, service: ServiceId, run: RunId) {
        let Some(prepared) = self.live(service, run).and_then(|live| live.prepared.clone()) else {
            return self.queue.push_back(Event::SpawnFailed { service, run, failure: gone("its preparation") });
        };
        launch::launch(Arc::clone(&self.assembly), service, run, prepared, self.outbox.clone());
    }

    /// The child runs: its lines, its end and its notices are listened to from here on.
    pub(super) fn launched(&mut self, service: ServiceId, run: RunId, launched: Launched) {
        let Launched { child, tree, stdout, stderr } = launched;
        let assembly = Arc::clone(&self.assembly);
        let spec = assembly.stack.service(service);
        let pid = u32::try_from(child.pid).unwrap_or(0);
        assembly.journal_spawn(spec, run, &child);
        let sink = assembly.sink(service);
        let tree = Arc::new(tree);
        let outbox = self.outbox.clone();
        let mut listeners = Vec::new();
        if let Some(live) = self.live(service, run) {
            // The pattern is watched for before the first byte is read.
            if let Some(pattern) = live.prepared.as_ref().and_then(|prepared| prepared.log_pattern.clone()) {
                listeners.push(probes::listen_log(sink.watch(pattern), service, run, outbox.clone()));
            }
            live.attached = Some(sink.attach(run.0, stdout, stderr));
            live.tree = Some(Arc::clone(&tree));
            live.leader = Some(child.handle());
            if let Some(notify) = live.prepared.as_ref().and_then(|prepared| prepared.take_notify()) {
                listeners.push(probes::listen_notify(notify, Arc::clone(&tree), service, run, outbox.clone()));
            }
            live.listeners = listeners;
        }
        self.queue.push_back(Event::Spawned { service, run, pid });
        tokio::spawn(async move {
            let exit = launch::wait(child).await;
            send(&outbox, Message::Event(Event::Exited { service, run, exit })).await;
        });
    }

    fn probe(&mut self, service: ServiceId, run: RunId, role: ProbeRole, sequence: u64) {
        let Some(prepared) = self.live(service, run).and_then(|live| live.prepared.clone()) else { return };
        let (assembly, outbox) = (Arc::clone(&self.assembly), self.outbox.clone());
        let tree = self.live(service, run).and_then(|live| live.tree.clone());
        let task = tokio::spawn(async move {
            let outcome = probes::probe(assembly, service, run, role, &prepared, tree).await;
            send(&outbox, Message::Event(Event::ProbeDone { service, run, role, sequence, outcome })).await;
        });
        if let Some(live) = self.live(service, run) {
            *live.probe_slot(role) = Some(task.abort_handle());
        }
    }

    fn bootstrap(&mut self, service: ServiceId, run: RunId) {
        let (cancel, cancelled) = oneshot::channel();
        let Some(live) = self.live(service, run) else { return };
        live.work = Some(cancel);
        let Some(prepared) = live.prepared.clone() else { return };
        let (assembly, outbox) = (Arc::clone(&self.assembly), self.outbox.clone());
        tokio::spawn(async move {
            let event = match steps::bootstrap(&assembly, service, run, &prepared, cancelled).await {
                Ok(()) => Event::BootstrapDone { service, run },
                Err(failure) => Event::BootstrapFailed { service, run, failure },
            };
            send(&outbox, Message::Event(event)).await;
        });
    }

    fn hook(&mut self, service: ServiceId, run: RunId, hook: Hook) {
        let (cancel, cancelled) = oneshot::channel();
        let Some(live) = self.live(service, run) else { return };
        live.work = Some(cancel);
        let prepared = live.prepared.clone();
        let (assembly, outbox) = (Arc::clone(&self.assembly), self.outbox.clone());
        tokio::spawn(async move {
            let failure = match prepared {
                Some(prepared) => steps::hook(&assembly, service, run, &prepared, hook, cancelled).await.err(),
                None => Some(gone("its preparation")),
            };
            send(&outbox, Message::Event(Event::HookDone { service, run, failure })).await;
        });
    }

    fn send_signal(&mut self, service: ServiceId, run: RunId, signal: i32, scope: StopScope) {
        let Some(live) = self.live(service, run) else { return };
        let sent = match (scope, &live.leader, &live.tree) {
            (StopScope::Leader, Some(leader), _) => leader.signal(signal).map(drop),
            (_, _, Some(tree)) => tree.signal(launch::tree_scope(scope), signal).map(drop),
            _ => return,
        };
        if let Err(error) = sent {
            let name = &self.assembly.stack.service(service).name;
            tracing::warn!(service = %name, signal, %error, "cannot signal");
        }
    }

    fn watch_tree(&mut self, service: ServiceId, run: RunId) {
        let Some(tree) = self.live(service, run).and_then(|live| live.tree.clone()) else {
            return self.queue.push_back(Event::TreeEmpty { service, run });
        };
        if tree.is_empty().unwrap_or(false) {
            return self.queue.push_back(Event::TreeEmpty { service, run });
        }
        let outbox = self.outbox.clone();
        let watch = tokio::spawn(async move {
            wait_empty(&tree).await;
            send(&outbox, Message::Event(Event::TreeEmpty { service, run })).await;
        });
        if let Some(live) = self.live(service, run) {
            live.listeners.push(watch.abort_handle());
        }
    }

    fn kill_tree(&mut self, service: ServiceId, run: RunId) {
        let Some(tree) = self.live(service, run).and_then(|live| live.tree.clone()) else {
            return self.queue.push_back(Event::TreeEmpty { service, run });
        };
        // Most leaders leave nobody behind; where one read tells so, there is nothing to kill and to wait for.
        if tree.path().is_some() && tree.is_empty().unwrap_or(false) {
            return self.queue.push_back(Event::TreeEmpty { service, run });
        }
        let outbox = self.outbox.clone();
        let watch = tokio::spawn(async move {
            kill(&tree).await;
            if tokio::time::timeout(KILL_BOUND, wait_empty(&tree)).await.is_err() {
                let survivors = tree.survivors();
                let pids = survivors.iter().filter_map(|survivor| u32::try_from(survivor.pid).ok()).collect();
                let detail = survivors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                send(&outbox, Message::Event(Event::TreeStuck { service, run, pids, detail })).await;
                wait_empty(&tree).await;
            }
            send(&outbox, Message::Event(Event::TreeEmpty { service, run })).await;
        });
        if let Some(live) = self.live(service, run) {
            live.listeners.push(watch.abort_handle());
        }
    }

    fn release(&mut self, service: ServiceId, run: RunId) {
        if self.live(service, run).is_some()
            && let Some(mut live) = self.runs[service.index()].take()
        {
            if let Some(attached) = live.attached.take() {
                // The log thread reads the pipes to their end by itself; only a stranger who holds one is cut off.
                self.drains.retain(|drain| !drain.is_finished());
                self.drains.push(tokio::spawn(async move {
                    let _how = attached.drained(DRAIN_BOUND).await;
                }));
            }
            self.cleared.extend(live.tree.take());
            self.assembly.journal_gone(service, run);
        }
        self.queue.push_back(Event::Released { service, run });
    }
}

/// One write where a cgroup holds the tree; elsewhere a scan, which may take its time.
async fn kill(tree: &Arc<Tree>) {
    let done = if tree.path().is_some() {
        tree.kill()
    } else {
        let tree = Arc::clone(tree);
        tokio::task::spawn_blocking(move || tree.kill()).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    };
    if let Err(error) = done {
        tracing::warn!(%error, "cannot kill a process tree");
    }
}

async fn wait_empty(tree: &Tree) {
    if let Err(error) = tree.wait_empty().await {
        tracing::warn!(%error, "cannot watch a process tree");
    }
}

/// The loop outlives every task, so a send fails only when everything is over.
async fn send(outbox: &tokio::sync::mpsc::Sender<Message>, message: Message) {
    let _ = outbox.send(message).await;
}

fn gone(what: &str) -> Failure {
    Failure { kind: FailureKind::Transient, message: format!("{what} is gone"), hint: None }
}
