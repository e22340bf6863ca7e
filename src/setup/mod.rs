//! What has to be set up across services once they run, `reeve serve setup`: a oneshot like any other, started by
//! `reeve up`. One step so far: the service account of Grafana, and the token that the backend signs itself in with.
//!
//! Owns the order of the requests, what counts as done, and the file with the key. Never starts a service, never waits for
//! one (the supervisor starts it when both are ready, tries again and tells why), never lets a key into a message.
//!
//! Every step asks what is there before it makes anything, so that it may be killed at any moment and run again: an
//! account is looked up by its name; a token whose key was not kept is revoked and made anew.

mod grafana;
mod key_file;
mod settings;

pub use grafana::{ACCOUNT, StepError, TOKEN};
pub use settings::Settings;

use crate::serve::environment::{self, Problems};

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error("cannot set up the event loop")]
    Runtime(#[source] std::io::Error),
    #[error("step \"service account of Grafana\" failed")]
    Grafana(#[source] StepError),
}

impl SetupError {
    pub fn hint(&self) -> String {
        match self {
            Self::Settings(_) => "reeve up sets them all; docs/env.md tells from what".to_owned(),
            Self::Runtime(_) => "reeve start setup tries again".to_owned(),
            Self::Grafana(error) => error.hint(),
        }
    }
}

/// Does what is not done yet; tells each step in a line.
pub fn run() -> Result<Vec<String>, SetupError> {
    let settings = Settings::read(&environment::process)?;
    crate::serve::install_tls();
    let runtime = crate::serve::runtime(Some(1)).map_err(SetupError::Runtime)?;
    let line = runtime.block_on(grafana::account(&settings)).map_err(SetupError::Grafana)?;
    Ok(vec![format!("service account of Grafana: {line}")])
}
