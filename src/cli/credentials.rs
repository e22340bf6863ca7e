//! `reeve credentials`: accounts and passwords, for whoever may read the secrets' file. Never logged, never over the socket.

use super::args::{Credentials, Global};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::known::Known;
use super::output::Output;
use super::table::{self, Cell};
use crate::control::wire::SCHEMA_VERSION;
use crate::supervisor::ServiceFacts;
use crate::supervisor::layout::Layout;

pub fn run(args: &Credentials, global: &Global, output: Output) -> Result {
    let known = Known::open(global, output)?;
    let stack = &known.stack;
    stack.check_names(args.service.as_slice())?;
    let mut rows = Vec::new();
    for service in &stack.spec.services {
        if args.service.as_ref().is_some_and(|name| *name != service.name) {
            continue;
        }
        if service.credentials.is_empty() {
            continue;
        }
        let run_dir = Layout::new(&stack.data_dir).service(&service.name);
        let facts = ServiceFacts { stack: &known.facts, service, run_dir: &run_dir };
        for (label, template) in &service.credentials {
            let value = if args.hide {
                "(hidden)".to_owned()
            } else {
                template.render(&facts).map_err(|error| {
                    let what = format!("cannot tell {label} of {}", service.name);
                    Failure::new(Exit::Failed, anyhow::Error::new(error).context(what))
                        .hint("secrets are made by the first reeve up")
                })?
            };
            rows.push((service.name.clone(), label.clone(), value));
        }
    }
    if args.json.json {
        let mut services = serde_json::Map::new();
        for (service, label, value) in rows {
            let entry = services.entry(service).or_insert_with(|| serde_json::json!({}));
            entry[label] = value.into();
        }
        output.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "services": services }))?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        output.say("no credentials are declared");
        return Ok(Exit::Done);
    }
    let rows = rows.into_iter().map(|(service, label, value)| vec![Cell::from(service), label.into(), value.into()]);
    // Never cut: half a password is none.
    for line in table::lines(&["SERVICE", "WHAT", "VALUE"], &rows.collect::<Vec<_>>(), None) {
        output.line(&line)?;
    }
    Ok(Exit::Done)
}
