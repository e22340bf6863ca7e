//! What every exit code means. This table is the manual's, too.

/// How `reeve` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    NoDaemon,
    UnknownService,
    ConfigInvalid,
    NotReady,
    Partly,
    Refused,
    Conflict,
    /// `up` in the foreground, ended because its terminal was closed.
    HungUp,
    /// `up` in the foreground, ended by Ctrl-C.
    Interrupted,
    /// `up` in the foreground, ended by SIGTERM.
    Terminated,
}

impl Exit {
    pub const ALL: [Exit; 13] = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::NoDaemon,
        Exit::UnknownService,
        Exit::ConfigInvalid,
        Exit::NotReady,
        Exit::Partly,
        Exit::Refused,
        Exit::Conflict,
        Exit::HungUp,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NoDaemon => 3,
            Exit::UnknownService => 4,
            Exit::ConfigInvalid => 5,
            Exit::NotReady => 6,
            Exit::Partly => 7,
            Exit::Refused => 8,
            Exit::Conflict => 9,
            Exit::HungUp => 129,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "the operation failed",
            Exit::Usage => "wrong usage",
            Exit::NoDaemon => "no reeve runs for this stack",
            Exit::UnknownService => "unknown service",
            Exit::ConfigInvalid => "the configuration is invalid",
            Exit::NotReady => "timed out, or not ready",
            Exit::Partly => "partly done",
            Exit::Refused => "refused: permission, or locked",
            Exit::Conflict => "conflict: it runs already",
            Exit::HungUp => "a foreground up was ended by the end of its terminal (SIGHUP)",
            Exit::Interrupted => "a foreground up was ended by Ctrl-C (SIGINT)",
            Exit::Terminated => "a foreground up was ended by SIGTERM",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_published_ones() {
        let codes = Exit::ALL.map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 129, 130, 143]);
    }
}
