//! What all workers share, and what each has for itself.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hyper::header::HeaderValue;
use metrics::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access_log::AccessLog;
use super::acme::challenges::Challenges;
use super::crowd::{Crowd, Place};
use super::discovery::Discovery;
use super::file::Config;
use super::guard::Switched;
use super::known::Known;
use super::rate::RateLimit;
use super::settings::Settings;
use super::site::Site;
use crate::serve::Lifecycle;

#[derive(Debug)]
pub struct Shared {
    pub settings: Settings,
    site: ArcSwap<Site>,
    workers: usize,
    pub discovery: Discovery,
    pub hsts: Option<HeaderValue>,
    pub rate: Option<RateLimit>,
    pub crowd: Arc<Crowd>,
    pub log: Option<AccessLog>,
    /// Connections of clients.
    pub connections: Gauge,
    pub slots: Arc<Semaphore>,
    pub lifecycle: Lifecycle,
    /// What an authority of certificates may ask us for.
    pub challenges: Option<Arc<Challenges>>,
}

impl Shared {
    pub fn new(
        settings: Settings,
        config: Config,
        workers: usize,
        log: Option<AccessLog>,
        lifecycle: Lifecycle,
        challenges: Option<Arc<Challenges>>,
    ) -> Self {
        let hsts = settings.tls.as_ref().filter(|tls| !tls.hsts.is_zero());
        let hsts = hsts.and_then(|tls| HeaderValue::from_str(&format!("max-age={}", tls.hsts.as_secs())).ok());
        Self {
            site: ArcSwap::from_pointee(Site::new(config, workers, None)),
            workers,
            discovery: Discovery::default(),
            hsts,
            rate: settings.rate.map(RateLimit::new),
            crowd: Arc::new(Crowd::new(settings.client_connections)),
            log,
            connections: super::metrics::connections(),
            slots: Arc::new(Semaphore::new(settings.connections)),
            lifecycle,
            challenges,
            settings,
        }
    }

    /// For the length of a request.
    pub fn site(&self) -> Arc<Site> {
        self.site.load_full()
    }

    /// Requests that come from now on see what the file says now.
    pub fn change(&self, config: Config) {
        let site = Site::new(config, self.workers, Some(&self.site()));
        self.discovery.apply(&site);
        self.site.store(Arc::new(site));
    }
}

/// One thread with its own event loop, and its own connections to services.
#[derive(Debug)]
pub struct Worker {
    pub shared: Arc<Shared>,
    /// Its place among all, which is that of its connections to each replica.
    pub number: usize,
}

/// A client's connection.
#[derive(Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// The port that it came to.
    pub port: u16,
    pub is_tls: bool,
    pub switched: Switched,
    pub known: Known,
    /// Count it among the open ones, also as a tunnel: of all, and of its address.
    pub _slot: OwnedSemaphorePermit,
    pub _place: Place,
}
