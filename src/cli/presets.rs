//! `reeve presets`: those built in, or one of them as it stands.

use super::args::Presets;
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::output::Output;
use crate::control::wire::SCHEMA_VERSION;
use crate::spec;

pub fn run(args: &Presets, output: Output) -> Result {
    let presets = spec::presets::presets();
    let Some(name) = &args.name else {
        if args.json.json {
            let names = presets.iter().map(|preset| preset.name).collect::<Vec<_>>();
            output.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "presets": names }))?;
        } else {
            for preset in presets {
                output.line(preset.name)?;
            }
        }
        return Ok(Exit::Done);
    };
    let Some(preset) = presets.iter().find(|preset| preset.name == name) else {
        let failure = Failure::message(Exit::Failed, format!("no preset {name:?} is built in"));
        return Err(match spec::error::suggest(name, presets.iter().map(|preset| preset.name)) {
            Some(hint) => failure.hint(hint),
            None => failure,
        });
    };
    if args.json.json {
        let value = serde_json::json!({ "schema_version": SCHEMA_VERSION, "name": preset.name, "text": preset.text });
        output.json(&value)?;
    } else {
        output.data(preset.text)?;
    }
    Ok(Exit::Done)
}
