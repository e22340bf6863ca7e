//! Where the supervisor builds: each command in a tree of its own under the service's lease, its output in the service's
//! log, and what is done told to the loop.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{Made, Order, Workshop};
use crate::bootstrap::Work;
use crate::engine::RunId;
use crate::spec::{ServiceId, ServiceSpec};
use crate::supervisor::assembly::Assembly;
use crate::supervisor::exec::ServiceRunner;
use crate::supervisor::launch;
use crate::supervisor::output::{Stream, strip_ansi};
use crate::supervisor::run::Message;

/// What is built is for others to read: the account that serves it is not the one that builds it.
const UMASK: u32 = 0o022;

/// Lines of a failed build that are shown: enough for the error of a compiler, little enough for a screen.
const LAST_LINES: usize = 12;

/// A build under the supervisor.
#[derive(Debug, Clone)]
pub struct Logged {
    pub assembly: Arc<Assembly>,
    pub service: ServiceId,
    pub run: RunId,
    pub outbox: mpsc::Sender<Message>,
}

impl Logged {
    fn spec(&self) -> &ServiceSpec {
        self.assembly.stack.service(self.service)
    }

    /// For the event history; the picture of the stack shows `told` from now on.
    pub async fn news(&self, kind: &'static str, message: String, told: Option<String>) {
        self.assembly.builds.tell(self.service, told);
        // Fails only when everything is over.
        let _ = self.outbox.send(Message::Build { service: self.service, run: self.run, kind, message }).await;
    }
}

impl Workshop for Logged {
    fn say(&self, text: &str) {
        let name = &self.spec().name;
        self.assembly.sink(self.service).note(text);
        self.assembly.builds.tell(self.service, text.starts_with("building").then(|| text.to_owned()));
        let message =
            Message::Build { service: self.service, run: self.run, kind: "build", message: format!("{name}: {text}") };
        // A full queue has enough to tell; the log has it all.
        let _ = self.outbox.try_send(message);
    }

    fn run(&self, order: Order) -> Work<'_, Result<Made, String>> {
        Box::pin(async move {
            let began = Timestamp::now();
            let sink = self.assembly.sink(self.service);
            let runner = ServiceRunner::new(
                Arc::clone(&self.assembly),
                self.spec().name.clone(),
                self.run,
                "build",
                order.account,
            )
            .logged(sink.clone(), UMASK);
            let mut helper = runner.start(order.line).await.map_err(|error| error.to_string())?;
            let exit = match tokio::time::timeout(order.timeout, helper.end()).await {
                Ok(Ok(status)) => Some(launch::exit(status)),
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => None,
            };
            helper.clear().await;
            let lines = sink.tail(LAST_LINES * 2).into_iter();
            let own = lines.filter(|line| line.wall >= began && line.stream != Stream::Reeve);
            let mut last: Vec<String> = own
                .map(|line| String::from_utf8_lossy(&strip_ansi(&line.bytes)).into_owned())
                .filter(|line| !line.trim().is_empty())
                .collect();
            let surplus = last.len().saturating_sub(LAST_LINES);
            last.drain(..surplus);
            Ok(Made { exit, last })
        })
    }
}
