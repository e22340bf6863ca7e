//! `reeve serve director` over HTTP: the real binary with a folder of tasks of its own per test, and a server of scripts.

mod harness;

mod hostile;
mod load;
mod persistence;
mod root;
mod schedule;
mod scripts;
mod tasks;
mod upstream;
