//! The log's way into MongoDB: what documents hold, a database that is away, a queue that is full.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use reeve::governify::logger::{self, Logger, QUEUE};
use serde_json::json;
use tokio::runtime::Runtime;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::backend::data::data;
use crate::support::cable::Cable;
use crate::support::eventually;

const SERVICE: &str = "governify-tests";
/// Of others, only warnings are heard.
const OURS: &str = "reeve::tests";

/// A log of this thread's events, and a database of its own.
struct Log {
    logger: Logger,
    database: String,
    runtime: Runtime,
    _guard: DefaultGuard,
}

impl Log {
    fn start(port: u16, level: &str) -> Self {
        let database = format!("logs_{}", uuid::Uuid::new_v4().simple());
        let password = &data().mongo_password;
        let uri =
            format!("mongodb://root:{password}@127.0.0.1:{port}/{database}?authSource=admin&directConnection=true");
        let environment = |name: &str| match name {
            "GOV_LOG_MONGODB_ENABLED" => Some("true".to_owned()),
            "GOV_LOG_MONGODB_URI" => Some(uri.clone()),
            "GOV_LOG_MONGODB_LEVEL" => Some(level.to_owned()),
            "NODE_ENV" => Some("production".to_owned()),
            _ => None,
        };
        let (logger, layer) = logger::layer(SERVICE, &environment).expect("a log");
        let guard = tracing_subscriber::registry().with(layer).set_default();
        let runtime = crate::support::event_loop();
        Self { logger, database, runtime, _guard: guard }
    }

    /// Through a connection that is never cut.
    fn documents(&self) -> Vec<Document> {
        self.runtime.block_on(async {
            let client = Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            let logs = client.database(&self.database).collection::<Document>("logs");
            let mut cursor = logs.find(doc! {}).await.expect("documents");
            let mut all = Vec::new();
            while cursor.advance().await.expect("documents") {
                all.push(cursor.deserialize_current().expect("a document"));
            }
            all
        })
    }

    #[track_caller]
    fn count(&self, wanted: usize) -> Vec<Document> {
        eventually(&format!("{wanted} documents"), || match self.documents() {
            all if all.len() == wanted => Ok(all),
            all => Err(all.len()),
        })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            let client = Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            client.database(&self.database).drop().await.expect("dropped");
        });
    }
}

fn messages(documents: &[Document]) -> BTreeSet<&str> {
    documents.iter().map(|document| document.get_str("message").expect("a message")).collect()
}

#[test]
fn a_document_has_the_fields_that_the_backend_s_have() {
    let log = Log::start(data().mongo_port, "INFO");
    let before = jiff::Timestamp::now().as_millisecond();
    tracing::debug!(target: OURS, "too quiet");
    tracing::error_span!("request", id = "0af7651916cd").in_scope(|| {
        tracing::warn!(target: "reeve::registry::collector", status_code = 502, url = "http://c/x", "it failed");
    });
    tracing::info!(target: "reeve::registry::start", "listens");
    log.logger.flush();
    let documents = log.count(2);
    let first = &documents[0];
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    let expected = "_id timestamp level message service environment host pid requestId userId statusCode stack url \
                    metadata createdAt updatedAt __v";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    let Bson::DateTime(at) = first["timestamp"] else { panic!("{first}") };
    assert!(at.timestamp_millis() >= before, "{first}");
    assert_eq!((&first["createdAt"], &first["updatedAt"]), (&first["timestamp"], &first["timestamp"]));
    let text = |name: &str| first.get_str(name).unwrap_or_else(|_| panic!("{name} in {first}")).to_owned();
    let message = "it failed status_code=502 url=http://c/x";
    assert_eq!((text("level"), text("message")), ("warn".to_owned(), message.to_owned()));
    assert_eq!((text("service"), text("environment")), (SERVICE.to_owned(), "production".to_owned()));
    assert_eq!((text("requestId"), text("userId")), ("0af7651916cd".to_owned(), "anonymous".to_owned()));
    assert_eq!((text("stack"), text("url")), ("collector".to_owned(), "http://c/x".to_owned()));
    assert_eq!(text("host"), nix::unistd::gethostname().expect("a name").to_string_lossy());
    assert_eq!(first["pid"], Bson::Int32(std::process::id() as i32));
    assert_eq!((&first["statusCode"], &first["__v"]), (&Bson::Int32(502), &Bson::Int32(0)));
    let timestamp = at.try_to_rfc3339_string().expect("a date");
    let metadata = first.get_document("metadata").expect("metadata");
    assert_eq!(metadata.get_array("tags").expect("tags").len(), 0);
    let original = metadata.get_document("originalFormat").expect("the original");
    assert_eq!(
        original.keys().map(String::as_str).collect::<Vec<_>>(),
        ["label", "tracing", "message", "statusCode", "url", "level", "timestamp"]
    );
    assert_eq!(original["label"], Bson::from(vec!["registry", "collector"]));
    assert_eq!(original["level"], Bson::from("warn"));
    assert_eq!(original.get_str("timestamp").expect("a text")[..19], timestamp[..19]);
    let second = &documents[1];
    assert_eq!((&second["statusCode"], &second["url"]), (&Bson::Null, &Bson::from("")));
    let id = uuid::Uuid::parse_str(second.get_str("requestId").expect("an id")).expect("a UUID");
    assert_eq!(id.get_version_num(), 4);
}

#[test]
fn a_database_that_comes_late_gets_what_was_told_before() {
    let cable = Cable::to(data().mongo_port);
    cable.cut();
    let log = Log::start(cable.port, "INFO");
    for number in 0..100 {
        tracing::info!(target: OURS, "event {number}");
    }
    let began = Instant::now();
    log.logger.flush();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(log.documents().is_empty());
    cable.mend();
    // With the one that says that the flush was in vain.
    let documents = log.count(101);
    assert_eq!((messages(&documents).len(), log.logger.dropped()), (101, 0));
    // And goes away once more.
    cable.cut();
    tracing::info!(target: OURS, "while it is away");
    cable.mend();
    tracing::info!(target: OURS, "afterwards");
    let documents = log.count(103);
    assert!(messages(&documents).is_superset(&BTreeSet::from(["while it is away", "afterwards"])));
}

#[test]
fn a_database_that_never_answers_holds_nobody_and_what_does_not_fit_is_counted() {
    let cable = Cable::to(data().mongo_port);
    cable.cut();
    let log = Log::start(cable.port, "INFO");
    let total = QUEUE + 5000;
    let began = Instant::now();
    for number in 0..total {
        tracing::info!(target: OURS, "event {number}");
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let dropped = log.logger.dropped() as usize;
    // The queue holds so many, and one batch may have left it.
    assert!((4000..=5000).contains(&dropped), "{dropped}");
    cable.mend();
    let documents = log.count(total - dropped);
    assert_eq!(messages(&documents).len(), total - dropped, "none twice");
    assert_eq!(log.logger.dropped() as usize, dropped);
}

#[test]
fn what_is_switched_off_is_not_written_and_another_address_is_used_at_once() {
    let log = Log::start(data().mongo_port, "INFO");
    tracing::info!(target: OURS, "one");
    log.logger.flush();
    log.count(1);
    let change = |wanted: serde_json::Value| log.logger.change(&wanted).expect("a change");
    change(json!({ "mongodb": { "active": false } }));
    tracing::error!(target: OURS, "two");
    change(json!({ "mongodb": { "active": true, "level": 4 } }));
    tracing::warn!(target: OURS, "three");
    tracing::error!(target: OURS, "four");
    log.logger.flush();
    assert_eq!(messages(&log.count(2)), BTreeSet::from(["one", "four"]));
    // A password that is wrong loses nothing: it is tried again with the right one.
    let url = data().mongo_url(&log.database);
    change(json!({ "mongodb": { "uri": url.replace("root:", "root:wrong") } }));
    tracing::error!(target: OURS, "five");
    log.logger.flush();
    let shown = log.logger.configuration();
    assert!(!shown.to_string().contains(&data().mongo_password), "{shown}");
    assert_eq!(log.documents().len(), 2);
    change(json!({ "mongodb": { "uri": url } }));
    assert_eq!(messages(&log.count(3)), BTreeSet::from(["one", "four", "five"]));
}
