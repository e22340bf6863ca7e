//! `reeve env`: the environment that a service gets, as reeve would set it now. Secrets are blotted out.

use std::collections::BTreeMap;

use super::args::{Env, Global};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::output::Output;
use super::stack::{facts, open_stack};
use crate::control::wire::SCHEMA_VERSION;

pub fn run(args: &Env, global: &Global, output: Output) -> Result {
    let stack = open_stack(global, output)?;
    stack.check_names(std::slice::from_ref(&args.service))?;
    let Some(service) = stack.spec.by_name(&args.service) else { return Ok(Exit::UnknownService) };
    let facts = facts(&stack, service)?;
    let mut env = BTreeMap::new();
    for name in &service.env_pass {
        if let Ok(value) = std::env::var(name) {
            env.insert(name.clone(), value);
        }
    }
    for (name, template) in &service.env {
        let value = if template.has_secret() {
            "(secret)".to_owned()
        } else {
            template.render(&*facts).map_err(|error| {
                Failure::new(Exit::Failed, anyhow::Error::new(error).context(format!("cannot tell {name}")))
            })?
        };
        env.insert(name.clone(), value);
    }
    if args.json.json {
        output.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "env": env }))?;
        return Ok(Exit::Done);
    }
    for (name, value) in env {
        output.line(&format!("{name}={value}"))?;
    }
    Ok(Exit::Done)
}
