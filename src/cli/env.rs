//! `reeve env`: the environment that a service gets, all of it. Secrets are blotted out unless asked for.

use std::collections::BTreeMap;

use super::args::{Env, Global};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::known::Known;
use super::output::Output;
use crate::control::wire::SCHEMA_VERSION;
use crate::settings;
use crate::supervisor::layout::Layout;
use crate::supervisor::{ServiceFacts, account_of, environment, stack_key};

/// What stands in a secret's place.
const BLOT: &str = "[secret]";

pub fn run(args: &Env, global: &Global, output: Output) -> Result {
    let known = Known::open(global, output)?;
    known.stack.check_names(std::slice::from_ref(&args.service))?;
    let known = known.with_parts(output)?;
    let env = of_service(&known, &args.service, args.show)?;
    if args.json.json {
        output.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "env": env }))?;
        return Ok(Exit::Done);
    }
    for (name, value) in env {
        output.line(&format!("{name}={value}"))?;
    }
    Ok(Exit::Done)
}

/// `show`: secrets are not blotted out.
pub fn of_service(known: &Known, name: &str, show: bool) -> Result<BTreeMap<String, String>> {
    let stack = &known.stack;
    let Some(service) = stack.spec.by_name(name) else {
        return Err(Failure::message(Exit::UnknownService, format!("no service {name:?} in this stack")));
    };
    let layout = Layout::new(&stack.data_dir);
    let run_dir = layout.service(&service.name);
    let facts = ServiceFacts { stack: &known.facts, service, run_dir: &run_dir };
    let account = account_of(&stack.spec, service);
    let mut env = environment(&facts, &known.environment, account.as_ref()).map_err(|error| {
        let context = format!("cannot tell the environment of {}", service.name);
        Failure::new(Exit::Failed, anyhow::Error::new(error).context(context))
            .hint("secrets are made by the first reeve up, parts are fetched by reeve install")
    })?;
    // The number of the run that lives, or of the first.
    let run = known.running(&service.name).and_then(|running| running.run).unwrap_or(1);
    env.insert(settings::RUN.name.to_owned(), format!("{}/{}/{run}", stack_key(&layout), service.name));
    if !show {
        for (name, value) in &mut env {
            let secret = service.env.get(name).is_some_and(crate::spec::Template::has_secret);
            *value = if secret { BLOT.to_owned() } else { known.facts.secrets.redact(value) };
        }
    }
    Ok(env)
}
