//! What users see: the real binary, in a temporary directory, its output and exit code.

#![expect(clippy::expect_used, reason = "in a test, what should not happen ends the test")]
#![expect(clippy::print_stderr, reason = "what a failed test should tell")]

#[path = "../doubles/mod.rs"]
mod doubles;
mod support;

mod backend;
mod build;
mod clients;
mod config;
mod director;
mod docs;
mod exits;
mod governance;
mod governify;
mod grafana;
mod grants;
mod health;
mod init;
mod limits;
mod logging;
mod logs;
mod modes;
mod package;
mod parts;
mod ports;
mod processes;
mod proxy;
mod recovery;
mod registry;
mod restart;
mod setup;
mod signals;
mod stack;
mod stale;
mod terminal;
mod volumes;
mod watch;
mod web;
