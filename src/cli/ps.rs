//! `reeve ps`: the services, one line each.

use std::time::Duration;

use anstyle::Style;

use super::args::Global;
use super::exit::Exit;
use super::failure::Result;
use super::output::{self, Output, phase_style};
use super::place::Place;
use super::table::{self, Cell};
use crate::control::wire::{Answer, Service, Stack, StackQuery};
use crate::engine::Desired;
use crate::supervisor::why::span;

/// Below this width there is no room for more than name, state and age.
const NARROW: usize = 60;

pub fn run(json: bool, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let stack = super::block_on(async { Ok(client.stack_with(StackQuery { usage: true, stale: true }).await?) })?;
    if json {
        output.json(&Answer::new(&stack))?;
        return Ok(Exit::Done);
    }
    for line in lines(&stack, output::table_width()) {
        output.line(&line)?;
    }
    for warning in stack.warnings.iter().chain(&stack.outdated) {
        output.say(&format!("warning: {warning}"));
    }
    Ok(Exit::Done)
}

/// A narrow terminal gets fewer columns rather than broken lines, and a note too long for the table stands below it.
/// Without a width nothing is left out.
pub fn lines(stack: &Stack, width: Option<usize>) -> Vec<String> {
    let columns = if width.is_some_and(|width| width < NARROW) { 3 } else { 8 };
    let head = ["NAME", "STATE", "FOR", "PID", "RESTARTS", "MEMORY", "PORTS", "NOTE"];
    let mut rows = stack.services.iter().map(|service| row(service)[..columns].to_vec()).collect::<Vec<_>>();
    let notes = stack.services.iter().map(note).collect::<Vec<_>>();
    let mut below = Vec::new();
    let room = width.map(|width| width.saturating_sub(table::width(&head[..columns - 1], &rows)));
    for ((row, note), service) in rows.iter_mut().zip(&notes).zip(&stack.services) {
        let fits = columns == head.len() && room.is_none_or(|room| note.chars().count() <= room);
        match row.last_mut() {
            Some(last) if fits => *last = Cell::styled(note.clone(), Style::new().dimmed()),
            _ if note.is_empty() => {}
            _ => below.push(format!("{}: {}", service.name, table::clean(note))),
        }
    }
    let mut lines = table::lines(&head[..columns], &rows, width);
    lines.extend(below);
    lines
}

fn row(service: &Service) -> [Cell; 8] {
    let state = if service.crash_loop { "crash loop" } else { service.phase.as_str() };
    let ports = service.ports.values().map(|address| match address.ip().is_loopback() {
        true => address.port().to_string(),
        false => address.to_string(),
    });
    [
        service.name.clone().into(),
        Cell::styled(state, phase_style(service.phase)),
        span(Duration::from_millis(service.phase_ms)).into(),
        service.pid.map(|pid| pid.to_string()).unwrap_or_default().into(),
        service.restarts.to_string().into(),
        service.memory_bytes.map(bytes).unwrap_or_default().into(),
        ports.collect::<Vec<_>>().join(", ").into(),
        Cell::default(),
    ]
}

fn note(service: &Service) -> String {
    let by_hand = (service.desired == Desired::StoppedByHand).then(|| "stopped by hand".to_owned());
    let alternative = service.alternative.as_ref().map(|name| format!("as {name}"));
    let reason = service.reason();
    // A failed rebuild of one that runs well.
    let build = service.build.clone().filter(|build| reason.as_ref() != Some(build));
    let stale = service.stale.as_ref().map(|stale| match stale.gone {
        true => "stale: its program is gone".to_owned(),
        false => "stale: its program was replaced (reeve restart --stale)".to_owned(),
    });
    let parts = [by_hand, reason, build, stale, alternative, service.isolation.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// `420 MiB`.
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if value < 10.0 && unit != "B" { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::Answer;

    fn fixture() -> Stack {
        let text = include_str!("../../tests/fixtures/wire/stack-1.json");
        serde_json::from_str::<Answer<Stack>>(text).unwrap().body
    }

    #[test]
    fn at_100_columns() {
        let text = lines(&fixture(), Some(100)).join("\n");
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }

    #[test]
    fn at_40_columns() {
        let text = lines(&fixture(), Some(40)).join("\n");
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([0, 1023, 1536, 440_401_920].map(bytes), ["0 B", "1023 B", "1.5 KiB", "420 MiB"]);
    }
}
