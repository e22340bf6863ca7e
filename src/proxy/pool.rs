//! Connections to one replica that wait for their next request. Each worker has its own, so nobody waits for a lock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::body::Outgoing;

/// Unused connections to one replica and worker; more were only good for a burst.
const MOST_IDLE: usize = 128;
/// For a connection to become free once its answer has been read.
const RELEASE: Duration = Duration::from_secs(1);
/// Fields in the head of an answer.
const MOST_HEADERS: usize = 256;
/// Bytes of the head of an answer.
const HEADER_LIMIT: usize = 64 * 1024;
/// Data of one read. Large enough that a large answer costs few system calls, small enough for a thousand at once.
const BUFFER: usize = 256 * 1024;

pub type Sender = SendRequest<Outgoing>;

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot connect")]
    Connect(#[source] std::io::Error),
    #[error("the connection was not made in time")]
    Late,
    #[error("the connection broke at once")]
    Handshake(#[source] hyper::Error),
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

#[derive(Debug)]
pub struct Pool {
    address: SocketAddr,
    connect: Duration,
    keep: Duration,
    idle: Mutex<Vec<Idle>>,
}

impl Pool {
    pub fn new(address: SocketAddr, connect: Duration, keep: Duration) -> Self {
        Self { address, connect, keep, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one used last, which is the least likely to be closed.
    pub fn take(&self) -> Option<Sender> {
        let mut idle = self.idle();
        while let Some(next) = idle.pop() {
            if next.since.elapsed() >= self.keep {
                // All others are older still.
                idle.clear();
            } else if next.sender.is_ready() {
                return Some(next.sender);
            }
        }
        None
    }

    fn put(&self, sender: Sender) {
        let mut idle = self.idle();
        let old = idle.iter().take_while(|idle| idle.since.elapsed() >= self.keep || idle.sender.is_closed()).count();
        idle.drain(..old);
        if idle.len() < MOST_IDLE {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }

    /// Takes a connection back whose answer has been read. It may still be sending a request that was answered early.
    pub fn give_back(self: &Arc<Self>, mut sender: Sender) {
        if sender.is_ready() {
            self.put(sender);
        } else if !sender.is_closed() {
            let pool = Arc::clone(self);
            tokio::spawn(async move {
                if let Ok(Ok(())) = tokio::time::timeout(RELEASE, sender.ready()).await {
                    pool.put(sender);
                }
            });
        }
    }

    pub async fn connect(&self) -> Result<Sender, ConnectError> {
        let made = tokio::time::timeout(self.connect, TcpStream::connect(self.address)).await;
        let stream = made.map_err(|_| ConnectError::Late)?.map_err(ConnectError::Connect)?;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection without its options");
        }
        let mut builder = Builder::new();
        builder.max_headers(MOST_HEADERS).max_header_size(HEADER_LIMIT).max_buf_size(BUFFER);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(ConnectError::Handshake)?;
        tokio::spawn(async move {
            // Whoever waits for an answer hears of it, too.
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to a service ended early");
            }
        });
        Ok(sender)
    }
}
