//! The Governify registry: its engine against a double of a collector, and `reeve serve registry` over HTTP on the real
//! MongoDB, a fresh database per test.

mod agreements;
mod bills;
mod collector;
mod engine;
mod filtered;
mod guarantees;
mod harness;
mod metrics;
mod outage;
mod overrides;
mod pages;
mod records;
mod stream;
mod templates;
mod walk;

/// Runs a computation to its end. A double answers from a thread of its own.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = crate::support::event_loop();
    runtime.block_on(work)
}
