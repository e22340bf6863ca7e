//! Accepts connections and serves them until the stop, then drains.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use super::Lifecycle;
use crate::platform::memory;

/// Connections that the kernel keeps for us while we are busy.
const BACKLOG: u32 = 1024;

/// After so long what only the start needed has been used for the last time.
const SETTLED: Duration = Duration::from_secs(3);

/// What a caller may take of us.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; further ones wait in the kernel's queue.
    pub connections: usize,
    /// From the first byte of a head to its last; a slow client is let go.
    pub header: Duration,
    /// From the stop until answers under way are given up.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, header: Duration::from_secs(15), drain: Duration::from_secs(8) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot hear of signals")]
    Signals(#[source] io::Error),
}

/// Takes the address. Port 0 is any free one; the listener knows which.
pub fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let failed = |source| ServeError::Bind { address, source };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    // A restart must not wait for old connections to time out.
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)
}

/// Serves until SIGTERM or SIGINT (a second one ends it at once), then drains. Returns how many connections were cut off.
pub async fn run(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    lifecycle: Lifecycle,
) -> Result<usize, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let service = TowerToHyperService::new(router);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let upkeep = tokio::spawn(super::metrics::upkeep());
    let settling = tokio::spawn(settle());
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header);
    let builder = Arc::new(builder);
    loop {
        let next = async {
            // Never closed while we hold it.
            let slot = slots.clone().acquire_owned().await.ok();
            (listener.accept().await, slot)
        };
        tokio::select! {
            (accepted, slot) = next => match accepted {
                Ok((stream, peer)) => {
                    let io = TokioIo::new(prepared(stream));
                    let service = service.clone();
                    let builder = builder.clone();
                    let watcher = graceful.watcher();
                    tokio::spawn(async move {
                        let connection = builder.serve_connection_with_upgrades(io, with_peer(service, peer));
                        // A client that goes away or talks nonsense is its own affair.
                        if let Err(error) = watcher.watch(connection).await {
                            tracing::debug!(%peer, %error, "a connection ended early");
                        }
                        drop(slot);
                    });
                }
                Err(error) => after_failed_accept(&error).await,
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = lifecycle.stopped() => break,
        }
    }
    lifecycle.stop();
    upkeep.abort();
    settling.abort();
    drop(listener);
    tracing::info!(connections = graceful.count(), "stops; finishes what is under way");
    let open = limits.connections - slots.available_permits();
    tokio::select! {
        () = graceful.shutdown() => return Ok(0),
        () = tokio::time::sleep(limits.drain) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let cut = (limits.connections - slots.available_permits()).min(open);
    tracing::warn!(connections = cut, "cut off: not finished within the grace");
    Ok(cut)
}

/// Gives back what the start has left over: pages of the heap, and of the program.
async fn settle() {
    tokio::time::sleep(SETTLED).await;
    if let Err(error) = tokio::task::spawn_blocking(memory::give_back).await {
        tracing::debug!(%error, "the memory of the start is kept");
    }
}

/// Hands the caller's address to the handlers, as `axum::extract::ConnectInfo` would.
fn with_peer(
    service: TowerToHyperService<Router>,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    hyper::Request<hyper::body::Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future = impl Future<Output = Result<axum::response::Response, std::convert::Infallible>> + Send,
> {
    hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        hyper::service::Service::call(&service, request)
    })
}

/// With the options that every connection of a client gets.
pub fn prepared(stream: TcpStream) -> TcpStream {
    // Answers are written whole; waiting for more to send only delays them.
    let nodelay = stream.set_nodelay(true);
    let keepalive = setsockopt(&stream, sockopt::KeepAlive, &true);
    if nodelay.is_err() || keepalive.is_err() {
        tracing::debug!("a connection without its options");
    }
    stream
}

/// Out of descriptors or memory: trying again at once would only burn time.
pub async fn after_failed_accept(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "cannot take a connection");
    let mut pause = pin!(tokio::time::sleep(Duration::from_millis(100)));
    pause.as_mut().await;
}
