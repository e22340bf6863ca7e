//! A client's connection, with its framing looked at before anybody parses it, and its slowness bounded.
//!
//! What [`Framing`] refuses in a head is replaced by a byte that no head may contain, so that the parser behind answers 400
//! and closes; in a body the connection breaks, which ends the request at the service, too. Never copies data.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Framing, Refused};
use super::metrics;
use super::patience::Patience;

/// Not allowed anywhere in a head, and the end of one.
const POISON: &[u8] = b"\0\r\n\r\n";
/// For a client that was told to stop to read why.
const LINGER: Duration = Duration::from_secs(2);
/// Thrown away at once.
const SCRATCH: usize = 8 * 1024;

/// Set when a connection is no longer HTTP.
#[derive(Debug, Clone, Default)]
pub struct Switched(Arc<AtomicBool>);

impl Switched {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub struct Guarded<T> {
    inner: T,
    framing: Framing,
    switched: Switched,
    refused: Option<Refused>,
    stall: Patience,
    is_shut: bool,
    linger: Patience,
}

impl<T> Guarded<T> {
    /// A client that takes nothing for `patience` is let go.
    pub fn new(inner: T, switched: Switched, patience: Duration) -> Self {
        Self {
            inner,
            framing: Framing::default(),
            switched,
            refused: None,
            stall: Patience::new(Some(patience)),
            is_shut: false,
            linger: Patience::new(Some(LINGER)),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(refused) = this.refused {
            return Poll::Ready(end(refused, buf));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        if this.switched.is_set() {
            return Poll::Ready(Ok(()));
        }
        let Err(refused) = this.framing.read(&buf.filled()[before..]) else { return Poll::Ready(Ok(())) };
        metrics::refused_framing(refused.why);
        tracing::debug!(reason = refused.why.name(), "refuses a connection for its framing");
        this.refused = Some(refused);
        buf.set_filled(before + refused.at);
        if refused.at > 0 && !refused.in_head {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(end(refused, buf))
    }
}

/// What the parser gets in place of what is refused.
fn end(refused: Refused, buf: &mut ReadBuf<'_>) -> io::Result<()> {
    if !refused.in_head {
        return Err(io::Error::new(io::ErrorKind::InvalidData, refused.why.name()));
    }
    let room = POISON.len().min(buf.remaining());
    buf.put_slice(&POISON[..room]);
    Ok(())
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let done = Pin::new(&mut this.inner).poll_write(cx, buf);
        watched(&mut this.stall, cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let done = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        watched(&mut this.stall, cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let done = Pin::new(&mut this.inner).poll_flush(cx);
        watched(&mut this.stall, cx, done)
    }

    /// A connection that is closed with data unread is reset, and the client may never see the answer to what it was still
    /// sending. So that is read for a while, and thrown away.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_shut {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            this.is_shut = true;
        }
        if this.switched.is_set() || (this.refused.is_none() && this.framing.is_between()) {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; SCRATCH];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.inner).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                // The end, or nothing more to be had of it: both are what was waited for.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return this.linger.poll_over(cx).map(Ok),
            }
        }
    }
}

/// A write that waits, bounded.
fn watched<R>(patience: &mut Patience, cx: &mut Context<'_>, done: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
    if done.is_ready() {
        patience.rest();
        return done;
    }
    ready!(patience.poll_over(cx));
    Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no data")))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What comes out of what goes in, and how it ends.
    async fn passed(text: &str) -> (String, Option<io::ErrorKind>) {
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(text.as_bytes()).await.unwrap();
        let mut guarded = Guarded::new(server, Switched::default(), Duration::from_secs(5));
        let mut out = vec![0; 1024];
        let mut len = 0;
        loop {
            match guarded.read(&mut out[len..]).await {
                Ok(more) => len += more,
                Err(error) => return (String::from_utf8_lossy(&out[..len]).into_owned(), Some(error.kind())),
            }
            if len >= text.len() || out[..len].contains(&0) {
                return (String::from_utf8_lossy(&out[..len]).into_owned(), None);
            }
        }
    }

    #[tokio::test]
    async fn good_requests_pass_and_bad_ones_are_poisoned_or_broken() {
        let good = "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nab";
        assert_eq!(passed(good).await, (good.to_owned(), None));
        let head = passed("GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n").await;
        assert_eq!(head, ("GET / HTTP/1.1\r\n\0\r\n\r\n".to_owned(), None));
        let chunked = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = passed(&format!("{chunked}zz\r\n")).await;
        assert_eq!(body, (chunked.to_owned(), Some(io::ErrorKind::InvalidData)));
    }

    #[tokio::test]
    async fn another_protocol_is_not_looked_at() {
        let (mut client, server) = tokio::io::duplex(64);
        let switched = Switched::default();
        let mut guarded = Guarded::new(server, switched.clone(), Duration::from_secs(5));
        switched.set();
        client.write_all(b"\n\n\0").await.unwrap();
        let mut out = [0; 3];
        guarded.read_exact(&mut out).await.unwrap();
        assert_eq!(&out, b"\n\n\0");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_let_go() {
        let (_client, server) = tokio::io::duplex(4);
        let mut guarded = Guarded::new(server, Switched::default(), Duration::from_millis(10));
        let error = guarded.write_all(b"more than that").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
