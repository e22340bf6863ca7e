//! Traces over OTLP, when an endpoint is set: `OTEL_EXPORTER_OTLP_ENDPOINT` and the other variables of the OpenTelemetry
//! specification ("environment variable specification"). Without one nothing is set up and nothing is paid.
//!
//! Spans are handed over in batches by a thread of its own; a collector that is away loses spans, never a request.

use std::sync::OnceLock;

use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::telemetry::ExtraLayer;

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent")]
pub struct TracesError(#[source] opentelemetry_otlp::ExporterBuildError);

fn is_wanted() -> bool {
    let names = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    !is_off && names.into_iter().any(is_set)
}

/// What sends the spans of this process, for [`crate::telemetry::init`]. `service` is its name unless `OTEL_SERVICE_NAME`
/// is set.
pub fn layer(service: &'static str) -> Result<Option<ExtraLayer>, TracesError> {
    if !is_wanted() {
        return Ok(None);
    }
    super::install_tls();
    let exporter = SpanExporter::builder().with_http().build().map_err(TracesError)?;
    let name = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let resource = Resource::builder().with_service_name(name.unwrap_or_else(|| service.to_owned())).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let tracer = provider.tracer("reeve");
    // Set once: a process has one role.
    let _ = PROVIDER.set(provider);
    Ok(Some(Box::new(tracing_opentelemetry::layer().with_tracer(tracer))))
}

/// Sends what has not been sent yet.
pub fn flush() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(%error, "the last traces could not be sent");
    }
}

/// Continues the caller's trace, if it names one in `traceparent` (W3C Trace Context).
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    if PROVIDER.get().is_none() || !headers.contains_key("traceparent") {
        return;
    }
    let context = TraceContextPropagator::new().extract(&Headers(headers));
    // Refused only for a span that is switched off.
    let _ = span.set_parent(context);
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}
