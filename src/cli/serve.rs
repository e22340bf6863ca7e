//! `reeve serve ROLE`: one of the services that reeve brings itself, in the foreground, as `reeve up` starts it.

use super::args::{Role, Verb};
use super::exit::Exit;
use super::failure::{Failure, Result};
use crate::telemetry::ExtraLayer;
use crate::{backend, serve};

/// What sends the traces of a service of ours; of nothing else.
pub fn traces(verb: &Verb) -> Result<Option<ExtraLayer>> {
    let Verb::Serve(args) = verb else { return Ok(None) };
    let name = match args.role {
        Role::Backend => "status-backend",
    };
    let layer = serve::traces::layer(name);
    layer.map_err(|error| Failure::new(Exit::Usage, error).hint("see OTEL_EXPORTER_OTLP_ENDPOINT"))
}

pub fn run(role: Role) -> Result {
    let done = run_role(role);
    serve::traces::flush();
    done
}

fn run_role(role: Role) -> Result {
    match role {
        Role::Backend => backend::run().map_err(|error| match error {
            backend::StartError::Settings(_) => Failure::new(Exit::ConfigInvalid, error)
                .hint("docs/backend.md lists every variable; reeve up sets them all"),
            other => Failure::from(other),
        })?,
    }
    Ok(Exit::Done)
}
