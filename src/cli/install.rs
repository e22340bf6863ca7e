//! `reeve install`: every part of the stack, fetched or found.

use super::args::{Global, Install};
use super::exit::Exit;
use super::failure::Result;
use super::output::Output;
use super::stack::{PartState, find_parts, open_stack};
use super::table::{self, Cell};
use crate::control::wire::SCHEMA_VERSION;

pub fn run(args: &Install, global: &Global, output: Output) -> Result {
    let stack = open_stack(global, output)?;
    let offline = args.offline || crate::settings::OFFLINE.get().is_some_and(|value| value == "1");
    let parts = find_parts(&stack, offline, output)?;
    let missing = parts.iter().filter(|part| part.place.is_err()).count();
    if args.json.json {
        let parts = parts.iter().map(json).collect::<Vec<_>>();
        output.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "parts": parts }))?;
    } else {
        let rows = parts.iter().map(row).collect::<Vec<_>>();
        for line in table::lines(&["PART", "VERSION", "PLACE"], &rows, None) {
            output.line(&line)?;
        }
    }
    Ok(match missing {
        0 => Exit::Done,
        all if all == parts.len() => Exit::Failed,
        _ => Exit::Partly,
    })
}

fn row(part: &PartState) -> Vec<Cell> {
    let place = match &part.place {
        Ok(place) => place.display().to_string(),
        Err(why) => format!("missing: {}", table::clean(why)),
    };
    vec![part.name.clone().into(), part.version.clone().into(), place.into()]
}

fn json(part: &PartState) -> serde_json::Value {
    match &part.place {
        Ok(place) => serde_json::json!({ "name": part.name, "version": part.version, "place": place }),
        Err(why) => serde_json::json!({ "name": part.name, "version": part.version, "missing": why }),
    }
}
