//! The backend's clients of other services, against doubles of them.

mod upstream;
mod vendors;

use crate::doubles::Server;

/// Runs a call to its end. A double answers from a thread of its own.
fn run<T>(work: impl Future<Output = T>) -> T {
    reeve::serve::install_tls();
    let runtime = crate::support::event_loop();
    runtime.block_on(work)
}

/// The address of a server that is no more.
fn nowhere() -> String {
    Server::start(axum::Router::new()).url()
}
