//! What users see: the real binary, in a temporary directory, its output and exit code.

mod support;

mod exits;
mod health;
mod logs;
mod ports;
mod processes;
mod recovery;
mod restart;
mod signals;
mod stack;
