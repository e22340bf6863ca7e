//! What users see: the real binary, in a temporary directory, its output and exit code.

mod support;

mod config;
mod exits;
mod health;
mod limits;
mod logging;
mod logs;
mod parts;
mod ports;
mod processes;
mod recovery;
mod restart;
mod signals;
mod stack;
mod volumes;
