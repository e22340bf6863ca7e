//! `reeve why`: the causal chain behind a state, with events and the last lines of output.

use super::args::{Global, Why};
use super::exit::Exit;
use super::failure::Result;
use super::output::Output;
use super::place::Place;
use super::table::clean;
use crate::control::wire::Answer;

pub fn run(args: &Why, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let why = super::block_on(async { Ok(client.why(&args.service).await?) })?;
    if args.json.json {
        output.json(&Answer::new(&why))?;
        return Ok(Exit::Done);
    }
    for (depth, sentence) in why.chain.iter().enumerate() {
        let arrow = if depth == 0 { String::new() } else { format!("{}because ", "  ".repeat(depth)) };
        output.line(&format!("{arrow}{}", clean(sentence)))?;
    }
    if !why.events.is_empty() {
        output.line("\nwhat happened:")?;
    }
    for event in &why.events {
        output.line(&format!("  {}", super::events::text(event)))?;
    }
    if !why.log.is_empty() {
        output.line(&format!("\nlast output of {}:", why.service.name))?;
    }
    for line in &why.log {
        output.line(&format!("  {}", clean(&line.text)))?;
    }
    Ok(Exit::Done)
}
