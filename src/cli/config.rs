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

#[cfg(test)]
mod tests {
    /// The diagram of the manual is what `reeve config --graph mermaid` prints.
    #[test]
    fn the_diagram_of_the_stack_is_current() {
        let text = include_str!("../../services.toml");
        let env = std::collections::BTreeMap::new();
        let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let inputs = crate::spec::Inputs::new("/x/services.toml".into(), text.as_bytes(), &env, &read);
        let loaded = crate::spec::load(&inputs).map_err(|problems| problems.render(false)).unwrap();
        let diagram = format!("```mermaid\n{}```\n", crate::spec::mermaid(&loaded.stack));
        assert!(include_str!("../../docs/stack.md").contains(&diagram), "docs/stack.md should have:\n{diagram}");
    }
}
