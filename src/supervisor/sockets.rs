//! Ports that reeve listens on for its services (`socket = true`): taken before the first run, handed to every run, kept
//! between two runs, closed when the service is not wanted any more. Never accepts a connection.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use super::assembly::lock;
use crate::platform::sockets;
use crate::spec::ServiceId;

/// A listening socket under the name of its port.
pub type Socket = (String, Arc<OwnedFd>);

#[derive(Debug, Default)]
pub struct Sockets(Mutex<BTreeMap<ServiceId, Vec<Socket>>>);

impl Sockets {
    /// Listens on these ports unless it does already. The port that cannot be had is named.
    pub fn open<'a>(
        &self,
        service: ServiceId,
        ports: &[(&'a str, SocketAddr)],
    ) -> Result<(), (&'a str, SocketAddr, io::Error)> {
        let mut held = lock(&self.0);
        if ports.is_empty() || held.contains_key(&service) {
            return Ok(());
        }
        let mut opened = Vec::new();
        for (name, address) in ports {
            let socket = sockets::listen(*address).map_err(|error| (*name, *address, error))?;
            opened.push(((*name).to_owned(), Arc::new(socket)));
        }
        held.insert(service, opened);
        Ok(())
    }

    pub fn of(&self, service: ServiceId) -> Vec<Socket> {
        lock(&self.0).get(&service).cloned().unwrap_or_default()
    }

    /// Closes those of every other service. What a run has of them stays with it.
    pub fn keep(&self, is_wanted: impl Fn(ServiceId) -> bool) {
        lock(&self.0).retain(|service, _| is_wanted(*service));
    }
}
