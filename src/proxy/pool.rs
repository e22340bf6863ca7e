//! Connections to one replica that wait for their next request. Each worker has its own, so nobody waits for a lock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::header::{self, HeaderValue};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::body::Outgoing;
use super::file::{Protocol, ServiceSpec};

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
/// What a service may send ahead over HTTP/2, of one answer and of all.
const WINDOW: u32 = 1024 * 1024;

/// The way to send requests over one connection.
#[derive(Debug)]
pub enum Sender {
    Http1(http1::SendRequest<Outgoing>),
    /// Shared by all requests of a worker to a replica.
    Http2(http2::SendRequest<Outgoing>, SocketAddr),
}

impl Sender {
    fn is_ready(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_ready(),
            Self::Http2(sender, _) => sender.is_ready(),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender, _) => sender.is_closed(),
        }
    }

    /// The same connection once more, where it can be shared.
    fn shared(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender, address) => Some(Self::Http2(sender.clone(), *address)),
        }
    }

    pub async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender, address) => sender.try_send_request(in_http2(request, *address)).await,
        }
    }
}

/// With the name of the service in its address, where HTTP/2 has it.
fn in_http2(mut request: Request<Outgoing>, address: SocketAddr) -> Request<Outgoing> {
    *request.version_mut() = Version::HTTP_2;
    if request.uri().authority().is_some() {
        return request;
    }
    let host = request.headers_mut().remove(header::HOST);
    let named = |host: HeaderValue| Authority::try_from(host.as_bytes()).ok();
    let authority = host.and_then(named).or_else(|| Authority::try_from(address.to_string()).ok());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = authority;
    // Made of parts that were in an address before; one that cannot be is refused where it is sent.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}

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
    protocol: Protocol,
    connect: Duration,
    keep: Duration,
    idle: Mutex<Vec<Idle>>,
}

impl Pool {
    pub fn new(address: SocketAddr, spec: &ServiceSpec) -> Self {
        Self { address, protocol: spec.protocol, connect: spec.connect, keep: spec.keep, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one used last, which is the least likely to be closed.
    pub fn take(&self) -> Option<Sender> {
        let mut idle = self.idle();
        while let Some(mut next) = idle.pop() {
            if next.since.elapsed() >= self.keep {
                // All others are older still.
                idle.clear();
            } else if next.sender.is_ready() {
                let Some(same) = next.sender.shared() else { return Some(next.sender) };
                next.since = Instant::now();
                idle.push(next);
                return Some(same);
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
    pub fn give_back(self: &Arc<Self>, sender: Sender) {
        let Sender::Http1(mut sender) = sender else { return };
        if sender.is_ready() {
            self.put(Sender::Http1(sender));
        } else if !sender.is_closed() {
            let pool = Arc::clone(self);
            tokio::spawn(async move {
                if let Ok(Ok(())) = tokio::time::timeout(RELEASE, sender.ready()).await {
                    pool.put(Sender::Http1(sender));
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
        match self.protocol {
            Protocol::Http1 => http1(stream).await,
            Protocol::Http2 => {
                let sender = http2(stream, self.address).await?;
                // From now on, not only when this request is answered.
                if let Some(same) = sender.shared() {
                    self.put(same);
                }
                Ok(sender)
            }
        }
    }
}

async fn http1(stream: TcpStream) -> Result<Sender, ConnectError> {
    let mut builder = http1::Builder::new();
    builder.max_headers(MOST_HEADERS).max_header_size(HEADER_LIMIT).max_buf_size(BUFFER);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(ConnectError::Handshake)?;
    tokio::spawn(async move {
        // Whoever waits for an answer hears of it, too.
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to a service ended early");
        }
    });
    Ok(Sender::Http1(sender))
}

async fn http2(stream: TcpStream, address: SocketAddr) -> Result<Sender, ConnectError> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEADER_LIMIT as u32);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(ConnectError::Handshake)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a service ended early");
        }
    });
    Ok(Sender::Http2(sender, address))
}
