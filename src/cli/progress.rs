//! Draws the work on parts: bars on a terminal, one plain line per step otherwise. Writes to stderr only.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::parts::{Event, Phase, Progress};

/// Spinners turn, bars move at most this often.
const TICK: Duration = Duration::from_millis(120);

/// The drawing that suits stderr.
pub fn for_stderr() -> std::sync::Arc<dyn Progress> {
    if std::io::stderr().is_terminal() {
        std::sync::Arc::new(Bars::default())
    } else {
        std::sync::Arc::new(Lines::stderr())
    }
}

/// One bar per part that has something to do; parts that are simply there show nothing.
#[derive(Debug, Default)]
pub struct Bars {
    all: MultiProgress,
    bars: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    fn bar(&self, part: &str) -> ProgressBar {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let made = bars.entry(part.to_owned()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner().with_prefix(part.to_owned()));
            bar.enable_steady_tick(TICK);
            bar
        });
        made.clone()
    }

    fn known(&self, part: &str) -> Option<ProgressBar> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).remove(part)
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event<'_>) {
        match event.phase {
            Phase::Looking => {}
            Phase::Done | Phase::Failed => {
                if let Some(bar) = self.known(event.part) {
                    bar.finish_and_clear();
                    let mark = if event.phase == Phase::Done { "installed" } else { "failed" };
                    // Nothing is lost when the terminal has gone away meanwhile: the result is told elsewhere too.
                    let _closed = self.all.println(format!("{:<18} {mark}", event.part));
                }
            }
            phase => {
                let bar = self.bar(event.part);
                bar.set_message(phase.name());
                match event.total {
                    Some(total) if phase == Phase::Downloading => {
                        bar.set_style(style("{prefix:<18} [{bar:24}] {bytes:>10} / {total_bytes} {bytes_per_sec}"));
                        bar.set_length(total);
                        bar.set_position(event.bytes);
                    }
                    _ => bar.set_style(style("{prefix:<18} {spinner} {msg} {elapsed}")),
                }
            }
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// A line per step, for pipes and logs.
pub struct Lines {
    out: Mutex<Box<dyn std::io::Write + Send>>,
    last: Mutex<BTreeMap<String, (Phase, String)>>,
}

impl Lines {
    pub fn stderr() -> Self {
        Self::to(Box::new(std::io::stderr()))
    }

    pub fn to(out: Box<dyn std::io::Write + Send>) -> Self {
        Self { out: Mutex::new(out), last: Mutex::default() }
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Progress for Lines {
    fn event(&self, event: &Event<'_>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let step = (event.phase, event.detail.to_owned());
        let known = last.insert(event.part.to_owned(), step.clone());
        // Found without work: not worth a line. The same step again (more bytes) is not either.
        let at_once = matches!(&known, None | Some((Phase::Looking, _))) && event.phase == Phase::Done;
        if event.phase == Phase::Looking || at_once || known.as_ref() == Some(&step) {
            return;
        }
        let line = match event.detail {
            "" => format!("{}: {}\n", event.part, event.phase.name()),
            detail => format!("{}: {} {detail}\n", event.part, event.phase.name()),
        };
        // A closed stderr stops nobody from installing.
        let _closed = self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn plain_lines_tell_each_step_once_and_nothing_of_parts_that_are_there() {
        let page = Page::default();
        let lines = Lines::to(Box::new(page.clone()));
        let tell = |part, phase, detail, bytes| lines.event(&Event { part, phase, detail, bytes, total: Some(9) });
        tell("ant", Phase::Looking, "", 0);
        tell("ant", Phase::Done, "/usr", 0);
        tell("bee", Phase::Looking, "", 0);
        tell("bee", Phase::Downloading, "https://b", 1);
        tell("bee", Phase::Downloading, "https://b", 9);
        tell("bee", Phase::Done, "/cache/bee", 0);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "bee: downloading https://b\nbee: done /cache/bee\n");
    }
}
