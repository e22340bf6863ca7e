//! The table on a terminal, redrawn in place; elsewhere one line per transition.

use std::collections::BTreeMap;
use std::time::Duration;

use super::render::render;
use crate::cli::output::{self, Output};
use crate::cli::table::clean;
use crate::control::wire::Stack;
use crate::engine::Phase;

/// So often a table is drawn anew although nothing has happened: its clocks tick.
pub const REDRAW: Duration = Duration::from_millis(200);

/// How long to look away after a look that took so long: a stack of hundreds is looked at less often, not slowed down.
pub fn rest(look: Duration) -> Duration {
    (look * 30).min(REDRAW)
}

/// What has been drawn so far.
#[derive(Debug)]
pub struct Live {
    output: Output,
    redraw: bool,
    drawn: usize,
    /// Phase, and what was said of its builds.
    phases: BTreeMap<String, (Phase, Option<String>)>,
}

impl Live {
    pub fn new(output: Output) -> Self {
        Self { output, redraw: output::can_redraw() && !output.quiet, drawn: 0, phases: BTreeMap::new() }
    }

    /// `age`: how long ago the state was taken.
    pub fn show(&mut self, stack: &Stack, age: Duration) {
        if self.redraw {
            let lines = render(stack, output::width(), age);
            self.output.draw(&frame(self.drawn, &lines));
            self.drawn = lines.len();
        } else {
            for line in self.transitions(stack) {
                self.output.say(&line);
            }
        }
    }

    /// What has changed since the last look.
    fn transitions(&mut self, stack: &Stack) -> Vec<String> {
        let mut lines = Vec::new();
        for service in &stack.services {
            let now = (service.phase, service.build.clone());
            let before = self.phases.insert(service.name.clone(), now);
            let is_news = before.map_or(service.phase != Phase::Stopped, |(phase, build)| {
                phase != service.phase || (service.build.is_some() && build != service.build)
            });
            if is_news {
                let reason = service.reason().map(|reason| format!(" ({})", clean(&reason))).unwrap_or_default();
                lines.push(format!("{}: {}{reason}", service.name, service.phase.as_str()));
            }
        }
        lines
    }

    /// Leaves the table where it is; what comes next stands below.
    pub fn finish(&mut self) {
        self.drawn = 0;
    }
}

/// Up over the old lines, each new line written and its rest erased, then everything below.
fn frame(old: usize, lines: &[String]) -> String {
    let mut text = String::new();
    if old > 0 {
        text.push_str(&format!("\x1b[{old}A\r"));
    }
    for line in lines {
        text.push_str(line);
        text.push_str("\x1b[K\n");
    }
    text.push_str("\x1b[J");
    text
}

#[cfg(test)]
mod tests {
    use super::super::render::tests::{service, stack};
    use super::*;

    #[test]
    fn without_a_terminal_each_change_is_one_line() {
        let output = Output::new(anstream::ColorChoice::Never, false);
        let mut live = Live { output, redraw: false, drawn: 0, phases: BTreeMap::new() };
        let first = live.transitions(&stack(vec![service("a", Phase::Starting), service("b", Phase::Stopped)]));
        assert_eq!(first, ["a: starting"]);
        let mut failed = service("b", Phase::Backoff);
        failed.last_exit = Some(crate::engine::Exit::Code(3));
        let second = live.transitions(&stack(vec![service("a", Phase::Starting), failed]));
        assert_eq!(second, ["b: backoff (exit code 3)"]);
    }

    #[test]
    fn a_frame_covers_the_one_before() {
        assert_eq!(frame(2, &["x".to_owned()]), "\x1b[2A\rx\x1b[K\n\x1b[J");
        assert_eq!(frame(0, &[]), "\x1b[J");
    }
}
