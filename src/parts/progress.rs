//! What is happening to a part, told to whoever draws it. Never draws.

/// Where the work on a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking at the cache and the machine.
    Looking,
    /// Another reeve installs the same part.
    Waiting,
    Downloading,
    /// A package client is at work; how far it is cannot be told.
    Fetching,
    Unpacking,
    Checking,
    /// Ready for use.
    Done,
    /// No source brought it.
    Failed,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Looking => "looking",
            Self::Waiting => "waiting",
            Self::Downloading => "downloading",
            Self::Fetching => "fetching",
            Self::Unpacking => "unpacking",
            Self::Checking => "checking",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// One step of the work on a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    pub part: &'a str,
    pub phase: Phase,
    /// The source, the place where it was found, or the reason of a failure.
    pub detail: &'a str,
    pub bytes: u64,
    pub total: Option<u64>,
}

/// Receives the steps; called from several tasks, must not block.
pub trait Progress: Send + Sync {
    fn event(&self, event: &Event<'_>);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: &Event<'_>) {}
}
