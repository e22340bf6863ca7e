//! The only place that prints. stdout is data, stderr is talk; a reader that has gone is no error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::exit::Exit;
use super::failure::{Failure, Result};
use crate::engine::Phase;

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub quiet: bool,
    stderr_color: bool,
}

impl Output {
    pub fn new(choice: ColorChoice, quiet: bool) -> Self {
        choice.write_global();
        let color = |choice: ColorChoice| !matches!(choice, ColorChoice::Never);
        Self { quiet, stderr_color: color(AutoStream::choice(&io::stderr())) }
    }

    pub fn stderr_color(self) -> bool {
        self.stderr_color
    }

    /// One line of data.
    pub fn line(self, text: &str) -> Result<()> {
        self.data(&format!("{text}\n"))
    }

    /// Data as it is.
    pub fn data(self, text: &str) -> Result<()> {
        let mut out = AutoStream::auto(io::stdout().lock());
        gone_is_the_end(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// Data that may hold any bytes.
    pub fn bytes(self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        gone_is_the_end(out.write_all(bytes).and_then(|()| out.flush()))
    }

    pub fn json<T: serde::Serialize>(self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Failed, error))?;
        self.line(&text)
    }

    /// What is good to know; left out when quiet.
    pub fn say(self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// What must be known.
    pub fn warn(self, text: &str) {
        let mut out = AutoStream::auto(io::stderr().lock());
        // Nobody is there to be told that nobody is there.
        let _ = writeln!(out, "{text}");
    }

    /// Control sequences and text for a terminal on stderr.
    pub fn draw(self, text: &str) {
        let mut out = AutoStream::auto(io::stderr().lock());
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    pub fn failure(self, failure: &Failure) {
        for line in failure.lines() {
            self.warn(&paint_label(&line));
        }
    }
}

/// Whether a live table can be drawn.
pub fn can_redraw() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Columns of the terminal that stderr or stdout is, 80 where there is none.
pub fn width() -> usize {
    let terminal =
        terminal_size::terminal_size_of(io::stderr()).or_else(|| terminal_size::terminal_size_of(io::stdout()));
    let terminal = terminal.map(|(width, _)| usize::from(width.0));
    let size = terminal.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok());
    size.filter(|width| *width >= 20).unwrap_or(80)
}

/// Columns for a table on stdout; no bound where it goes to a file or another program.
pub fn table_width() -> Option<usize> {
    io::stdout().is_terminal().then(width)
}

/// One line from the person, for a question on stderr; nothing when there will be none any more.
pub fn ask(question: &str) -> io::Result<Option<String>> {
    let mut out = AutoStream::auto(io::stderr().lock());
    write!(out, "{question} ")?;
    out.flush()?;
    drop(out);
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer)?;
    Ok((read > 0).then(|| answer.trim().to_owned()))
}

/// `reeve logs | head`: whoever read us has gone, so we go quietly.
fn gone_is_the_end(written: io::Result<()>) -> Result<()> {
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure { exit: Exit::Done, error: None, hint: None })
        }
        Err(error) => Err(Failure::new(Exit::Failed, anyhow::Error::new(error).context("cannot write to stdout"))),
    }
}

/// Text in a style; the stream takes the style out again where colour is not wanted.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

pub fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

pub fn phase_style(phase: Phase) -> Style {
    match phase {
        Phase::Ready | Phase::Completed => color(AnsiColor::Green),
        Phase::Failed | Phase::Stuck => color(AnsiColor::Red).bold(),
        Phase::Skipped | Phase::Backoff | Phase::Unready => color(AnsiColor::Yellow),
        Phase::Stopped | Phase::Waiting => Style::new().dimmed(),
        Phase::Preparing | Phase::Starting | Phase::Bootstrapping | Phase::Stopping => color(AnsiColor::Cyan),
    }
}

/// The same colour for the same name, always.
pub fn service_style(index: usize) -> Style {
    const COLORS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Yellow,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Blue,
        AnsiColor::BrightCyan,
    ];
    color(COLORS[index % COLORS.len()])
}

fn paint_label(line: &str) -> String {
    let Some((label, rest)) = line.split_once(':') else { return line.to_owned() };
    let style = match label {
        "error" => color(AnsiColor::Red).bold(),
        "hint" => color(AnsiColor::Cyan),
        _ => Style::new().dimmed(),
    };
    format!("{}{rest}", paint(style, &format!("{label}:")))
}
