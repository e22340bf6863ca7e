//! The Governify director: tasks that run scripts at fixed intervals, started as `reeve serve director`.
//!
//! Owns a folder of task files and everything that happens with them. A request goes through `governify::front`,
//! [`routes`], and its handler in [`tasks`] or [`execution`], which works on the [`folder`]; the [`scheduler`] hears of
//! changes of that folder, asks the pure [`schedule`] what is due, and hands it to [`execution`], which fetches the script
//! and gives it to the [`runner`]. Never imports the supervisor or the registry.

mod app;
mod badge;
mod error;
mod execution;
mod fetch;
mod folder;
mod openapi;
mod root;
mod routes;
pub mod runner;
mod schedule;
mod scheduler;
mod settings;
mod start;
mod task;
mod tasks;

pub use start::{StartError, run};
