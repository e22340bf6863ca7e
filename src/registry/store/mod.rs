//! Everything in MongoDB, in the collections of the original and laid out as it lays them out: a database of either works
//! with the other.
//!
//! One file per collection; `bson` is the way in, `json` the way out. Documents come back as the server sent them and are
//! printed from there. Indexes of ours beside the original's only make looks faster.

mod agreements;
mod bills;
mod bson;
mod fields;
mod history;
mod indexes;
pub mod json;
mod overrides;
mod states;
mod templates;

use std::time::Duration;

use mongodb::bson::{RawDocumentBuf, doc};
use mongodb::error::{Error as MongoError, ErrorKind, WriteFailure};
use mongodb::options::ClientOptions;
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};
use mongodb::{Client, Collection, Database};

use crate::serve::Secret;
use crate::serve::mongo::is_away;

pub use agreements::Made;
pub use bills::BillChange;
pub use bson::CastError;
pub use history::{Filter, History, Wanted};
pub use overrides::{Removed, Stored};

/// A server that is there is found at once; then the answer is 503.
const SELECTION: Duration = Duration::from_secs(2);
/// For one exchange: a server that accepts and never answers holds nobody.
const OPERATION: Duration = Duration::from_secs(5);

/// Two servers may insert the same thing; whoever comes second looks again, and then it is there.
const TURNS: u32 = 4;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("MongoDB cannot be reached")]
    Unavailable(#[source] MongoError),
    #[error("MongoDB does not answer")]
    Silent,
    #[error("MongoDB answered with an error: {}", told(.0))]
    Failed(#[source] MongoError),
    #[error("MongoDB refused a write: {message} (code {code})")]
    Refused { code: i32, message: String },
    #[error(transparent)]
    Cast(#[from] CastError),
    #[error("a stored agreement cannot be read")]
    Unread(#[source] serde_json::Error),
    #[error("a document for MongoDB cannot be built")]
    Unbuilt(#[source] mongodb::bson::error::Error),
    #[error(transparent)]
    Json(#[from] json::JsonError),
    #[error("MongoDB and this server do not agree on what is stored; {TURNS} tries")]
    Restless,
}

/// What the server itself said, without its reply around it.
fn told(error: &MongoError) -> String {
    match &*error.kind {
        ErrorKind::Command(refusal) => refusal.message.clone(),
        ErrorKind::Write(WriteFailure::WriteError(refusal)) => refusal.message.clone(),
        _ => error.to_string(),
    }
}

impl From<MongoError> for StoreError {
    fn from(error: MongoError) -> Self {
        if is_away(&error) { Self::Unavailable(error) } else { Self::Failed(error) }
    }
}

impl StoreError {
    /// MongoDB is away, and what was asked for may work later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Silent)
    }
}

/// Whether an insertion met something that is there already.
fn is_duplicate(error: &MongoError) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(refusal)) if refusal.code == 11000)
}

pub type Result<T> = std::result::Result<T, StoreError>;

/// Connects with the first operation. Cloned per request: pointers.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    agreements: Collection<RawDocumentBuf>,
    templates: Collection<RawDocumentBuf>,
    states: Collection<RawDocumentBuf>,
    overrides: Collection<RawDocumentBuf>,
    bills: Collection<RawDocumentBuf>,
    /// Records that a state keeps.
    records: u32,
}

impl Store {
    /// `database` is the one to use if the address names none.
    pub async fn new(address: &Secret, database: &str, records: u32) -> std::result::Result<Self, MongoError> {
        let mut options = ClientOptions::parse(address.expose()).await?;
        options.app_name.get_or_insert_with(|| "governify-registry".to_owned());
        options.server_selection_timeout = Some(SELECTION);
        options.connect_timeout = Some(SELECTION);
        let database = options.default_database.clone().unwrap_or_else(|| database.to_owned());
        let database = Client::with_options(options)?.database(&database);
        Ok(Self {
            agreements: database.collection("agreementmodels"),
            templates: database.collection("templatemodels"),
            states: database.collection("statemodels"),
            overrides: database.collection("overridesmodels"),
            bills: database.collection("billsmodels"),
            database,
            records,
        })
    }

    pub async fn ping(&self) -> Result<()> {
        within(async { Ok(self.database.run_command(doc! { "ping": 1 }).await.map(drop)?) }).await
    }
}

/// What a query found, batch by batch.
pub struct Rows(RawBatchCursor);

impl std::fmt::Debug for Rows {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl Rows {
    /// The next ones; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Batch>> {
        use futures_util::StreamExt;
        let next = within(async { Ok(self.0.next().await.transpose()?) }).await?;
        Ok(next.map(Batch))
    }
}

/// Documents as they came from the server.
#[derive(Debug)]
pub struct Batch(RawBatch);

impl Batch {
    /// One after the other, as bytes.
    pub fn documents(&self) -> Result<impl Iterator<Item = Result<&[u8]>>> {
        let list = json::Members::of(self.0.doc_slices()?.as_bytes());
        Ok(list.map(|member| Ok(member.and_then(|member| member.document())?)))
    }
}

async fn within<T>(operation: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(OPERATION, operation).await.unwrap_or(Err(StoreError::Silent))
}
