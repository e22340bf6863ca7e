//! Why a command did not succeed: the exit code, the chain of causes and what to do next.

use super::exit::Exit;
use crate::control::client::ClientError;
use crate::control::wire::ProblemKind;
use crate::engine::{Outcome, Refusal};

#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// Absent when everything was said already.
    pub error: Option<anyhow::Error>,
    pub hint: Option<String>,
}

pub type Result<T = Exit> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: Some(error.into()), hint: None }
    }

    pub fn message(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self { exit, error: Some(anyhow::anyhow!("{message}")), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `error: …`, `  cause: …`, `hint: …`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(error) = &self.error {
            lines.push(format!("error: {error}"));
            let mut last = error.to_string();
            for cause in error.chain().skip(1).map(ToString::to_string) {
                // Some libraries repeat their cause in their own message.
                if !last.contains(&cause) {
                    lines.push(format!("  cause: {cause}"));
                }
                last = cause;
            }
        }
        lines.extend(self.hint.iter().map(|hint| format!("hint: {hint}")));
        lines
    }
}

/// Whatever has no code of its own is a failed operation.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast::<ClientError>() {
            Ok(error) => from_client(error),
            Err(error) => {
                let exit = if is_denied(&*error) { Exit::Refused } else { Exit::Failed };
                Self { exit, error: Some(error), hint: None }
            }
        }
    }
}

/// Whether the operating system's refusal is at the bottom of it.
pub fn is_denied(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        io == Some(std::io::ErrorKind::PermissionDenied)
    })
}

fn from_client(error: ClientError) -> Failure {
    let (exit, hint) = match &error {
        ClientError::NoDaemon { .. } => (Exit::NoDaemon, Some("reeve up -d starts the stack".to_owned())),
        ClientError::Denied { .. } => {
            (Exit::Refused, Some("only the user that started the stack, and root, may ask".to_owned()))
        }
        ClientError::Refused(problem) => {
            let exit = match problem.kind {
                ProblemKind::UnknownService => Exit::UnknownService,
                ProblemKind::Forbidden => Exit::Refused,
                _ => Exit::Failed,
            };
            (exit, problem.hint.clone())
        }
        _ => (Exit::Failed, None),
    };
    Failure { exit, error: Some(error.into()), hint }
}

/// What the answer to a change means for the exit code.
pub fn outcome(outcome: &Outcome) -> Result<&'static str> {
    match outcome {
        Outcome::Done => Ok("done"),
        Outcome::AlreadySo => Ok("nothing to do"),
        Outcome::Refused(refusal) => {
            let exit = match refusal {
                Refusal::ShuttingDown | Refusal::Superseded => Exit::Conflict,
                Refusal::NotRunning { .. } | Refusal::CannotStart { .. } => Exit::Failed,
            };
            Err(Failure::message(exit, refusal))
        }
        Outcome::Failed(reason) => Err(Failure::message(Exit::Failed, reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::Problem;

    #[test]
    fn causes_are_told_once_each() {
        let io = std::io::Error::other("disk on fire");
        let error = anyhow::Error::new(io).context("cannot read services.toml");
        let failure = Failure { exit: Exit::Failed, error: Some(error), hint: None }.hint("call the fire brigade");
        assert_eq!(
            failure.lines(),
            ["error: cannot read services.toml", "  cause: disk on fire", "hint: call the fire brigade"]
        );
    }

    // semantics case 69
    #[test]
    fn the_client_s_errors_have_codes_of_their_own() {
        let none = Failure::from(ClientError::NoDaemon { data_dir: "/x".into() });
        assert_eq!(none.exit, Exit::NoDaemon);
        let unknown = Problem { kind: ProblemKind::UnknownService, message: "no x".to_owned(), hint: None };
        assert_eq!(Failure::from(ClientError::Refused(unknown)).exit, Exit::UnknownService);
        let refused = outcome(&Outcome::Refused(Refusal::ShuttingDown)).unwrap_err();
        assert_eq!(refused.exit, Exit::Conflict);
    }
}
