//! How parts are being brought: a bar each on a terminal, a line per step elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output::{self, Output};
use super::table::clean;
use crate::parts::{Event, Phase, Progress};

/// With a size that is known, and without one.
const SIZED: &str = "{prefix:<20} {msg:<12} {bar:24} {bytes:>10} / {total_bytes}";
const UNSIZED: &str = "{prefix:<20} {msg:<12} {spinner} {elapsed}";

/// What is found where it should be is not worth a word; what has to be brought is shown until it is there.
pub struct Bars {
    output: Output,
    draw: bool,
    bars: MultiProgress,
    parts: Mutex<BTreeMap<String, Shown>>,
}

struct Shown {
    phase: Phase,
    bar: Option<ProgressBar>,
}

impl std::fmt::Debug for Bars {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Bars").field("draw", &self.draw).finish_non_exhaustive()
    }
}

impl Bars {
    pub fn new(output: Output) -> Self {
        let draw = output::can_redraw() && !output.quiet;
        Self { output, draw, bars: MultiProgress::new(), parts: Mutex::default() }
    }

    fn bar(&self, event: &Event<'_>, shown: &mut Shown) {
        let bar = shown.bar.get_or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::no_length());
            bar.set_prefix(event.part.to_owned());
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        });
        let template = if event.total.is_some() { SIZED } else { UNSIZED };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if let Some(total) = event.total {
            bar.set_length(total);
            bar.set_position(event.bytes);
        }
        bar.set_message(event.phase.name());
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event<'_>) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = parts.entry(event.part.to_owned()).or_insert(Shown { phase: Phase::Looking, bar: None });
        let changed = shown.phase != event.phase;
        let brought = !matches!(shown.phase, Phase::Looking);
        shown.phase = event.phase;
        match event.phase {
            Phase::Looking => {}
            Phase::Done | Phase::Failed => {
                if let Some(bar) = shown.bar.take() {
                    bar.finish_and_clear();
                }
                if event.phase == Phase::Done && brought {
                    self.output.say(&format!("{}: installed in {}", event.part, clean(event.detail)));
                }
            }
            Phase::Waiting | Phase::Downloading | Phase::Fetching | Phase::Unpacking | Phase::Checking => {
                if self.draw {
                    self.bar(event, shown);
                } else if changed {
                    let detail =
                        if event.detail.is_empty() { String::new() } else { format!(" {}", clean(event.detail)) };
                    self.output.say(&format!("{}: {}{detail}", event.part, event.phase.name()));
                }
            }
        }
    }
}
