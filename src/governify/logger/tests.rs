//! Tests of what reaches the queues. What MongoDB gets is tested with a real one.

use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::queue::Queue;
use super::*;

/// A logger whose queues are held here, and a subscriber that feeds it.
fn heard(configuration: Configuration) -> (Logger, Queue, Queue, impl tracing::Subscriber + Send + Sync) {
    let (filter, handle) = reload::Layer::new(tap::targets(&configuration));
    let (mongo, mongo_queue) = queue::lane();
    let (files, files_queue) = queue::lane();
    let logger = Logger::new("governify-tests", configuration, mongo, files);
    logger.0.filter.set(handle).unwrap();
    let tap: ExtraLayer = Box::new(tap::Tap::new(logger.clone()).with_filter(filter));
    // As the command line puts them together.
    let extra = Some(Box::new(vec![tap]) as ExtraLayer);
    let console = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(LevelFilter::ERROR);
    (logger, mongo_queue, files_queue, tracing_subscriber::registry().with(extra).with(console))
}

fn to_mongo(level: Level) -> Configuration {
    let mut configuration = Configuration::default();
    (configuration.mongodb.active, configuration.mongodb.level) = (true, level);
    configuration
}

fn taken(queue: &mut Queue) -> Vec<Arc<Record>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut all = Vec::new();
    runtime.block_on(async {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                true = queue.take(&mut batch) => all.append(&mut batch),
                () = std::future::ready(()) => return,
            }
        }
    });
    all
}

fn messages(queue: &mut Queue) -> Vec<String> {
    taken(queue).iter().map(|record| record.message.clone()).collect()
}

#[test]
fn events_from_a_level_on_are_heard_whatever_stderr_hears() {
    let (_, mut mongo, mut files, subscriber) = heard(to_mongo(Level::Info));
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("too quiet");
        tracing::info!(count = 3, name = "x", "heard");
        tracing::error!("heard as well");
    });
    assert_eq!(messages(&mut mongo), ["heard count=3 name=x", "heard as well"]);
    assert!(messages(&mut files).is_empty());
}

#[test]
fn of_others_only_warnings_are_heard_and_of_the_driver_nothing() {
    let (_, mut mongo, _files, subscriber) = heard(to_mongo(Level::Debug));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(target: "hyper::proto", "chatter");
        tracing::warn!(target: "hyper::proto", "trouble");
        tracing::error!(target: "mongodb::command", "of the driver");
        tracing::debug!(target: "reeve::registry::store", "ours");
    });
    let records = taken(&mut mongo);
    let told: Vec<_> = records.iter().map(|record| (record.message.as_str(), record.tags.as_slice())).collect();
    assert_eq!(told, [("trouble", &["hyper", "proto"][..]), ("ours", &["registry", "store"])]);
    assert_eq!([records[0].level, records[1].level], [Level::Warn, Level::Debug]);
}

#[test]
fn the_request_is_known_however_deep_and_however_quiet() {
    let (_, mut mongo, _files, subscriber) = heard(to_mongo(Level::Error));
    tracing::subscriber::with_default(subscriber, || {
        let request = tracing::error_span!("request", id = "the-id", method = "GET");
        request.in_scope(|| {
            tracing::info_span!("inner", id = "not this").in_scope(|| tracing::error!("within"));
        });
        tracing::error!("outside");
    });
    let records = taken(&mut mongo);
    assert_eq!(records[0].request.as_deref(), Some("the-id"));
    assert_eq!(records[1].request, None);
}

#[test]
fn an_outgoing_call_tells_its_address_and_its_status() {
    let (_, mut mongo, _files, subscriber) = heard(to_mongo(Level::Info));
    tracing::subscriber::with_default(subscriber, || {
        let address = format_args!("http://a/b").to_string();
        tracing::warn!(status_code = 502_u16, url = %address, "the collector failed");
        tracing::warn!(status_code = -1_i64, url = "http://c", "another");
    });
    let records = taken(&mut mongo);
    assert_eq!((records[0].status_code, records[0].url.as_deref()), (Some(502), Some("http://a/b")));
    assert_eq!(records[0].message, "the collector failed status_code=502 url=http://a/b");
    assert_eq!((records[1].status_code, records[1].url.as_deref()), (Some(-1), Some("http://c")));
}

#[test]
fn a_change_holds_from_the_next_event_on() {
    let (logger, mut mongo, mut files, subscriber) = heard(Configuration::default());
    tracing::subscriber::with_default(subscriber, || {
        tracing::error!("nobody listens");
        let change = |wanted: Value| logger.change(&wanted).unwrap();
        change(serde_json::json!({ "storage": { "active": true, "level": 1 } }));
        tracing::debug!("to files");
        change(serde_json::json!({ "mongodb": { "active": true, "level": 3 } }));
        tracing::info!("to files only");
        tracing::warn!("to both");
        change(serde_json::json!({ "storage": { "active": false }, "mongodb": { "level": 5 } }));
        tracing::error!("to nobody again");
    });
    assert_eq!(messages(&mut files), ["to files", "to files only", "to both"]);
    assert_eq!(messages(&mut mongo), ["to both"]);
}

#[test]
fn what_the_queue_does_not_hold_is_dropped_and_counted() {
    let (logger, mut mongo, _files, subscriber) = heard(to_mongo(Level::Info));
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..QUEUE + 7 {
            tracing::info!(number, "an event");
        }
    });
    assert_eq!(logger.dropped(), 7);
    assert_eq!(taken(&mut mongo).len(), QUEUE);
}

#[test]
fn the_writer_s_own_events_are_not_heard() {
    let (_, mut mongo, _files, subscriber) = heard(to_mongo(Level::Debug));
    let subscriber = tracing::Dispatch::new(subscriber);
    let writer = std::thread::spawn(move || {
        tap::keep_out();
        tracing::dispatcher::with_default(&subscriber, || tracing::error!("cannot write"));
    });
    writer.join().unwrap();
    assert!(taken(&mut mongo).is_empty());
}

#[test]
fn a_flush_waits_for_what_is_queued_and_not_for_ever() {
    let (lane, mut queue) = queue::lane();
    let written = Arc::new(Mutex::new(0));
    let count = written.clone();
    lane.put(Arc::new(an_event()));
    let writer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut batch = Vec::new();
            while queue.take(&mut batch).await {
                *count.lock().unwrap() += batch.len();
                batch.clear();
            }
        });
    });
    assert!(lane.flush(Instant::now() + FLUSH));
    assert_eq!(*written.lock().unwrap(), 1);
    drop(lane);
    writer.join().unwrap();
    let (lane, queue) = queue::lane();
    assert!(!lane.flush(Instant::now() + Duration::from_millis(1)), "nobody takes anything");
    drop(queue);
    assert!(lane.flush(Instant::now() + FLUSH), "nobody ever will");
}

fn an_event() -> Record {
    Record {
        at: telemetry::wall_clock(),
        level: Level::Info,
        message: "an event".to_owned(),
        tags: vec!["tests"],
        request: None,
        status_code: None,
        url: None,
    }
}

#[test]
fn the_environment_decides_at_the_start() {
    let set = |name: &str| (name == "GOV_LOG_LEVEL").then(|| "fatal".to_owned());
    assert_eq!(console_level(&set), "off");
    assert_eq!(console_level(&|_| None), "info");
    let wrong = |name: &str| (name == "GOV_LOG_STORAGE_LEVEL").then(|| "7".to_owned());
    assert!(matches!(layer("governify-tests", &wrong).err(), Some(LoggerError::Settings(_))));
    let (logger, _layer) = layer("governify-tests", &|_| None).unwrap();
    assert_eq!(logger.configuration(), Configuration::default().shown());
    logger.flush();
}
