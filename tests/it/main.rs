//! What users see: the real binary, in a temporary directory, its output and exit code.

mod support;

mod exits;
mod logs;
mod processes;
mod recovery;
mod signals;
mod stack;
