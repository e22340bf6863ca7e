//! Measurements of this process in Prometheus' text format, at `/metrics`.
//!
//! Names follow Prometheus' conventions: base units, `_total` for counters. Labels have few values: routes are patterns,
//! never paths.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Seconds; from a cache hit to a computation of minutes.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Sets up the recorder of this process. A second call changes nothing.
pub fn install() {
    if HANDLE.get().is_some() {
        return;
    }
    let builder = PrometheusBuilder::new();
    let builder = match builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS) {
        Ok(builder) => builder,
        // Only an empty list is refused.
        Err(_) => PrometheusBuilder::new(),
    };
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        let _ = HANDLE.set(handle);
        metrics::describe_counter!("http_requests_total", "answered requests by route, method and status");
        metrics::describe_histogram!(
            "http_request_duration_seconds",
            metrics::Unit::Seconds,
            "time from the head of a request to the head of its answer"
        );
        metrics::describe_gauge!("http_requests_in_flight", "requests being answered");
    }
}

/// Between two foldings of what was recorded into its buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Folds recorded times into their buckets, so that memory stays bounded also when nobody scrapes. Ends with its runtime.
pub async fn upkeep() {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

/// One answered request.
pub fn record(route: &'static str, method: &Method, status: StatusCode, time: Duration) {
    let method = method_label(method);
    metrics::counter!("http_requests_total", "route" => route, "method" => method, "status" => status_label(status))
        .increment(1);
    metrics::histogram!("http_request_duration_seconds", "route" => route, "method" => method)
        .record(time.as_secs_f64());
}

/// A caller may invent methods; labels may not be invented.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn status_label(status: StatusCode) -> &'static str {
    // The usual ones have static names in the standard's own type: three digits.
    static CODES: OnceLock<Vec<String>> = OnceLock::new();
    let codes = CODES.get_or_init(|| (100..1000).map(|code: u16| code.to_string()).collect());
    codes.get(usize::from(status.as_u16()) - 100).map_or("other", String::as_str)
}

/// The answer to a scrape.
pub async fn scrape() -> Response {
    match HANDLE.get() {
        Some(handle) => {
            handle.run_upkeep();
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_few_values() {
        assert_eq!(method_label(&Method::from_bytes(b"INVENTED").unwrap()), "other");
        assert_eq!(status_label(StatusCode::NOT_FOUND), "404");
        assert_eq!(status_label(StatusCode::from_u16(999).unwrap()), "999");
    }
}
