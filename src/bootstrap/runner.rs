//! What steps need of the outside to run a program.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitStatus;

pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A program to run, as the service's account.
#[derive(Clone)]
pub struct CommandLine {
    /// Found in `PATH` of `env` if it has no slash.
    pub program: String,
    pub args: Vec<String>,
    /// The whole environment beyond what reeve sets itself.
    pub env: BTreeMap<String, String>,
    pub cwd: Option<PathBuf>,
    /// Written to its standard input, which is then closed; no input otherwise.
    pub stdin: Option<Vec<u8>>,
}

/// Input and environment may hold secrets.
impl std::fmt::Debug for CommandLine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CommandLine")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

/// Starts programs. Whoever implements it writes the lease of what it starts, so that nothing is left unowned.
pub trait Runner: Send + Sync {
    fn spawn(&self, line: CommandLine) -> Work<'_, io::Result<Box<dyn Process>>>;
}

/// A program under way. Dropping it kills its whole tree.
pub trait Process: Send {
    /// Waits for the end of the leader; may be dropped and called again.
    fn wait(&mut self) -> Work<'_, io::Result<ExitStatus>>;

    /// Sends a signal to the leader, or its group; that it is gone by now is no error.
    fn signal(&mut self, signal: i32, scope: crate::spec::StopScope) -> io::Result<()>;

    /// Kills the whole tree, waits until nothing is left of it and its output has been read to the end.
    fn kill(&mut self) -> Work<'_, ()>;

    /// The last few KiB of what it wrote to standard output and error; complete once `kill` has returned.
    fn output(&self) -> String;
}
