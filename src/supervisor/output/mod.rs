//! The output of services: pipes in, lines on disk, in memory and to whoever watches out.
//!
//! Owns the read ends of the services' stdout and stderr, the files below `logs/`, the ring of recent output and the
//! log-line watches. Never decides whether a service is ready or restarts; never blocks the engine's thread: one thread
//! named `logs` reads the pipes and writes the files.
//!
//! How a byte passes through: a pipe becomes readable → [`pump`] reads what is there into the buffer that all pipes
//! share → watches see the raw bytes → [`split`] turns them into records of the container log format
//! (`<RFC 3339 UTC, nanoseconds> <stdout|stderr|reeve> <F|P> <bytes>\n`) with one time per read → ring, subscribers →
//! [`file`] appends them with one write, rotating between records.
//!
//! Reading and writing happen in the same thread, so a disk that is slow holds up the pipe and, once that is full, the
//! service: this is `on_full = "block"`. With `on_full = "drop"`, a service that fills its pipe while its writes have
//! taken more than half of the current second has its lines left out of the file until that second is over; they still reach the ring
//! and subscribers, and the log states how many lines are missing. A disk that *fails* (full, read-only, gone) never holds
//! up a service, whatever the policy: the lines are counted, the failure is reported once, writing is tried again with
//! later output, and the log then states the loss. See `docs/logs.md`.

pub mod cap;
pub mod file;
pub mod follow;
pub mod hub;
pub mod line;
pub mod pump;
pub mod reader;
pub mod ring;
pub mod split;
pub mod subscribe;
pub mod watch;

pub use follow::Follow;
pub use hub::{LogHub, LogSink, LogTrouble};
pub use line::{LogLine, Record, Stream, parse_line};
pub use pump::{Attached, Drained};
pub use reader::{LogReader, Merged};
pub use subscribe::Subscription;
pub(super) use watch::strip_ansi;

#[cfg(test)]
mod tests;
