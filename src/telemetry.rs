//! What reeve says about itself, and the wall clock.
//!
//! Owns the tracing set-up and [`wall_clock`], the only place that asks for the time of day. Never used for a decision:
//! those go by the monotonic clock.

use std::io;
use std::sync::OnceLock;

use jiff::Timestamp;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// The time of day, for timestamps that people and files see.
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// How log lines are written to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("{filter:?} is no valid log filter")]
    Filter {
        filter: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("the log's format is \"text\" or \"json\", not {value:?}")]
    Format { value: String },
}

/// What else hears of spans and events, such as a sender of traces. It brings its own filter: that of stderr is not asked.
pub type ExtraLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The filter of stderr while it runs; only where a level, and no filter, was asked for.
static CONSOLE: OnceLock<reload::Handle<EnvFilter, Layered<Option<ExtraLayer>, Registry>>> = OnceLock::new();

/// What a log hears: all that the `filter` names, otherwise ours from `level` on and warnings of others.
pub fn filter(level: &str, filter: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    match filter {
        Some(filter) => {
            EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })
        }
        None => Ok(EnvFilter::new(format!("warn,reeve={level}"))),
    }
}

/// From now on, stderr hears of ours from this level on. A filter that was asked for stays, whatever the level.
pub fn set_level(level: &str) {
    // An error means that no subscriber is there any more, so that nobody hears anything.
    let changed = filter(level, None).map(|filter| CONSOLE.get().map(|console| console.reload(filter)));
    debug_assert!(changed.is_ok(), "a level makes a filter");
}

/// Sets up logging to stderr for the whole process. `level` holds unless there is a `filter`; the format is text unless
/// named. A second call changes nothing.
pub fn init(
    level: &str,
    filter: Option<&str>,
    format: Option<&str>,
    color: bool,
    extra: Option<ExtraLayer>,
) -> Result<(), TelemetryError> {
    let is_changeable = filter.is_none();
    let (filter, console) = reload::Layer::new(self::filter(level, filter)?);
    let format = match format {
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some(value) => return Err(TelemetryError::Format { value: value.to_owned() }),
    };
    let registry = tracing_subscriber::registry().with(extra);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_timer(Clock);
    // Fails only when somebody has set a subscriber before, and that one then stays.
    let done = match format {
        Format::Text => registry.with(lines.with_target(false).with_ansi(color).with_filter(filter)).try_init(),
        Format::Json => registry.with(lines.json().flatten_event(true).with_ansi(false).with_filter(filter)).try_init(),
    };
    if done.is_ok() && is_changeable {
        // Set once: only the first subscriber stays.
        let _ = CONSOLE.set(console);
    }
    Ok(())
}

struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, out: &mut Writer<'_>) -> std::fmt::Result {
        write!(out, "{:.3}", wall_clock())
    }
}

/// An error and its causes in one line, for messages that people read. What a cause only repeats is left out.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}
