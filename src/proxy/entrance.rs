//! Where clients come in: sockets that were handed over, or else ones that are bound here. Every worker accepts from the same.
//!
//! Handed over by reeve (`socket = true` in services.toml) or by systemd, a socket outlives this process: whoever connects
//! while it restarts waits in the kernel's queue for the next one.

use std::net::{SocketAddr, TcpListener};

use super::settings::Settings;
use super::start::StartError;
use crate::serve;

/// The name of the socket on which TLS is spoken; any other is for clear text.
const TLS: &str = "https";

#[derive(Debug)]
pub struct Entrance {
    listener: TcpListener,
    pub address: SocketAddr,
    /// Somebody else holds it as well, and keeps it when we end.
    pub is_inherited: bool,
}

impl Entrance {
    fn new(listener: TcpListener, is_inherited: bool) -> Result<Self, StartError> {
        let address = listener.local_addr().map_err(StartError::Listen)?;
        Ok(Self { listener, address, is_inherited })
    }

    fn bind(address: SocketAddr) -> Result<Self, StartError> {
        Self::new(serve::bind(address)?.into_std().map_err(StartError::Listen)?, false)
    }

    /// The same socket for one worker.
    pub fn share(&self) -> Result<TcpListener, StartError> {
        self.listener.try_clone().map_err(StartError::Listen)
    }
}

#[derive(Debug)]
pub struct Entrances {
    pub plain: Entrance,
    pub tls: Option<Entrance>,
}

impl Entrances {
    pub fn open(settings: &Settings) -> Result<Self, StartError> {
        let (mut plain, mut tls) = (None, None);
        for (name, listener) in serve::inherited()? {
            let place = if name == TLS { &mut tls } else { &mut plain };
            if place.replace(listener).is_some() {
                return Err(StartError::Twice(name));
            }
        }
        if tls.is_some() && settings.tls.is_none() {
            return Err(StartError::NoCertificate);
        }
        let inherited = |listener| Entrance::new(listener, true);
        let plain = plain.map_or_else(|| Entrance::bind(settings.address), inherited)?;
        let tls = match (&settings.tls, tls) {
            (_, Some(listener)) => Some(inherited(listener)?),
            (Some(tls), None) => Some(Entrance::bind(tls.address)?),
            (None, None) => None,
        };
        Ok(Self { plain, tls })
    }
}
