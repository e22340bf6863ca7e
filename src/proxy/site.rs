//! What the file says, made ready for use: services, routes, fields of answers. Replaced as a whole when the file is read anew;
//! a request keeps the one it began with, and a service that stays what it was keeps its connections and its history.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use std::time::Duration;

use super::assets::Assets;
use super::file::{Config, Target};
use super::metrics::Metrics;
use super::table::Table;
use super::upstream::Service;

pub type Fields = Vec<(HeaderName, HeaderValue)>;

#[derive(Debug)]
pub struct Site {
    pub services: Vec<Arc<Service>>,
    pub routes: Table<Route>,
    /// Added to answers without a route that lack them.
    fields: Fields,
    metrics: Metrics,
    /// By the route's index.
    known: Vec<Known>,
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

/// What counts of a route once its request is answered.
#[derive(Debug)]
struct Known {
    service: Option<usize>,
    fields: Fields,
}

impl Site {
    /// With the services of an earlier one, as far as they are the same.
    pub fn new(config: Config, workers: usize, earlier: Option<&Site>) -> Self {
        let mut specs: Vec<_> = config.routes.routes().cloned().collect();
        specs.sort_by_key(|route| route.index);
        let metrics = Metrics::new(specs.iter().map(|route| route.path.clone()));
        let known = specs.into_iter().map(|route| Known {
            service: match route.target {
                Target::Service { service, .. } => Some(service),
                Target::Files(_) => None,
            },
            fields: merged(&config.headers, &route.headers),
        });
        let known = known.collect();
        let routes = config.routes.map(|route| Route {
            index: route.index,
            redirect: route.redirect,
            target: match route.target {
                Target::Service { service, rewrite } => Goal::Service { service, rewrite },
                Target::Files(files) => Goal::Files(Arc::new(Assets::new(files))),
            },
        });
        let kept = |spec| earlier.and_then(|site| site.services.iter().find(|service| service.spec == spec).cloned());
        let services = config.services.into_iter().map(|spec| match kept(spec.clone()) {
            Some(service) => service,
            None => Arc::new(Service::new(spec, workers)),
        });
        Self { services: services.collect(), routes, fields: config.headers, metrics, known }
    }

    /// The name of the service that a route leads to.
    pub fn service_of(&self, route: Option<usize>) -> Option<&str> {
        let service = self.known.get(route?)?.service?;
        Some(self.services.get(service)?.spec.name.as_str())
    }

    /// Added to answers that lack them.
    pub fn fields(&self, route: Option<usize>) -> &Fields {
        route.and_then(|route| self.known.get(route)).map_or(&self.fields, |known| &known.fields)
    }

    pub fn answered(&self, route: Option<usize>, status: StatusCode, time: Duration) {
        self.metrics.answered(route, status, time);
    }
}

/// The fields of all routes with those of one laid over them; an empty one takes away.
fn merged(all: &Fields, own: &Fields) -> Fields {
    let replaced = |name: &HeaderName| own.iter().any(|(own, _)| own == name);
    let rest = all.iter().filter(|(name, _)| !replaced(name));
    rest.chain(own.iter().filter(|(_, value)| !value.is_empty())).cloned().collect()
}
