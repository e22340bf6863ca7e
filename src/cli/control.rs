//! `reeve start`, `stop`, `restart` and `signal`: one request to the running reeve.

use super::args::{Global, Restart, Services, Signal};
use super::exit::Exit;
use super::failure::{Failure, Result, outcome};
use super::output::Output;
use super::place::Place;
use crate::control::client::Client;
use crate::control::wire::{Answer, Changed, Outcome, StackQuery};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Start,
    Stop,
}

pub fn run(change: Change, args: &Services, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let (verb, changed) = super::block_on(async {
        Ok(match change {
            Change::Start => ("start", client.start(&args.services).await?),
            Change::Stop => ("stop", client.stop(&args.services).await?),
        })
    })?;
    done(verb, &args.services, &changed, args.json, output)
}

pub fn restart(args: &Restart, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let services = match args.stale {
        true => stale(&client, args, output)?,
        false => args.services.clone(),
    };
    if services.is_empty() {
        if args.json {
            output.json(&Answer::new(&Changed { outcome: Outcome::Done, notes: Vec::new() }))?;
        } else {
            output.say("nothing is stale: every service runs the program that is on the disk; nothing was changed");
        }
        return Ok(Exit::Done);
    }
    let changed = super::block_on(async { Ok(client.restart(&services).await?) })?;
    done("restart", &services, &changed, args.json, output)
}

/// Names of those whose program was replaced; what a restart does not help is said.
fn stale(client: &Client, args: &Restart, output: Output) -> std::result::Result<Vec<String>, Failure> {
    let stack =
        super::block_on(async { Ok(client.stack_with(StackQuery { stale: true, ..StackQuery::default() }).await?) })?;
    for name in &args.services {
        if !stack.services.iter().any(|service| service.name == *name) {
            return Err(Failure::message(Exit::UnknownService, format!("no service {name:?} in this stack")));
        }
    }
    for line in &stack.outdated {
        output.warn(line);
    }
    let mut names = Vec::new();
    for service in &stack.services {
        let is_asked = args.services.is_empty() || args.services.contains(&service.name);
        let Some(stale) = service.stale.as_ref().filter(|_| is_asked) else { continue };
        if stale.gone {
            output.warn(&format!("{}: {stale}; it is left running, for a restart would fail", service.name));
        } else {
            output.say(&format!("{}: {stale}", service.name));
            names.push(service.name.clone());
        }
    }
    Ok(names)
}

fn done(verb: &str, services: &[String], changed: &Changed, json: bool, output: Output) -> Result {
    if json {
        output.json(&Answer::new(changed))?;
        outcome(&changed.outcome)?;
        return Ok(Exit::Done);
    }
    for note in &changed.notes {
        output.warn(note);
    }
    let done = outcome(&changed.outcome)?;
    output.say(&format!("{verb} {}: {done}", services.join(", ")));
    Ok(Exit::Done)
}

pub fn signal(args: &Signal, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let changed = super::block_on(async { Ok(client.signal(&args.service, &args.signal).await?) })?;
    outcome(&changed.outcome)?;
    output.say(&format!("{} sent to {}", args.signal, args.service));
    Ok(Exit::Done)
}
