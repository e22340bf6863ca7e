//! `reeve ps`: the services, one line each.

use std::time::Duration;

use anstyle::Style;

use super::args::Global;
use super::exit::Exit;
use super::failure::Result;
use super::output::{self, Output, phase_name, phase_style};
use super::place::Place;
use super::table::{self, Cell};
use crate::control::wire::{Answer, Service, Stack};
use crate::engine::Desired;
use crate::supervisor::why::span;

pub fn run(json: bool, global: &Global, output: Output) -> Result {
    let client = Place::find(global)?.client()?;
    let stack = super::block_on(async { Ok(client.stack_with_usage().await?) })?;
    if json {
        output.json(&Answer::new(&stack))?;
        return Ok(Exit::Done);
    }
    for line in lines(&stack, output::width()) {
        output.line(&line)?;
    }
    for warning in &stack.warnings {
        output.say(&format!("warning: {warning}"));
    }
    Ok(Exit::Done)
}

/// A narrow terminal gets fewer columns rather than broken lines.
pub fn lines(stack: &Stack, width: usize) -> Vec<String> {
    let columns = if width < 60 { 3 } else { 8 };
    let head = ["NAME", "STATE", "FOR", "PID", "RESTARTS", "MEMORY", "PORTS", "NOTE"];
    let rows = stack.services.iter().map(|service| row(service)[..columns].to_vec()).collect::<Vec<_>>();
    table::lines(&head[..columns], &rows, Some(width))
}

fn row(service: &Service) -> [Cell; 8] {
    let state = if service.crash_loop { "crash loop" } else { phase_name(service.phase) };
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
        Cell::styled(note(service), Style::new().dimmed()),
    ]
}

fn note(service: &Service) -> String {
    let by_hand = (service.desired == Desired::StoppedByHand).then(|| "stopped by hand".to_owned());
    let alternative = service.alternative.as_ref().map(|name| format!("as {name}"));
    let isolation = service.isolation.clone();
    let parts = [by_hand, service.reason(), alternative, isolation];
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
        let text = lines(&fixture(), 100).join("\n");
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }

    #[test]
    fn at_40_columns() {
        let text = lines(&fixture(), 40).join("\n");
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([0, 1023, 1536, 440_401_920].map(bytes), ["0 B", "1023 B", "1.5 KiB", "420 MiB"]);
    }
}
