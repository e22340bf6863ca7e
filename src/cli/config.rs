//! `reeve config`: the stack's file checked, expanded, drawn.

use super::args::{Config, Global, Graph};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::output::Output;
use super::place::Place;
use super::stack::{open_stack, read_stack};
use crate::control::wire::SCHEMA_VERSION;
use crate::spec;

pub fn run(args: &Config, global: &Global, output: Output) -> Result {
    if args.schema {
        output.json(&spec::schema())?;
        return Ok(Exit::Done);
    }
    if args.json {
        return json(global, output);
    }
    let stack = open_stack(global, output)?;
    if args.check {
        let count = stack.spec.services.len();
        output.say(&format!("{} is valid (mode {}, services: {count})", stack.file.display(), stack.spec.mode));
    } else if args.graph == Some(Graph::Mermaid) {
        output.data(&spec::mermaid(&stack.spec))?;
    } else {
        output.data(&stack.expanded().to_toml())?;
    }
    Ok(Exit::Done)
}

/// Problems are data, too.
fn json(global: &Global, output: Output) -> Result {
    match read_stack(global, &Place::find(global)?, &Default::default())? {
        Ok((stack, warnings)) => {
            output.json(&serde_json::json!({
                "schema_version": SCHEMA_VERSION,
                "file": stack.file,
                "valid": true,
                "problems": warnings,
                "config": stack.expanded().to_json(),
            }))?;
            Ok(Exit::Done)
        }
        Err(broken) => {
            output.json(&serde_json::json!({
                "schema_version": SCHEMA_VERSION,
                "file": broken.file,
                "valid": false,
                "problems": broken.problems.to_json(),
            }))?;
            Err(Failure { exit: Exit::ConfigInvalid, error: None, hint: None })
        }
    }
}
