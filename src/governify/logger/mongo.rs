//! Writes records to the collection `logs`, which the STATUS backend's logger shares.
//!
//! Owns the connection. A database that is away is tried again until it is back, while the queue fills and then drops; one
//! that refuses what it is sent does not get it twice. Each document has its id before the first try, so that one that
//! arrived although the answer was lost is not there twice.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mongodb::bson::DateTime;
use mongodb::bson::oid::ObjectId;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use serde::Serialize;
use tokio::sync::watch;

use super::configuration::Configuration;
use super::queue::{BATCH, Lane, Queue};
use super::record::Record;
use crate::governify::dates;
use crate::serve::Secret;
use crate::telemetry::chain;

const COLLECTION: &str = "logs";
/// Where the original's driver writes when the address names no database.
const DATABASE: &str = "test";

/// A server that is there is found at once.
const SELECTION: Duration = Duration::from_secs(2);
/// For one batch: a server that accepts and never answers does not stop the log for ever.
const OPERATION: Duration = Duration::from_secs(10);
/// Between two tries, doubled up to the second.
const KNOCK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// MongoDB's code for an id that is there already.
const DUPLICATE: i32 = 11000;

/// Who logs.
#[derive(Debug)]
pub struct Origin {
    service: &'static str,
    environment: String,
    host: String,
    pid: i32,
}

impl Origin {
    pub fn new(service: &'static str, environment: String) -> Self {
        let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { service, environment, host, pid: nix::unistd::getpid().as_raw() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogDocument<'a> {
    #[serde(rename = "_id")]
    id: ObjectId,
    timestamp: DateTime,
    level: &'static str,
    message: &'a str,
    service: &'static str,
    environment: &'a str,
    host: &'a str,
    pid: i32,
    request_id: String,
    user_id: &'static str,
    status_code: Option<i32>,
    stack: &'static str,
    url: &'a str,
    metadata: Metadata<'a>,
    created_at: DateTime,
    updated_at: DateTime,
    #[serde(rename = "__v")]
    version: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    tags: [&'static str; 0],
    original_format: Original<'a>,
}

/// What the original's logger handed on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Original<'a> {
    label: &'a [&'static str],
    tracing: Option<&'a str>,
    message: &'a str,
    status_code: Option<i32>,
    url: &'a str,
    level: &'static str,
    timestamp: String,
}

impl<'a> LogDocument<'a> {
    fn of(record: &'a Record, origin: &'a Origin) -> Self {
        let at = date(record.at);
        let (level, message, status_code) = (record.level.stored(), record.message.as_str(), record.status_code);
        let url = record.url.as_deref().unwrap_or_default();
        let original = Original {
            label: &record.tags,
            tracing: record.request.as_deref(),
            message,
            status_code,
            url,
            level,
            timestamp: dates::iso(record.at),
        };
        Self {
            id: ObjectId::new(),
            timestamp: at,
            level,
            message,
            service: origin.service,
            environment: &origin.environment,
            host: &origin.host,
            pid: origin.pid,
            request_id: record.request.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            user_id: "anonymous",
            status_code,
            stack: record.tags.last().copied().unwrap_or_default(),
            url,
            metadata: Metadata { tags: [], original_format: original },
            created_at: at,
            updated_at: at,
            version: 0,
        }
    }
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Trying again may help.
    #[error("MongoDB cannot be reached")]
    Away(#[source] Error),
    #[error("MongoDB does not answer")]
    Silent,
    /// Trying again would not.
    #[error("MongoDB refuses log events")]
    Refused(#[source] Error),
}

#[derive(Debug)]
pub struct Writer {
    origin: Arc<Origin>,
    configuration: watch::Receiver<Arc<Configuration>>,
    lane: Lane,
    /// For the address it was made with.
    connection: Option<(Secret, Database)>,
    /// Whether the trouble has been told.
    is_told: bool,
}

impl Writer {
    pub fn new(origin: Origin, configuration: watch::Receiver<Arc<Configuration>>, lane: Lane) -> Self {
        Self { origin: Arc::new(origin), configuration, lane, connection: None, is_told: false }
    }

    /// Until nobody logs any more.
    pub async fn run(mut self, mut queue: Queue) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.take(&mut batch).await {
            self.deliver(&batch, &mut queue).await;
            batch.clear();
        }
    }

    /// Until it is written, refused, or no longer wanted.
    async fn deliver(&mut self, batch: &[Arc<Record>], queue: &mut Queue) {
        let origin = self.origin.clone();
        let documents: Vec<LogDocument<'_>> = batch.iter().map(|record| LogDocument::of(record, &origin)).collect();
        let mut pause = KNOCK.0;
        loop {
            let wanted = self.configuration.borrow_and_update().mongodb.clone();
            if !wanted.active {
                self.lane.drop_some(batch.len());
                break;
            }
            match self.write(&wanted.uri, &documents).await {
                Ok(()) => {
                    if std::mem::take(&mut self.is_told) {
                        tracing::info!(dropped = self.lane.dropped(), "log events are written to MongoDB again");
                    }
                    break;
                }
                Err(failure) => {
                    if !std::mem::replace(&mut self.is_told, true) {
                        tracing::warn!(error = chain(&failure), "log events are not written to MongoDB");
                    }
                    if matches!(failure, Failure::Refused(_)) {
                        self.lane.drop_some(batch.len());
                        break;
                    }
                }
            }
            queue.answer(false);
            // Who asks for what is left to be written gets one more try.
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(KNOCK.1),
                () = queue.asked() => {}
                changed = self.configuration.changed() => if changed.is_err() { break },
            }
        }
    }

    async fn write(&mut self, uri: &Secret, documents: &[LogDocument<'_>]) -> Result<(), Failure> {
        let written = async {
            let database = self.database(uri).await?;
            database.collection::<LogDocument<'_>>(COLLECTION).insert_many(documents).ordered(false).await
        };
        match tokio::time::timeout(OPERATION, written).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => judged(error),
            Err(_) => Err(Failure::Silent),
        }
    }

    async fn database(&mut self, uri: &Secret) -> Result<Database, Error> {
        match &self.connection {
            Some((known, database)) if known == uri => Ok(database.clone()),
            _ => {
                let mut options = ClientOptions::parse(uri.expose()).await?;
                options.server_selection_timeout = Some(SELECTION);
                options.connect_timeout = Some(SELECTION);
                // One batch at a time.
                options.max_pool_size = Some(1);
                let client = Client::with_options(options)?;
                let database = client.default_database().unwrap_or_else(|| client.database(DATABASE));
                self.connection = Some((uri.clone(), database.clone()));
                Ok(database)
            }
        }
    }
}

fn judged(error: Error) -> Result<(), Failure> {
    match error.kind.as_ref() {
        // An earlier try wrote them, and only its answer was lost.
        ErrorKind::InsertMany(failed)
            if failed.write_concern_error.is_none()
                && failed.write_errors.as_ref().is_some_and(|all| all.iter().all(|one| one.code == DUPLICATE)) =>
        {
            Ok(())
        }
        ErrorKind::InsertMany(_) | ErrorKind::Write(_) | ErrorKind::InvalidArgument { .. } => {
            Err(Failure::Refused(error))
        }
        // Also a refused sign-in: the account may be made after the server has begun.
        _ => Err(Failure::Away(error)),
    }
}
