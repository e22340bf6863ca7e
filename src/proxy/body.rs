//! Bodies on their way through: of requests, with their limits, and of answers, whose end frees a connection.
//!
//! Pieces are passed on as they come: no piece waits for another, and none is copied.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::access_log::Record;
use super::found::FileBody;
use super::patience::Patience;
use super::pool::{Pool, Sender};
use super::upstream::{Lease, now};

/// Why the body of a request did not arrive whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body is larger than is allowed")]
    TooLarge = 1,
    #[error("the body did not arrive in time")]
    Late = 2,
    #[error("the body broke off, or is not framed as it should be")]
    Broken = 3,
}

/// How far the sending of a request is. Read by whoever waits for the answer.
#[derive(Debug, Default)]
pub struct Progress {
    fault: AtomicU8,
    /// Milliseconds, by [`now`].
    moved: AtomicU64,
}

impl Progress {
    pub fn fault(&self) -> Option<BodyFault> {
        match self.fault.load(Ordering::Acquire) {
            1 => Some(BodyFault::TooLarge),
            2 => Some(BodyFault::Late),
            3 => Some(BodyFault::Broken),
            _ => None,
        }
    }

    pub fn moved(&self) -> Duration {
        Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    pub fn touch(&self) {
        self.moved.store(now().as_millis() as u64, Ordering::Relaxed);
    }

    fn fail(&self, fault: BodyFault) -> BodyFault {
        self.fault.store(fault as u8, Ordering::Release);
        fault
    }
}

/// The body of a request to a service.
#[derive(Debug)]
pub enum Outgoing {
    Empty,
    Stream(Box<Upload>),
}

#[derive(Debug)]
pub struct Upload {
    incoming: Incoming,
    left: u64,
    patience: Patience,
    progress: Arc<Progress>,
}

impl Upload {
    /// Fails at the byte that exceeds `limit`, and when nothing comes for `patience`.
    pub fn new(incoming: Incoming, limit: u64, patience: Duration, progress: Arc<Progress>) -> Self {
        Self { incoming, left: limit, patience: Patience::new(Some(patience)), progress }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let frame = match polled {
            Poll::Pending => {
                let over = self.patience.poll_over(cx);
                return over.map(|()| Some(Err(self.progress.fail(BodyFault::Late))));
            }
            Poll::Ready(None) => {
                self.progress.touch();
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "the body of a request broke off");
                return Poll::Ready(Some(Err(self.progress.fail(BodyFault::Broken))));
            }
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        self.patience.rest();
        self.progress.touch();
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        Poll::Ready(Some(match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Ok(frame)
            }
            None => Err(self.progress.fail(BodyFault::TooLarge)),
        }))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Stream(upload) => upload.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stream(upload) => upload.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Stream(upload) => upload.incoming.size_hint(),
        }
    }
}

/// Why an answer ends early. The client sees it by the connection being cut.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
    #[error("the service broke off its answer")]
    Service(#[source] hyper::Error),
    #[error("the service stopped sending in the middle of its answer")]
    Stalled,
    #[error("the file cannot be read to its end")]
    File(#[source] std::io::Error),
}

/// The body of an answer.
#[derive(Debug)]
pub struct Answer {
    kind: Kind,
    /// Written when the answer is over, however it ends.
    record: Option<Box<Record>>,
}

#[derive(Debug)]
enum Kind {
    Whole(Bytes),
    Service(Box<Download>),
    File(Box<FileBody>),
}

/// An answer of a service.
#[derive(Debug)]
pub struct Download {
    incoming: Incoming,
    patience: Patience,
    /// Gone when the answer has been read.
    rest: Option<(Sender, Arc<Pool>, Lease)>,
}

impl Download {
    pub fn new(incoming: Incoming, idle: Option<Duration>, sender: Sender, pool: Arc<Pool>, lease: Lease) -> Self {
        let mut download = Self { incoming, patience: Patience::new(idle), rest: Some((sender, pool, lease)) };
        download.release_if_read();
        download
    }

    fn release_if_read(&mut self) {
        if self.incoming.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some((sender, pool, _)) = self.rest.take() {
            pool.give_back(sender);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerFault>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Pending => self.patience.poll_over(cx).map(|()| {
                self.rest = None;
                Some(Err(AnswerFault::Stalled))
            }),
            Poll::Ready(None) => {
                self.release();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.rest = None;
                Poll::Ready(Some(Err(AnswerFault::Service(error))))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.patience.rest();
                self.release_if_read();
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }
}

impl Answer {
    pub fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Whole(bytes.into()), record: None }
    }

    pub fn service(download: Download) -> Self {
        Self { kind: Kind::Service(Box::new(download)), record: None }
    }

    pub fn file(file: FileBody) -> Self {
        Self { kind: Kind::File(Box::new(file)), record: None }
    }

    pub fn recorded(mut self, record: Box<Record>) -> Self {
        self.record = Some(record);
        self
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = AnswerFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = match &mut self.kind {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Service(download) => download.poll(cx),
            Kind::File(file) => file.poll(cx),
        };
        if let Some(record) = &mut self.record {
            match &polled {
                Poll::Ready(Some(Ok(frame))) => record.sent += frame.data_ref().map_or(0, |data| data.len() as u64),
                Poll::Ready(Some(Err(error))) => {
                    record.is_cut = true;
                    tracing::debug!(%error, "an answer is cut off");
                }
                _ => {}
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Service(download) => download.incoming.is_end_stream(),
            Kind::File(file) => file.left() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Service(download) => download.incoming.size_hint(),
            Kind::File(file) => SizeHint::with_exact(file.left()),
        }
    }
}
