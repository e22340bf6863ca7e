//! HTTP plumbing that every service of ours shares: bind, serve, drain on SIGTERM, request ids, bodies, metrics, documents, TLS provider.
//!
//! Owns the life of a server process between exec and exit. Never knows what is served: a service hands over a
//! [`axum::Router`] and a [`Lifecycle`] that it asks whether it is ready.
//!
//! Data: `bind` → `run` (accept, one task per connection) → SIGTERM → readiness off → no new connections → answers under
//! way are finished within the grace → exit.

pub mod body;
pub mod documents;
pub mod environment;
mod lifecycle;
pub mod metrics;
pub mod mongo;
pub mod openapi30;
pub mod request_id;
mod secret;
mod server;
pub mod spelling;
pub mod traces;

pub use crate::platform::sockets::{InheritError, inherited};
pub use lifecycle::Lifecycle;
pub use secret::Secret;
pub use server::{Limits, ServeError, after_failed_accept, bind, prepared, run};

/// The one provider of cryptography for TLS in this process; the second call changes nothing.
pub fn install_tls() {
    // Refused only when there is one already, and there is only this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The life of a service's process: TLS, metrics, an event loop. What its blocking threads do at the end is not waited for.
pub fn process<T>(workers: Option<usize>, work: impl Future<Output = T>) -> std::io::Result<T> {
    install_tls();
    metrics::install();
    let runtime = runtime(workers)?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// As many workers as there are processors unless told otherwise.
pub fn runtime(workers: Option<usize>) -> std::io::Result<tokio::runtime::Runtime> {
    let workers = workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if workers == 1 {
        return tokio::runtime::Builder::new_current_thread().enable_all().build();
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
}
