//! What hears of events and puts them into the queues.

use std::cell::Cell;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Logger;
use super::configuration::Configuration;
use super::record::{Record, level};

/// The span of a request, and its field with the id; see [`crate::governify::front`].
const REQUEST: (&str, &str) = ("request", "id");

thread_local! {
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

/// This thread writes the log: what happens while it does so goes to stderr only, or it would never end.
pub fn keep_out() {
    IS_WRITER.set(true);
}

/// All that one of the places wants; of others' events, warnings.
pub fn targets(configuration: &Configuration) -> Targets {
    let (mongodb, storage) = (&configuration.mongodb, &configuration.storage);
    let wanted = [(mongodb.active, mongodb.level), (storage.active, storage.level)];
    let active = wanted.into_iter().filter(|(is_active, _)| *is_active).map(|(_, level)| level.filter());
    // Filters are ordered from quiet to talkative.
    let level = active.max().unwrap_or(LevelFilter::OFF);
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("reeve", level)
        .with_target("mongodb", LevelFilter::OFF)
}

#[derive(Debug)]
pub struct Tap {
    logger: Logger,
}

impl Tap {
    pub fn new(logger: Logger) -> Self {
        Self { logger }
    }
}

/// Kept with the span of a request.
struct RequestId(String);

impl Visit for RequestId {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == REQUEST.1 {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == REQUEST.1 {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Tap {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != REQUEST.0 {
            return;
        }
        let mut request = RequestId(String::new());
        attributes.record(&mut request);
        if let Some(span) = context.span(id).filter(|_| !request.0.is_empty()) {
            span.extensions_mut().insert(request);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if IS_WRITER.get() {
            return;
        }
        let level = level(*event.metadata().level());
        let shared = &self.logger.0;
        let (to_mongo, to_files) = {
            let configuration = shared.configuration.borrow();
            let (mongodb, storage) = (&configuration.mongodb, &configuration.storage);
            (mongodb.active && level >= mongodb.level, storage.active && level >= storage.level)
        };
        if !to_mongo && !to_files {
            return;
        }
        let request = context.event_scope(event).and_then(|mut spans| {
            spans.find_map(|span| span.extensions().get::<RequestId>().map(|request| request.0.clone()))
        });
        let record = Arc::new(Record::of(event, request));
        if to_files {
            shared.files.put(record.clone());
        }
        if to_mongo {
            shared.mongo.put(record);
        }
    }
}
