//! `reeve install`: every part of the stack, fetched or found.

use super::args::{Global, Install};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::output::Output;
use super::stack::{Missing, PartState, find_parts, open_stack};
use super::table::{self, Cell};
use crate::control::wire::SCHEMA_VERSION;
use crate::spec::ServiceSpec;

pub fn run(args: &Install, global: &Global, output: Output) -> Result {
    let stack = open_stack(global, output)?;
    let offline = args.offline || crate::settings::OFFLINE.get().is_some_and(|value| value == "1");
    let known = stack.spec.parts.keys().map(String::as_str);
    if let Some(unknown) = args.parts.iter().find(|name| !stack.spec.parts.contains_key(*name)) {
        let failure = Failure::message(Exit::Failed, format!("no part {unknown:?} in this stack"));
        return Err(match crate::spec::error::suggest(unknown, known.clone()) {
            Some(hint) => failure.hint(hint),
            None => failure.hint(format!("there are: {}", known.collect::<Vec<_>>().join(", "))),
        });
    }
    let parts = find_parts(&stack, &args.parts, offline, output)?;
    if args.json.json {
        let parts = parts.iter().map(json).collect::<Vec<_>>();
        output.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "parts": parts }))?;
    } else {
        let rows = parts.iter().map(row).collect::<Vec<_>>();
        for line in table::lines(&["PART", "VERSION", "PLACE"], &rows, None) {
            output.line(&line)?;
        }
        for part in &parts {
            if let Err(Missing { hint: Some(hint), .. }) = &part.place {
                output.say(&format!("{}: {}", part.name, table::clean(hint)));
            }
        }
    }
    if !args.parts.is_empty() {
        return some(&parts);
    }
    let lacking = lacking(&stack.spec.services, &parts, |part| part.place.is_ok());
    for service in lacking.iter().filter(|service| !service.required) {
        output.say(&format!("{} will not run: a part of it is missing; the rest does without", service.name));
    }
    let required: Vec<&str> =
        lacking.iter().filter(|service| service.required).map(|service| service.name.as_str()).collect();
    if required.is_empty() {
        return Ok(Exit::Done);
    }
    let exit = if parts.iter().all(|part| part.place.is_err()) { Exit::Failed } else { Exit::Partly };
    let failure = Failure::message(exit, format!("parts are missing for {}", required.join(", ")));
    let wanted = |part: &&PartState| lacking.iter().any(|s| s.required && s.parts.contains(&part.name));
    let missing = parts.iter().filter(wanted).find_map(|part| part.place.as_ref().err());
    Err(match missing.and_then(|missing| missing.hint.clone()) {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

/// Named parts are all wanted.
fn some(parts: &[PartState]) -> Result {
    let missing = parts.iter().filter_map(|part| Some((part, part.place.as_ref().err()?))).collect::<Vec<_>>();
    let Some((_, first)) = missing.first() else { return Ok(Exit::Done) };
    let exit = if missing.len() == parts.len() { Exit::Failed } else { Exit::Partly };
    let names = missing.iter().map(|(part, _)| part.name.as_str()).collect::<Vec<_>>().join(", ");
    let failure = Failure::message(exit, format!("missing: {names}"));
    Err(match &first.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

/// Services that can be run in none of their ways, with the parts that `has` says yes to.
pub fn lacking<'s>(
    services: &'s [ServiceSpec],
    parts: &[PartState],
    has: impl Fn(&PartState) -> bool,
) -> Vec<&'s ServiceSpec> {
    let here = |name: &String| parts.iter().any(|part| part.name == *name && has(part));
    let can_run = |service: &&ServiceSpec| {
        std::iter::once(*service).chain(&service.alternatives).any(|way| way.parts.iter().all(here))
    };
    services.iter().filter(|service| !can_run(service)).collect()
}

fn row(part: &PartState) -> Vec<Cell> {
    let place = match &part.place {
        Ok(place) => place.display().to_string(),
        Err(missing) => format!("missing: {}", table::clean(&missing.why)),
    };
    vec![part.name.clone().into(), part.version.clone().into(), place.into()]
}

fn json(part: &PartState) -> serde_json::Value {
    match &part.place {
        Ok(place) => serde_json::json!({ "name": part.name, "version": part.version, "place": place }),
        Err(Missing { why, hint, .. }) => {
            serde_json::json!({ "name": part.name, "version": part.version, "missing": why, "hint": hint })
        }
    }
}
