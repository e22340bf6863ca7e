//! `reeve serve ROLE`: one of the services that reeve brings itself, in the foreground, as `reeve up` starts it.

use tracing_subscriber::Layer;

use super::args::{Role, Verb};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::output::Output;
use crate::governify::logger;
use crate::serve::environment;
use crate::telemetry::{self, ExtraLayer};
use crate::{backend, director, proxy, registry, serve, setup};

/// What else hears of the log of a service of ours: the sender of traces, and the log of a Governify service. Of nothing
/// else.
pub fn layers(verb: &Verb, level: &str, filter: Option<&str>) -> Result<Option<ExtraLayer>> {
    let Verb::Serve(args) = verb else { return Ok(None) };
    let (name, governify) = match args.role {
        Role::Backend => ("status-backend", None),
        Role::Registry => ("registry", Some("governify-registry")),
        Role::Director => ("director", Some("governify-director")),
        Role::Proxy => ("proxy", None),
        Role::Setup => ("setup", None),
    };
    let mut layers: Vec<ExtraLayer> = Vec::new();
    let traces = serve::traces::layer(name);
    let traces = traces.map_err(|error| Failure::new(Exit::Usage, error).hint("see OTEL_EXPORTER_OTLP_ENDPOINT"))?;
    if let Some(traces) = traces {
        let filter = telemetry::filter(level, filter).map_err(|error| Failure::new(Exit::Usage, error))?;
        layers.push(Box::new(traces.with_filter(filter)));
    }
    if let Some(service) = governify {
        let (logger, layer) = logger::layer(service, &environment::process).map_err(|error| match error {
            logger::LoggerError::Settings(_) => Failure::new(Exit::ConfigInvalid, error).hint("see GOV_LOG_LEVEL"),
            other => Failure::from(other),
        })?;
        logger.install();
        layers.push(layer);
    }
    Ok((!layers.is_empty()).then(|| Box::new(layers) as ExtraLayer))
}

/// The level of stderr where none was asked for: a Governify service has a variable of its own.
pub fn level(verb: &Verb) -> Option<&'static str> {
    match verb {
        Verb::Serve(args) if matches!(args.role, Role::Registry | Role::Director) => {
            Some(logger::console_level(&environment::process))
        }
        _ => None,
    }
}

pub fn run(role: Role, output: Output) -> Result {
    let done = run_role(role, output);
    logger::flush();
    serve::traces::flush();
    done
}

fn run_role(role: Role, output: Output) -> Result {
    match role {
        Role::Backend => backend::run().map_err(|error| match error {
            backend::StartError::Settings(_) => Failure::new(Exit::ConfigInvalid, error)
                .hint("docs/backend.md lists every variable; reeve up sets them all"),
            other => Failure::from(other),
        })?,
        Role::Registry => registry::run().map_err(|error| match error {
            registry::StartError::Settings(_) => Failure::new(Exit::ConfigInvalid, error)
                .hint("docs/registry.md lists every variable; reeve up sets them all"),
            other => Failure::from(other),
        })?,
        Role::Director => director::run().map_err(|error| match error {
            director::StartError::Settings(_) => Failure::new(Exit::ConfigInvalid, error)
                .hint("docs/director.md lists every variable; reeve up sets them all"),
            other => Failure::from(other),
        })?,
        Role::Proxy => proxy::run().map_err(|error| match error {
            proxy::StartError::Settings(_) | proxy::StartError::Config(_) | proxy::StartError::NoCertificate => {
                Failure::new(Exit::ConfigInvalid, error)
                    .hint("docs/proxy.md lists every variable and what the file may say")
            }
            other => Failure::from(other),
        })?,
        Role::Setup => {
            let lines = setup::run().map_err(|error| {
                let hint = error.hint();
                let is_incomplete = matches!(error, setup::SetupError::Settings(_));
                Failure::new(if is_incomplete { Exit::ConfigInvalid } else { Exit::Failed }, error).hint(hint)
            })?;
            lines.iter().for_each(|line| output.say(line));
        }
    }
    Ok(Exit::Done)
}
