//! `reeve status`: is every wanted service ready?

use super::args::{Global, Status};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::output::Output;
use super::place::Place;
use crate::control::wire::{Answer, Health};

pub fn run(args: &Status, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let stack = super::block_on(async { Ok(client.stack().await?) })?;
    let unready = super::up::unready(&stack, &[]);
    let exit = if unready.is_empty() { Exit::Done } else { Exit::NotReady };
    if args.check {
        // The code says it all.
        return if unready.is_empty() { Ok(exit) } else { Err(Failure { exit, error: None, hint: None }) };
    }
    if args.json.json {
        output.json(&Answer::new(Health { healthy: unready.is_empty(), unready }))?;
        return Ok(exit);
    }
    if unready.is_empty() {
        output.line(&format!("{}: every wanted service is ready", stack.stack))?;
    }
    for line in unready {
        output.line(&line)?;
    }
    Ok(exit)
}
