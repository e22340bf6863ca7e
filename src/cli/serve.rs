//! `reeve serve ROLE`: one of the services that reeve brings itself, in the foreground, as `reeve up` starts it.

use super::args::Role;
use super::exit::Exit;
use super::failure::{Failure, Result};
use crate::backend;

pub fn run(role: Role) -> Result {
    match role {
        Role::Backend => backend::run().map_err(|error| match error {
            backend::StartError::Settings(_) => Failure::new(Exit::ConfigInvalid, error)
                .hint("docs/backend.md lists every variable; reeve up sets them all"),
            other => Failure::from(other),
        })?,
    }
    Ok(Exit::Done)
}
