//! What is measured, with its handles made once: a request looks nothing up.

use std::time::Duration;

use hyper::StatusCode;
use metrics::{Counter, Gauge, Histogram};

use super::framing::Refusal;

/// First digits of a status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

struct Route {
    classes: [Counter; 5],
    time: Histogram,
}

/// By the index of a route; the last is for requests that found none.
pub struct Metrics {
    routes: Vec<Route>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Metrics").field("routes", &self.routes.len()).finish_non_exhaustive()
    }
}

impl Metrics {
    /// `paths` as the routes are written, in the order of their indices.
    pub fn new(paths: impl Iterator<Item = String>) -> Self {
        let route = |path: String| Route {
            classes: CLASSES
                .map(|class| metrics::counter!("http_requests_total", "route" => path.clone(), "status" => class)),
            time: metrics::histogram!("http_request_duration_seconds", "route" => path.clone()),
        };
        let routes = paths.chain(["none".to_owned()]).map(route).collect();
        Self { routes }
    }

    /// A head has been answered.
    pub fn answered(&self, route: Option<usize>, status: StatusCode, time: Duration) {
        let Some(route) = route.map_or(self.routes.last(), |route| self.routes.get(route)) else { return };
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        route.classes[class].increment(1);
        route.time.record(time.as_secs_f64());
    }
}

/// How many connections of clients there are; all else that has no handle is described here, too.
pub fn connections() -> Gauge {
    metrics::describe_gauge!("proxy_connections", "connections of clients");
    metrics::describe_gauge!("proxy_tunnels", "upgraded connections");
    metrics::describe_counter!("proxy_refused_framing_total", "connections refused for their framing, by reason");
    metrics::describe_counter!("proxy_refused_connections_total", "connections of clients that have too many");
    metrics::describe_counter!("proxy_cut_answers_total", "answers that ended before their end");
    metrics::describe_counter!("proxy_lost_log_lines_total", "lines of the access log that were not written");
    metrics::gauge!("proxy_connections")
}

pub fn refused_connection() {
    metrics::counter!("proxy_refused_connections_total").increment(1);
}

pub fn refused_framing(why: Refusal) {
    metrics::counter!("proxy_refused_framing_total", "reason" => why.name()).increment(1);
}

pub fn cut() {
    metrics::counter!("proxy_cut_answers_total").increment(1);
}

pub fn lost_line() {
    metrics::counter!("proxy_lost_log_lines_total").increment(1);
}

/// Counts an upgraded connection while it is there.
#[derive(Debug)]
pub struct Tunnel;

impl Tunnel {
    pub fn opened() -> Self {
        metrics::gauge!("proxy_tunnels").increment(1.0);
        Self
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        metrics::gauge!("proxy_tunnels").decrement(1.0);
    }
}
