//! Traces over OTLP, when an endpoint is set: `OTEL_EXPORTER_OTLP_ENDPOINT` and the other variables of the OpenTelemetry
//! specification ("environment variable specification"). Without one nothing is set up and nothing is paid.
//!
//! Spans are handed over in batches by a thread of its own; a collector that is away loses spans, never a request.
//!
//! What a request is known by goes along to those who are asked because of it: [`Carried`] is kept while the request is
//! answered, and [`inject`] writes it into the head of a further one. With traces our own span is named as the parent; without
//! them the caller's trace is handed on as it came, so that it has no gap for others.

use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::request_id;
use crate::telemetry::ExtraLayer;

/// The two headers of W3C Trace Context.
const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

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
    if PROVIDER.get().is_none() || !headers.contains_key(PARENT) {
        return;
    }
    // Refused only for a span that is switched off.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(headers)));
}

tokio::task_local! {
    static CARRIED: Carried;
}

/// What the request that is being answered is known by.
#[derive(Debug, Clone)]
pub struct Carried {
    id: HeaderValue,
    /// The caller's `traceparent` and `tracestate`, unread: most requests ask nobody.
    trace: Option<HeaderMap>,
}

impl Carried {
    /// Of a request with that id and head.
    pub fn of(id: &HeaderValue, headers: &HeaderMap) -> Self {
        let trace = headers.contains_key(PARENT).then(|| {
            let both = headers.iter().filter(|(name, _)| **name == PARENT || **name == STATE);
            both.map(|(name, value)| (name.clone(), value.clone())).collect()
        });
        Self { id: id.clone(), trace }
    }

    /// Answers the request. What [`inject`] writes meanwhile is of it.
    pub fn during<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CARRIED.scope(self, work)
    }
}

/// The same for a part of the work that goes on in a task of its own.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let carried = CARRIED.try_with(Clone::clone).ok();
    async move {
        match carried {
            Some(carried) => CARRIED.scope(carried, work).await,
            None => work.await,
        }
    }
}

/// Writes the id and the trace of the request that is being answered into the head of one that is made because of it.
pub fn inject(headers: &mut HeaderMap) {
    if PROVIDER.get().is_some() {
        let context = Span::current().context();
        if context.span().span_context().is_valid() {
            TraceContextPropagator::new().inject_context(&context, &mut Writer(headers));
        }
    }
    // Outside of a request there is nothing to hand on.
    let _ = CARRIED.try_with(|carried| {
        headers.insert(request_id::HEADER, carried.id.clone());
        if let Some(trace) = &carried.trace
            && !headers.contains_key(PARENT)
            && trace.get(PARENT).is_some_and(names_a_parent)
        {
            headers.extend(trace.clone());
        }
    });
}

/// The specification's own rule, whatever flags and later versions mean: `version-trace-parent-flags`, in lower-case
/// hexadecimal digits. What does not follow it is not handed on.
fn names_a_parent(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'-').collect();
    let [version, trace, parent, flags, more @ ..] = parts.as_slice() else { return false };
    let is_hex = |part: &[u8], digits: usize| {
        part.len() == digits && part.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &[u8], digits: usize| is_hex(part, digits) && part.iter().any(|digit| *digit != b'0');
    let is_whole = if *version == b"00" { more.is_empty() } else { *version != b"ff" };
    is_hex(version, 2) && is_whole && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Writer<'a>(&'a mut HeaderMap);

impl Injector for Writer<'_> {
    fn set(&mut self, key: &str, value: String) {
        // An empty `tracestate` says nothing.
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";

    fn head(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn injected() -> HeaderMap {
        let mut headers = HeaderMap::new();
        inject(&mut headers);
        headers
    }

    async fn carried_on(incoming: HeaderMap) -> HeaderMap {
        Carried::of(&HeaderValue::from_static("id-1"), &incoming).during(async { injected() }).await
    }

    #[tokio::test]
    async fn without_traces_the_callers_is_handed_on_as_it_came() {
        let all = head(&[("x-request-id", "id-1"), ("traceparent", TRACE), ("tracestate", "a=1,b=2")]);
        assert_eq!(carried_on(head(&[("traceparent", TRACE), ("tracestate", "a=1,b=2"), ("cookie", "c")])).await, all);
        let id = head(&[("x-request-id", "id-1")]);
        assert_eq!(carried_on(head(&[("tracestate", "a=1")])).await, id, "a state of no trace");
        for bad in ["", "00-4bf9-00f0-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
            assert_eq!(carried_on(head(&[("traceparent", bad), ("tracestate", "a=1")])).await, id, "{bad:?}");
        }
        assert_eq!(injected(), HeaderMap::new(), "outside of a request");
    }

    #[test]
    fn a_parent_is_told_from_nonsense() {
        let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        let names = |text: &str| names_a_parent(&text.parse().unwrap());
        for good in [format!("00-{ids}-00"), format!("00-{ids}-03"), format!("cc-{ids}-01-and-more")] {
            assert!(names(&good), "{good}");
        }
        let upper = ids.to_uppercase();
        for bad in [
            format!("00-{ids}"),
            format!("00-{ids}-01-"),
            format!("00-{ids}-1"),
            format!("ff-{ids}-01"),
            format!("00-{upper}-01"),
            format!("00-{ids}-0g"),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01".to_owned(),
            String::new(),
        ] {
            assert!(!names(&bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_task_of_its_own_carries_it_too() {
        let request = Carried::of(&HeaderValue::from_static("id-1"), &HeaderMap::new());
        let of_task = |carry: bool| async move {
            let work = async { injected() };
            let task = if carry { tokio::spawn(carried(work)) } else { tokio::spawn(work) };
            task.await.unwrap().len()
        };
        assert_eq!(request.clone().during(of_task(true)).await, 1);
        assert_eq!(request.during(of_task(false)).await, 0);
        assert_eq!(tokio::spawn(carried(async { injected() })).await.unwrap().len(), 0);
    }
}
