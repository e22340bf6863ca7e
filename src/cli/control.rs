//! `reeve start`, `stop`, `restart` and `signal`: one request to the running reeve.

use super::args::{Global, Services, Signal};
use super::exit::Exit;
use super::failure::{Result, outcome};
use super::output::Output;
use super::place::Place;
use crate::control::wire::Answer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Start,
    Stop,
    Restart,
}

pub fn run(change: Change, args: &Services, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let changed = super::block_on(async {
        Ok(match change {
            Change::Start => client.start(&args.services).await?,
            Change::Stop => client.stop(&args.services).await?,
            Change::Restart => client.restart(&args.services).await?,
        })
    })?;
    if args.json {
        output.json(&Answer::new(&changed))?;
        outcome(&changed.outcome)?;
        return Ok(Exit::Done);
    }
    for note in &changed.notes {
        output.warn(note);
    }
    let done = outcome(&changed.outcome)?;
    let verb = match change {
        Change::Start => "start",
        Change::Stop => "stop",
        Change::Restart => "restart",
    };
    output.say(&format!("{verb} {}: {done}", args.services.join(", ")));
    Ok(Exit::Done)
}

pub fn signal(args: &Signal, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let changed = super::block_on(async { Ok(client.signal(&args.service, &args.signal).await?) })?;
    outcome(&changed.outcome)?;
    output.say(&format!("{} sent to {}", args.signal, args.service));
    Ok(Exit::Done)
}
