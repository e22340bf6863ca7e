//! One worker's life: accepts connections, serves each in a task of its own, and drains when the stop is asked for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_rustls::TlsAcceptor;

use super::acme::challenges::PROTOCOL;
use super::body::Answer;
use super::crowd::{Full, Place};
use super::front;
use super::guard::{Guarded, Switched};
use super::known::Known;
use super::metrics;
use super::worker::{Peer, Worker};
use crate::serve::{self, Lifecycle};

/// Fields in the head of a request.
const MOST_HEADERS: usize = 128;
/// Data of one read or write: large bodies cost few system calls.
const BUFFER: usize = 256 * 1024;
/// Requests at a time on one connection of HTTP/2.
const STREAMS: u32 = 128;
/// What a client may send ahead, on one stream and in all.
const WINDOW: u32 = 1024 * 1024;
/// Between two looks whether a client of HTTP/2 is there.
const PING: Duration = Duration::from_secs(30);
/// Seconds of silence until a client is probed, and between probes: an answer that waits for an event may be for nobody.
const PROBE_AFTER: u32 = 60;
const PROBE_EVERY: u32 = 15;

/// The first bytes of HTTP/2, as many as tell it from everything else.
const PREFACE: [u8; 4] = *b"PRI ";
/// Between two looks at a client that sends a byte at a time.
const DRIP: Duration = Duration::from_millis(20);
/// For a client that is not let in to read why.
const FAREWELL: Duration = Duration::from_secs(1);
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: 66\r\n\r\n\
    {\"status\":429,\"message\":\"too many connections from this address\"}\n";
/// A client that is at it asks again within this; whoever does not is let go.
const LAST_CALL: Duration = Duration::from_millis(300);

/// Where a worker takes its connections from.
#[derive(Debug)]
pub struct Doors {
    pub plain: std::net::TcpListener,
    pub tls: Option<(std::net::TcpListener, Arc<rustls::ServerConfig>)>,
    /// Whoever handed the sockets over holds them after us, and what we leave waiting is not lost.
    pub has_heir: bool,
}

/// The same, in the worker's event loop.
struct Open {
    plain: TcpListener,
    tls: Option<(TcpListener, TlsAcceptor)>,
}

/// Connections that were let in together.
struct Guests {
    worker: Arc<Worker>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    /// Held by each connection; closed when the last is over.
    open: mpsc::Sender<Infallible>,
}

/// Until the stop and the end of what was under way. Returns how many connections were cut off.
pub async fn serve(worker: Arc<Worker>, doors: Doors) -> std::io::Result<usize> {
    let has_heir = doors.has_heir;
    let doors = Open::new(doors)?;
    let shared = Arc::clone(&worker.shared);
    let (guests, mut gone) = Guests::new(worker);
    let mut stopped = pin!(shared.lifecycle.stopped());
    loop {
        tokio::select! {
            () = doors.next(&guests) => {}
            () = &mut stopped => break,
        }
    }
    let mut over = pin!(tokio::time::sleep(shared.settings.drain));
    let (late, mut late_gone) = guests.next();
    let early = guests.open.downgrade();
    drop(guests);
    if has_heir {
        // The next process starts when this one has ended. Until then new clients need not wait for the slowest answer: they
        // are served, one request each, as long as somebody from before the stop is.
        loop {
            tokio::select! {
                () = doors.next(&late) => {}
                _ = gone.recv() => break,
                () = &mut over => break,
            }
        }
    }
    // Whoever waits in the kernel's queue has been answered by it, and without an heir would be cut off without a word.
    doors.empty(&late).await;
    drop(doors);
    let latest = late.open.downgrade();
    drop(late);
    let all = async {
        // Closed, which is what both are waited for.
        let _ = gone.recv().await;
        let _ = late_gone.recv().await;
    };
    tokio::select! {
        () = all => {}
        () = &mut over => {}
    }
    Ok(early.strong_count() + latest.strong_count())
}

impl Open {
    fn new(doors: Doors) -> std::io::Result<Self> {
        let tls = match doors.tls {
            Some((listener, config)) => Some((TcpListener::from_std(listener)?, TlsAcceptor::from(config))),
            None => None,
        };
        Ok(Self { plain: TcpListener::from_std(doors.plain)?, tls })
    }

    /// Lets in one connection. A door opens only when there is room.
    async fn next(&self, guests: &Arc<Guests>) {
        // Never closed while it is shared.
        let Ok(slot) = Arc::clone(&guests.worker.shared.slots).acquire_owned().await else { return };
        tokio::select! {
            accepted = self.plain.accept() => guests.welcome(accepted, None, slot).await,
            accepted = self.next_tls() => {
                guests.welcome(accepted, self.tls.as_ref().map(|(_, acceptor)| acceptor.clone()), slot).await;
            }
        }
    }

    async fn next_tls(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        match &self.tls {
            Some((listener, _)) => listener.accept().await,
            None => std::future::pending().await,
        }
    }

    /// Lets in those who wait already.
    async fn empty(&self, guests: &Arc<Guests>) {
        let tls = self.tls.as_ref().map(|(listener, acceptor)| (listener, Some(acceptor.clone())));
        for (listener, acceptor) in std::iter::once((&self.plain, None)).chain(tls) {
            while let Some(accepted) = listener.accept().now_or_never() {
                let Ok(slot) = Arc::clone(&guests.worker.shared.slots).try_acquire_owned() else { return };
                if accepted.is_err() {
                    return;
                }
                guests.welcome(accepted, acceptor.clone(), slot).await;
            }
        }
    }
}

/// Whether a connection begins as one of HTTP/2 does, with a method that HTTP/1.1 must not have. Takes nothing of it.
async fn begins_http2(stream: &TcpStream) -> std::io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        if count == 0 || first[..count] != PREFACE[..count] {
            return Ok(false);
        }
        if count == PREFACE.len() {
            return Ok(true);
        }
        // What there is stays readable, so that only time can be waited for.
        tokio::time::sleep(DRIP).await;
    }
}

/// A stop, and after it the time that clients have for one more request.
async fn last_call(lifecycle: &Lifecycle) {
    lifecycle.stopped().await;
    tokio::time::sleep(LAST_CALL).await;
}

impl Guests {
    /// The second ends when the last of them has gone.
    fn new(worker: Arc<Worker>) -> (Arc<Self>, mpsc::Receiver<Infallible>) {
        let settings = &worker.shared.settings;
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header)
            .half_close(true)
            .max_headers(MOST_HEADERS)
            .max_header_size(settings.header_limit)
            .max_buf_size(BUFFER.max(settings.header_limit));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .keep_alive_interval(PING)
            .max_header_list_size(u32::try_from(settings.header_limit).unwrap_or(u32::MAX));
        let (open, gone) = mpsc::channel(1);
        (Arc::new(Self { worker, http1, http2, open }), gone)
    }

    /// Others after them.
    fn next(&self) -> (Arc<Self>, mpsc::Receiver<Infallible>) {
        let (open, gone) = mpsc::channel(1);
        let (http1, http2) = (self.http1.clone(), self.http2.clone());
        (Arc::new(Self { worker: Arc::clone(&self.worker), http1, http2, open }), gone)
    }

    async fn welcome(
        self: &Arc<Self>,
        accepted: std::io::Result<(TcpStream, SocketAddr)>,
        acceptor: Option<TlsAcceptor>,
        slot: OwnedSemaphorePermit,
    ) {
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => return serve::after_failed_accept(&error).await,
        };
        let port = stream.local_addr().map_or(0, |local| local.port());
        let stream = serve::prepared(stream);
        let probed = setsockopt(&stream, sockopt::TcpKeepIdle, &PROBE_AFTER)
            .and_then(|()| setsockopt(&stream, sockopt::TcpKeepInterval, &PROBE_EVERY));
        if let Err(error) = probed {
            tracing::debug!(%error, "a connection without its probes");
        }
        let place = match self.place(address) {
            Ok(place) => place,
            Err(full) => {
                if full.is_news {
                    let limit = self.worker.shared.settings.client_connections;
                    tracing::warn!(client = %address.ip(), limit, "too many connections of one client; refuses more");
                }
                metrics::refused_connection();
                if acceptor.is_none() {
                    tokio::spawn(refuse(stream, slot));
                }
                return;
            }
        };
        let guests = Arc::clone(self);
        let open = self.open.clone();
        tokio::spawn(async move {
            let gauge = guests.worker.shared.connections.clone();
            gauge.increment(1.0);
            let is_tls = acceptor.is_some();
            let peer = Peer {
                address,
                port,
                is_tls,
                switched: Switched::default(),
                known: Known::default(),
                _slot: slot,
                _place: place,
            };
            match acceptor {
                None => guests.speak_plain(stream, Arc::new(peer)).await,
                Some(acceptor) => guests.speak_tls(stream, acceptor, Arc::new(peer)).await,
            }
            gauge.decrement(1.0);
            drop(open);
        });
    }

    /// A proxy that is trusted stands for all of its clients.
    fn place(&self, address: SocketAddr) -> Result<Place, Full> {
        let client = address.ip().to_canonical();
        if self.worker.shared.settings.trusted.has(client) {
            return Ok(Place::free());
        }
        self.worker.shared.crowd.admit(client)
    }

    /// HTTP/1.1, or HTTP/2 by prior knowledge (RFC 9113, section 3.3).
    async fn speak_plain(&self, stream: TcpStream, peer: Arc<Peer>) {
        let limit = self.worker.shared.settings.header;
        let begun = tokio::select! {
            begun = tokio::time::timeout(limit, begins_http2(&stream)) => begun,
            () = last_call(&self.worker.shared.lifecycle) => return,
        };
        match begun {
            Ok(Ok(true)) => self.speak_http2(stream, peer).await,
            Ok(Ok(false)) => self.speak_http1(stream, peer).await,
            Ok(Err(error)) => tracing::debug!(peer = %peer.address, %error, "a connection ended early"),
            Err(_) => tracing::debug!(peer = %peer.address, "no request in time"),
        }
    }

    async fn speak_tls(&self, stream: TcpStream, acceptor: TlsAcceptor, peer: Arc<Peer>) {
        let limit = self.worker.shared.settings.header;
        let stream = match tokio::time::timeout(limit, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(peer = %peer.address, %error, "no TLS"),
            Err(_) => return tracing::debug!(peer = %peer.address, "no TLS in time"),
        };
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => self.speak_http2(stream, peer).await,
            // The certificate was all that was asked for.
            Some(PROTOCOL) => {}
            _ => self.speak_http1(stream, peer).await,
        }
    }

    async fn speak_http1<T>(&self, stream: T, peer: Arc<Peer>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let address = peer.address;
        let guarded = Guarded::new(stream, peer.switched.clone(), self.worker.shared.settings.stall);
        let service = service(Arc::clone(&self.worker), peer);
        let mut connection = pin!(self.http1.serve_connection(TokioIo::new(guarded), service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // Until then answers say that they are the last, which no client misses as it may miss a connection that closes.
            () = last_call(&self.worker.shared.lifecycle) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        report(address, ended);
    }

    async fn speak_http2<T>(&self, stream: T, peer: Arc<Peer>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let address = peer.address;
        let service = service(Arc::clone(&self.worker), peer);
        let mut connection = pin!(self.http2.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.worker.shared.lifecycle.stopped() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        report(address, ended);
    }
}

/// Tells a client that it has too many connections, whatever it asks. It is not waited for longer than it takes to read that.
async fn refuse(mut stream: TcpStream, slot: OwnedSemaphorePermit) {
    let told = async {
        stream.write_all(TOO_MANY).await?;
        stream.shutdown().await?;
        // What it has sent is read, because a connection that is closed with data unread is reset.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(FAREWELL, told).await {
        tracing::debug!(%error, "a client was refused without a word");
    }
    drop(slot);
}

/// What answers the requests of one connection.
fn service(
    worker: Arc<Worker>,
    peer: Arc<Peer>,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<Answer>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Answer>, Infallible>> + Send + 'static,
> {
    service_fn(move |request| front::answer(Arc::clone(&worker), Arc::clone(&peer), request))
}

/// A client that goes away or talks nonsense is its own affair.
fn report(peer: SocketAddr, ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
