//! A request on its way to a service, and the answer back.
//!
//! Stages: length, replica, connection, sending, waiting for the head, passing the body on. What happens when one fails is
//! in `docs/proxy.md`, stage by stage.

use std::sync::Arc;

use base64::Engine as _;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};

use super::body::{Answer, Download, Outgoing, Progress, Upload};
use super::error::{Blame, Fault};
use super::file::Protocol;
use super::headers;
use super::pool::{Pool, Sender};
use super::tunnel;
use super::upstream::{Lease, Service};
use super::worker::{Peer, Worker};
use crate::telemetry::chain;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
/// A request once and, if it may be, once more.
const MOST_TRIES: usize = 2;

/// Sends `request`, whose address and forwarding fields are those that the service shall see.
pub async fn forward(
    worker: &Arc<Worker>,
    service: &Service,
    peer: &Arc<Peer>,
    mut request: Request<Incoming>,
) -> Result<Response<Answer>, Fault> {
    let limit = worker.shared.settings.body_limit;
    // Refused before a byte of it is asked for.
    if request.body().size_hint().lower() > limit {
        return Err(Fault::TooLarge(limit));
    }
    let can_upgrade = service.spec.protocol == Protocol::Http1;
    // A WebSocket within HTTP/2 (RFC 8441); to the service it is one of its own.
    let is_within = *request.method() == Method::CONNECT;
    let upgrade = match is_within {
        true => Some(WEBSOCKET),
        false => headers::upgrade(request.headers()).filter(|_| request.version() == Version::HTTP_11),
    };
    let upgrade = upgrade.filter(|_| can_upgrade);
    if is_within && upgrade.is_none() {
        return Err(Fault::Request("the service behind this address speaks no WebSocket"));
    }
    let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    headers::prepare_request(request.headers_mut(), upgrade);
    let (mut head, incoming) = request.into_parts();
    if is_within {
        head.method = Method::GET;
        head.headers.insert(header::SEC_WEBSOCKET_KEY, websocket_key());
    }
    head.version = Version::HTTP_11;
    // What a connection of ours leaves there is of no meaning to the next.
    head.extensions = hyper::http::Extensions::new();
    let progress = Arc::new(Progress::default());
    let body = if incoming.is_end_stream() {
        Outgoing::Empty
    } else {
        let patience = worker.shared.settings.stall;
        Outgoing::Stream(Box::new(Upload::new(incoming, limit, patience, Arc::clone(&progress))))
    };
    let exchange = Exchange { worker, service, progress, is_within };
    let answered = exchange.run(Request::from_parts(head, body)).await?;
    exchange.answer(answered, client, peer)
}

struct Exchange<'a> {
    worker: &'a Arc<Worker>,
    service: &'a Service,
    progress: Arc<Progress>,
    /// The client asked for a WebSocket within a connection that carries other requests, too.
    is_within: bool,
}

/// What a client of HTTP/2 need not send, and a service of HTTP/1.1 wants: any sixteen bytes (RFC 6455, section 4.1).
fn websocket_key() -> HeaderValue {
    let key = base64::engine::general_purpose::STANDARD.encode(fastrand::u128(..).to_ne_bytes());
    HeaderValue::from_str(&key).unwrap_or(HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="))
}

/// A head that came, and what it came by.
struct Answered {
    response: Response<Incoming>,
    sender: Sender,
    pool: Arc<Pool>,
    lease: Lease,
}

enum Failure {
    /// Not a byte of it was sent.
    NotSent(Box<Request<Outgoing>>),
    /// Sent, and no answer.
    Broken,
    /// Sent, and what came is no answer.
    Nonsense,
    Late,
}

impl Exchange<'_> {
    async fn run(&self, request: Request<Outgoing>) -> Result<Answered, Fault> {
        let spare = Spare::of(&request);
        let mut next = Some(request);
        let mut avoided = None;
        let mut tries = 0;
        loop {
            let Some(request) = next.take().or_else(|| spare.as_ref().map(Spare::request)) else {
                return Err(Fault::BadAnswer(self.blame()));
            };
            let is_last = tries + 1 >= MOST_TRIES;
            let lease = self.service.lease(avoided, spare.is_some() && !is_last);
            let mut lease = lease.map_err(|away| Fault::Away(self.blame(), away.wait))?;
            let pool = Arc::clone(lease.endpoint.pool(self.worker.number));
            // A second try never trusts a connection that has been waiting.
            let pooled = if tries == 0 { pool.take() } else { None };
            let is_pooled = pooled.is_some();
            let mut sender = match pooled {
                Some(sender) => sender,
                None => match pool.connect().await {
                    Ok(sender) => sender,
                    Err(error) => {
                        lease.failed();
                        let (service, address) = (&self.service.spec.name, lease.endpoint.address);
                        tracing::warn!(service, %address, error = chain(&error), "cannot connect");
                        avoided = Some(lease.endpoint.index);
                        tries += 1;
                        if tries < MOST_TRIES && self.service.replicas() > 1 {
                            next = Some(request);
                            continue;
                        }
                        return Err(Fault::Unreachable(self.blame()));
                    }
                },
            };
            let failure = match self.send(&mut sender, request).await {
                Ok(response) => {
                    lease.answered();
                    return Ok(Answered { response, sender, pool, lease });
                }
                Err(failure) => failure,
            };
            // The client's doing, whatever it looked like from here.
            if let Some(fault) = self.progress.fault() {
                return Err(Fault::of_body(fault, self.worker.shared.settings.body_limit));
            }
            tries += 1;
            match failure {
                // That a waiting connection was closed says nothing about the service.
                Failure::NotSent(request) if tries < MOST_TRIES => next = Some(*request),
                Failure::Broken if is_pooled && spare.is_some() && tries < MOST_TRIES => {}
                Failure::Broken if spare.is_some() && tries < MOST_TRIES => {
                    lease.failed();
                    avoided = Some(lease.endpoint.index);
                }
                Failure::NotSent(_) | Failure::Broken | Failure::Nonsense => {
                    lease.failed();
                    return Err(Fault::BadAnswer(self.blame()));
                }
                Failure::Late => {
                    lease.failed();
                    return Err(Fault::Late(self.blame()));
                }
            }
        }
    }

    async fn send(&self, sender: &mut Sender, request: Request<Outgoing>) -> Result<Response<Incoming>, Failure> {
        self.progress.touch();
        let sent = sender.send(request);
        let answered = tokio::select! {
            answered = sent => answered,
            () = self.overdue() => return Err(Failure::Late),
        };
        answered.map_err(|mut error| {
            let message = error.take_message();
            let error = error.into_error();
            tracing::debug!(service = self.service.spec.name, error = chain(&error), "no answer");
            match message {
                Some(request) => Failure::NotSent(Box::new(request)),
                None if error.is_parse() => Failure::Nonsense,
                None => Failure::Broken,
            }
        })
    }

    /// Ends when the service has had the time for its head. A body that is still being sent keeps it waiting.
    async fn overdue(&self) {
        let limit = self.service.spec.header;
        loop {
            let waited = super::upstream::now().saturating_sub(self.progress.moved());
            match limit.checked_sub(waited) {
                None => return,
                Some(left) if left.is_zero() => return,
                Some(left) => tokio::time::sleep(left).await,
            }
        }
    }

    fn blame(&self) -> Blame {
        let told = self.service.told();
        Blame { service: self.service.spec.name.clone(), since: self.service.since(), told }
    }

    fn answer(
        &self,
        answered: Answered,
        client: Option<OnUpgrade>,
        peer: &Arc<Peer>,
    ) -> Result<Response<Answer>, Fault> {
        let Answered { mut response, sender, pool, lease } = answered;
        *response.version_mut() = Version::HTTP_11;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(client) = client else {
                // Nobody asked for it, and what follows on that connection is anybody's guess.
                return Err(Fault::BadAnswer(self.blame()));
            };
            let protocol = response.headers().get(header::UPGRADE).cloned();
            let service = hyper::upgrade::on(&mut response);
            headers::remove_hop_by_hop(response.headers_mut());
            if self.is_within {
                *response.status_mut() = StatusCode::OK;
                response.headers_mut().remove(header::SEC_WEBSOCKET_ACCEPT);
            } else {
                if let Some(protocol) = protocol {
                    response.headers_mut().insert(header::UPGRADE, protocol);
                }
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                peer.switched.set();
            }
            tunnel::open(client, service, Arc::clone(peer), lease, self.worker.shared.settings.stall);
            return Ok(response.map(|_| Answer::empty()));
        }
        headers::remove_hop_by_hop(response.headers_mut());
        let idle = self.service.spec.idle;
        Ok(response.map(|incoming| Answer::service(Download::new(incoming, idle, sender, pool, lease))))
    }
}

/// A request that may be sent twice: it asks for nothing to be changed, or to be as it then is, and has no body.
struct Spare {
    method: Method,
    uri: hyper::Uri,
    headers: HeaderMap,
}

impl Spare {
    fn of(request: &Request<Outgoing>) -> Option<Self> {
        let may = request.method().is_idempotent()
            && matches!(request.body(), Outgoing::Empty)
            && !request.headers().contains_key(header::UPGRADE);
        may.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn request(&self) -> Request<Outgoing> {
        let mut request = Request::new(Outgoing::Empty);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}
