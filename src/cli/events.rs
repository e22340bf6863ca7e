//! `reeve events`: what has happened, and with `-f` what happens.

use super::args::{Events, Global};
use super::exit::Exit;
use super::failure::Result;
use super::output::Output;
use super::place::Place;
use super::table::clean;
use crate::control::wire::{Answer, Event, EventLine, EventsQuery};

pub fn run(args: &Events, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    // Who follows without a number wants the past as well, as with logs.
    let query = EventsQuery { from: args.from.or(args.follow.then_some(1)), follow: args.follow };
    super::block_on(async {
        let mut events = client.events(&query).await?;
        while let Some(line) = events.next().await? {
            if args.json.json {
                let text = serde_json::to_string(&Answer::new(&line))?;
                output.line(&text)?;
                continue;
            }
            match line {
                EventLine::Event(event) => output.line(&text(&event))?,
                // From 1 it is no news that the oldest are gone.
                EventLine::Resync { resync } if args.from.is_some() || resync.from > 1 => {
                    output.warn(&format!("events {} to {} are no longer kept", resync.from, resync.to));
                }
                EventLine::Resync { .. } => {}
            }
        }
        Ok(Exit::Done)
    })
}

pub fn text(event: &Event) -> String {
    let time = event.wall.to_zoned(jiff::tz::TimeZone::system()).strftime("%F %T%.3f");
    let cause = event.cause.as_ref().map(|cause| format!(" (because of {})", clean(cause))).unwrap_or_default();
    format!("{time}  {}{cause}", clean(&event.message))
}
