//! The live table of a start, as text: a pure function of what is known, the width and the time.

use std::time::Duration;

use anstyle::Style;

use crate::cli::output::{paint, phase_style};
use crate::cli::table::{self, Cell};
use crate::control::wire::{Service, Stack};
use crate::engine::{Desired, Phase};
use crate::supervisor::why::span;

/// Below this width the reason gets a line of its own.
const NARROW: usize = 60;

/// Lines of the table. `now` is how long ago the stack's state was taken: spans go on growing between two answers.
pub fn render(stack: &Stack, width: usize, now: Duration) -> Vec<String> {
    let shown = stack.services.iter().filter(|service| is_shown(service)).collect::<Vec<_>>();
    let columns = if width < NARROW { 4 } else { 5 };
    let rows = shown.iter().map(|service| row(service, now, columns == 5)[..columns].to_vec()).collect::<Vec<_>>();
    let mut lines = table::lines(&[""; 5][..columns], &rows, Some(width));
    if width < NARROW {
        let reasons = shown.iter().map(|service| doing(service));
        lines = lines.into_iter().zip(reasons).flat_map(|(line, reason)| below(line, reason, width)).collect();
    }
    lines.push(summary(&shown, width));
    lines
}

fn row(service: &Service, now: Duration, wide: bool) -> [Cell; 5] {
    let name = if wide { name(service) } else { service.name.clone().into() };
    [
        Cell::styled(mark(service.phase), phase_style(service.phase)),
        name,
        phase(service),
        elapsed(service, now).into(),
        Cell::styled(doing(service).unwrap_or_default(), Style::new().dimmed()),
    ]
}

/// The reason on a line of its own.
fn below(line: String, reason: Option<String>, width: usize) -> Vec<String> {
    let reason = reason.map(|reason| {
        let text = table::cut(&table::clean(&reason), width.saturating_sub(3));
        format!("   {}", paint(Style::new().dimmed(), &text))
    });
    std::iter::once(line).chain(reason).collect()
}

/// Services that nobody asked for are no part of a start.
fn is_shown(service: &Service) -> bool {
    service.desired != Desired::Off || service.phase != Phase::Stopped
}

fn name(service: &Service) -> Cell {
    match &service.alternative {
        Some(alternative) => format!("{} ({alternative})", service.name).into(),
        None => service.name.clone().into(),
    }
}

fn phase(service: &Service) -> Cell {
    let text = if service.crash_loop { "crash loop" } else { service.phase.as_str() };
    Cell::styled(text, phase_style(service.phase))
}

/// Without colour, the mark alone tells good from bad.
fn mark(phase: Phase) -> &'static str {
    match phase {
        Phase::Ready | Phase::Completed => "+",
        Phase::Failed | Phase::Skipped | Phase::Stuck => "x",
        Phase::Backoff | Phase::Unready => "!",
        Phase::Waiting | Phase::Stopped => ".",
        Phase::Preparing | Phase::Starting | Phase::Bootstrapping | Phase::Stopping => ">",
    }
}

fn elapsed(service: &Service, now: Duration) -> String {
    match service.phase {
        Phase::Ready | Phase::Completed | Phase::Stopped | Phase::Failed | Phase::Skipped => String::new(),
        Phase::Backoff => match service.next_start_ms {
            Some(left) => format!("in {}", span(Duration::from_millis(left).saturating_sub(now))),
            None => String::new(),
        },
        _ => span(Duration::from_millis(service.phase_ms) + now),
    }
}

fn doing(service: &Service) -> Option<String> {
    match service.phase {
        Phase::Preparing => Some("volumes, files and ports are made ready".to_owned()),
        Phase::Bootstrapping => Some("first steps: accounts, databases".to_owned()),
        Phase::Stopped if service.desired == Desired::StoppedByHand => Some("stopped by hand".to_owned()),
        _ => service.reason(),
    }
}

fn summary(shown: &[&Service], width: usize) -> String {
    let ready = shown.iter().filter(|service| matches!(service.phase, Phase::Ready | Phase::Completed)).count();
    table::cut(&format!("{ready} of {} ready", shown.len()), width)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::snapshot::Blocker;
    use crate::engine::{Failure, FailureKind};

    pub(crate) fn service(name: &str, phase: Phase) -> Service {
        let text =
            format!(r#"{{"name":"{name}","phase":"stopped","desired":"running","required":true,"phase_ms":2300}}"#);
        Service { phase, ..serde_json::from_str(&text).unwrap() }
    }

    pub(crate) fn stack(services: Vec<Service>) -> Stack {
        Stack {
            stack: "status".to_owned(),
            mode: "production".to_owned(),
            data_dir: "/srv/.reeve".into(),
            version: "0.1.0".to_owned(),
            pid: 17,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            answered_at: jiff::Timestamp::UNIX_EPOCH,
            shutting_down: false,
            mechanisms: Vec::new(),
            warnings: Vec::new(),
            outdated: Vec::new(),
            caller: None,
            services,
        }
    }

    fn example() -> Stack {
        let mut starting = service("postgres", Phase::Starting);
        starting.probe_failure = Some("connection refused (127.0.0.1:5432)".to_owned());
        let mut waiting = service("status-backend", Phase::Waiting);
        waiting.blocked_by =
            vec![Blocker { service: "postgres".to_owned(), condition: "ready".to_owned(), phase: Phase::Starting }];
        let mut failed = service("grafana", Phase::Failed);
        failed.last_failure = Some(Failure {
            kind: FailureKind::Lasting,
            message: "the part grafana cannot be had: no source can be reached from here\nat all".to_owned(),
            hint: None,
        });
        let mut backoff = service("nodered", Phase::Backoff);
        backoff.next_start_ms = Some(1200);
        let mut dragonfly = service("dragonfly", Phase::Ready);
        dragonfly.alternative = Some("valkey".to_owned());
        let mut off = service("never-asked-for", Phase::Stopped);
        off.desired = Desired::Off;
        stack(vec![starting, dragonfly, waiting, failed, backoff, off])
    }

    fn plain(lines: &[String]) -> String {
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn a_start_at_80_columns() {
        insta::assert_snapshot!(plain(&render(&example(), 80, Duration::from_millis(700))));
    }

    #[test]
    fn a_start_at_40_columns() {
        insta::assert_snapshot!(plain(&render(&example(), 40, Duration::from_millis(700))));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [20, 33, 40, 59, 60, 79, 120] {
            for line in plain(&render(&example(), width, Duration::ZERO)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}
