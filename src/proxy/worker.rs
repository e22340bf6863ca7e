//! What all workers share, and what each has for itself.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access_log::AccessLog;
use super::assets::Assets;
use super::file::{Config, Target};
use super::guard::Switched;
use super::metrics::Metrics;
use super::pool::Pool;
use super::rate::RateLimit;
use super::settings::Settings;
use super::table::Table;
use super::upstream::Service;
use crate::serve::Lifecycle;

#[derive(Debug)]
pub struct Shared {
    pub settings: Settings,
    pub services: Vec<Service>,
    pub routes: Table<Route>,
    /// Added to answers that lack them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub hsts: Option<HeaderValue>,
    pub rate: Option<RateLimit>,
    pub log: Option<AccessLog>,
    pub metrics: Metrics,
    pub slots: Arc<Semaphore>,
    pub lifecycle: Lifecycle,
    /// The service of each route, by the route's index.
    services_of_routes: Vec<Option<usize>>,
}

#[derive(Debug)]
pub struct Route {
    pub index: usize,
    pub redirect: bool,
    pub target: Goal,
}

#[derive(Debug)]
pub enum Goal {
    Service { service: usize, rewrite: Option<String> },
    Files(Arc<Assets>),
}

impl Shared {
    pub fn new(settings: Settings, config: Config, log: Option<AccessLog>, lifecycle: Lifecycle) -> Self {
        let mut specs: Vec<_> = config.routes.routes().cloned().collect();
        specs.sort_by_key(|route| route.index);
        let metrics = Metrics::new(specs.iter().map(|route| route.path.clone()));
        let service_of = |target: &Target| match target {
            Target::Service { service, .. } => Some(*service),
            Target::Files(_) => None,
        };
        let services_of_routes = specs.iter().map(|route| service_of(&route.target)).collect();
        let hsts = settings.tls.as_ref().filter(|tls| !tls.hsts.is_zero());
        let hsts = hsts.and_then(|tls| HeaderValue::from_str(&format!("max-age={}", tls.hsts.as_secs())).ok());
        let routes = config.routes.map(|route| Route {
            index: route.index,
            redirect: route.redirect,
            target: match route.target {
                Target::Service { service, rewrite } => Goal::Service { service, rewrite },
                Target::Files(files) => Goal::Files(Arc::new(Assets::new(files))),
            },
        });
        Self {
            services: config.services.into_iter().map(Service::new).collect(),
            routes,
            headers: config.headers,
            hsts,
            rate: settings.rate.map(RateLimit::new),
            log,
            metrics,
            slots: Arc::new(Semaphore::new(settings.connections)),
            lifecycle,
            services_of_routes,
            settings,
        }
    }

    pub fn service_of(&self, route: usize) -> Option<usize> {
        self.services_of_routes.get(route).copied().flatten()
    }
}

/// One thread with its own event loop, and its own connections to services.
#[derive(Debug)]
pub struct Worker {
    pub shared: Arc<Shared>,
    pools: Vec<Vec<Arc<Pool>>>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>) -> Self {
        let pools = shared.services.iter().map(|service| {
            let spec = &service.spec;
            let pool = |address: &SocketAddr| Arc::new(Pool::new(*address, spec.connect, spec.keep));
            spec.addresses.iter().map(pool).collect()
        });
        Self { pools: pools.collect(), shared }
    }

    /// Of a replica, by the places of its service and its own.
    pub fn pool(&self, service: usize, endpoint: usize) -> &Arc<Pool> {
        &self.pools[service][endpoint]
    }
}

/// A client's connection.
#[derive(Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// The port that it came to.
    pub port: u16,
    pub is_tls: bool,
    pub switched: Switched,
    /// Counts it among the open ones, also as a tunnel.
    pub _slot: OwnedSemaphorePermit,
}
