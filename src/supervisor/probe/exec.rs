//! A command as a probe.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::seconds;
use crate::engine::Exit;

/// Runs the command of a probe as its service's user, in its environment and directory, in a tree of its own.
pub trait ExecRunner: Send + Sync {
    /// Answers when the command has ended and its whole tree is gone. At `timeout` the tree is killed; dropping the
    /// future kills it too. An error says why it could not be started.
    fn run<'a>(
        &'a self,
        command: &'a [String],
        timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Executed, String>> + Send + 'a>>;
}

/// How the command of a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// `None`: it was killed at the timeout.
    pub exit: Option<Exit>,
    /// The last 4 KiB of stdout and stderr together.
    pub output: Vec<u8>,
}

pub(super) async fn ask(command: &[String], timeout: Duration, runner: &dyn ExecRunner) -> Result<(), String> {
    let done = runner.run(command, timeout).await?;
    let how = match done.exit {
        Some(Exit::Code(0)) => return Ok(()),
        Some(exit) => exit.to_string(),
        None => format!("killed after {}", seconds(timeout)),
    };
    let output = String::from_utf8_lossy(&done.output);
    match output.trim() {
        "" => Err(how),
        said => Err(format!("{how}: {said}")),
    }
}
