//! What the requests of one connection have in common: they are mostly for one name, and come the same way.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use hyper::http::uri::Authority;

use super::headers::{Client, Forwarded, Origin};
use super::worker::Peer;

/// Of a request for this name, by a client that speaks for itself.
#[derive(Debug)]
struct Named {
    host: HeaderValue,
    forwarded: Forwarded,
}

/// The last name that was asked for, and what follows from it.
#[derive(Debug, Default)]
pub struct Known(Mutex<Option<Arc<Named>>>);

impl Known {
    fn get(&self, host: &HeaderValue) -> Option<Arc<Named>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|named| named.host == *host).cloned()
    }

    /// Whether this is the name of a host, with or without a port.
    pub fn is_good(&self, host: &HeaderValue) -> bool {
        let is_name = || Authority::try_from(host.as_bytes()).is_ok_and(|authority| !authority.as_str().contains('@'));
        self.get(host).is_some() || is_name()
    }

    /// The fields about the way of a request that is for this name.
    pub fn forwarded(&self, peer: &Peer, client: Client, host: &HeaderValue, headers: &HeaderMap) -> Forwarded {
        let made = || Forwarded::new(headers, &peer.origin(client, host));
        if client.is_behind_trusted {
            return made();
        }
        let named = self.get(host).unwrap_or_else(|| {
            let named = Arc::new(Named { host: host.clone(), forwarded: made() });
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&named));
            named
        });
        named.forwarded.clone()
    }
}

impl Peer {
    pub fn origin<'a>(&self, client: Client, host: &'a HeaderValue) -> Origin<'a> {
        Origin { client, peer: self.address.ip().to_canonical(), is_tls: self.is_tls, port: self.port, host }
    }
}
