//! Writes the wishes (`state.json`) in order, off the loop. A save overtaken by a newer one is answered with it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::assembly::Assembly;
use super::journal::State;
use super::run::Message;
use crate::engine::Event;

#[derive(Debug)]
struct Save {
    token: u64,
    stopped_by_hand: Vec<String>,
}

#[derive(Debug)]
pub struct StateWriter {
    saves: mpsc::UnboundedSender<Save>,
    task: JoinHandle<()>,
}

impl StateWriter {
    pub fn start(assembly: &Assembly, outbox: mpsc::Sender<Message>) -> Self {
        // Unbounded because operators fill it, one entry a request, and requests are bounded by their own lane.
        let (saves, queue) = mpsc::unbounded_channel();
        let task = tokio::spawn(write(queue, assembly.layout.state(), assembly.state.auto_ports.clone(), outbox));
        Self { saves, task }
    }

    pub fn save(&self, token: u64, stopped_by_hand: Vec<String>) {
        // The writer ends only in `finish`, which consumes the sender.
        let _ = self.saves.send(Save { token, stopped_by_hand });
    }

    /// Everything handed in is on disk (or has been answered as failed).
    pub async fn finish(self) {
        drop(self.saves);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the writer of the state file failed");
        }
    }
}

async fn write(
    mut queue: mpsc::UnboundedReceiver<Save>,
    path: PathBuf,
    auto_ports: BTreeMap<String, u16>,
    outbox: mpsc::Sender<Message>,
) {
    while let Some(first) = queue.recv().await {
        let mut saves = vec![first];
        while let Ok(next) = queue.try_recv() {
            saves.push(next);
        }
        let Some(last) = saves.last() else { continue };
        let state = State { stopped_by_hand: last.stopped_by_hand.clone(), auto_ports: auto_ports.clone() };
        let path = path.clone();
        let result = tokio::task::spawn_blocking(move || state.write(&path)).await;
        let problem = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(crate::telemetry::chain(&error)),
            Err(error) => Some(error.to_string()),
        };
        for save in saves {
            let event = match &problem {
                None => Event::DesiredSaved { token: save.token },
                Some(reason) => Event::DesiredSaveFailed { token: save.token, reason: reason.clone() },
            };
            // The loop may have ended by now; then nobody waits for this answer.
            let _ = outbox.send(Message::Event(event)).await;
        }
    }
}
