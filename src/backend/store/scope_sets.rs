//! Collection `scopesets` of MongoDB, where the original keeps scope sets: its documents are read and written as they are.
//!
//! `{_id: ObjectId, controlId: number, scopes: {name: text}, __v: 0}`; the order of the names is kept.

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Error as MongoError;
use mongodb::options::{ClientOptions, ConnectionString, IndexOptions, ReturnDocument};
use mongodb::{Client, Collection, IndexModel};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::backend::error::Fault;
use crate::backend::scope_sets::{ScopeMap, ScopeSet};
use crate::serve::Secret;
use crate::serve::mongo::is_away;

const COLLECTION: &str = "scopesets";
/// Where the original's driver looks when the address names no database.
const DATABASE: &str = "test";

/// A server that is there is found at once; then the answer is 503.
const SELECTION: Duration = Duration::from_secs(2);
/// For a whole operation: a server that accepts and never answers holds nobody.
const OPERATION: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum ScopeSetError {
    #[error("MongoDB cannot be reached")]
    Unavailable(#[source] MongoError),
    #[error("MongoDB does not answer")]
    Silent,
    #[error("MongoDB answered with an error")]
    Failed(#[source] MongoError),
}

impl From<MongoError> for ScopeSetError {
    fn from(error: MongoError) -> Self {
        if is_away(&error) { Self::Unavailable(error) } else { Self::Failed(error) }
    }
}

impl From<ScopeSetError> for Fault {
    fn from(error: ScopeSetError) -> Self {
        match error {
            ScopeSetError::Unavailable(source) => Fault::unavailable("MongoDB", source),
            ScopeSetError::Silent => Fault::Unavailable { what: "MongoDB", source: None },
            ScopeSetError::Failed(source) => Fault::internal("MongoDB answered with an error", source),
        }
    }
}

/// What a caller writes; on a change, what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ScopeSetFields {
    pub control_id: Option<f64>,
    pub scopes: Option<ScopeMap>,
}

/// One of the initial sets, under an id of its own.
#[derive(Debug, Deserialize)]
pub struct NewScopeSet {
    #[serde(rename = "_id", deserialize_with = "hex")]
    id: ObjectId,
    #[serde(rename = "controlId")]
    control_id: i32,
    /// In the order of the file.
    #[serde(deserialize_with = "texts")]
    scopes: Vec<(String, String)>,
}

fn hex<'de, D: serde::Deserializer<'de>>(from: D) -> Result<ObjectId, D::Error> {
    let text = String::deserialize(from)?;
    ObjectId::parse_str(&text).map_err(serde::de::Error::custom)
}

fn texts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    let map = serde_json::Map::deserialize(from)?;
    let text = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) => Ok((name, text)),
        other => Err(serde::de::Error::custom(format_args!("{name} is {other}, not a text"))),
    };
    map.into_iter().map(text).collect()
}

#[derive(Debug)]
pub struct ScopeSets {
    address: ConnectionString,
    collection: OnceCell<Collection<Document>>,
}

impl ScopeSets {
    /// Connects with the first operation.
    pub fn new(address: &Secret) -> Result<Self, MongoError> {
        Ok(Self { address: ConnectionString::parse(address.expose())?, collection: OnceCell::new() })
    }

    pub async fn all(&self) -> Result<Vec<ScopeSet>, ScopeSetError> {
        self.matching(doc! {}).await
    }

    /// Of these controls, in the order of their making.
    pub async fn scope_sets_of<N>(&self, controls: &[N]) -> Result<Vec<ScopeSet>, ScopeSetError>
    where
        N: Copy + Into<f64>,
    {
        let controls: Vec<Bson> = controls.iter().map(|control| number((*control).into())).collect();
        self.matching(doc! { "controlId": { "$in": controls } }).await
    }

    pub async fn one(&self, id: ObjectId) -> Result<Option<ScopeSet>, ScopeSetError> {
        let found = within(async { Ok(self.collection().await?.find_one(doc! { "_id": id }).await?) }).await?;
        Ok(found.as_ref().map(read))
    }

    pub async fn insert(&self, control_id: f64, scopes: ScopeMap) -> Result<ScopeSet, ScopeSetError> {
        let document =
            doc! { "_id": ObjectId::new(), "controlId": number(control_id), "scopes": document(scopes), "__v": 0 };
        within(async { Ok(self.collection().await?.insert_one(&document).await?) }).await?;
        Ok(read(&document))
    }

    /// `None`: there is no such set.
    pub async fn update(&self, id: ObjectId, fields: ScopeSetFields) -> Result<Option<ScopeSet>, ScopeSetError> {
        let mut change = Document::new();
        change.extend(fields.control_id.map(|control| ("controlId".to_owned(), number(control))));
        change.extend(fields.scopes.map(|scopes| ("scopes".to_owned(), document(scopes).into())));
        // An empty change is none, which the server would refuse.
        if change.is_empty() {
            return self.one(id).await;
        }
        let changed = within(async {
            let collection = self.collection().await?;
            let update = collection.find_one_and_update(doc! { "_id": id }, doc! { "$set": change });
            Ok(update.return_document(ReturnDocument::After).await?)
        });
        Ok(changed.await?.as_ref().map(read))
    }

    /// Those that are not there yet. How many that were.
    pub async fn insert_missing(&self, sets: Vec<NewScopeSet>) -> Result<u64, ScopeSetError> {
        let mut made = 0;
        for set in sets {
            let scopes = document(ScopeMap(set.scopes));
            let rest = doc! { "controlId": number(f64::from(set.control_id)), "scopes": scopes, "__v": 0 };
            let done = within(async {
                let update = doc! { "$setOnInsert": rest };
                Ok(self.collection().await?.update_one(doc! { "_id": set.id }, update).upsert(true).await?)
            });
            made += u64::from(done.await?.upserted_id.is_some());
        }
        Ok(made)
    }

    async fn matching(&self, filter: Document) -> Result<Vec<ScopeSet>, ScopeSetError> {
        within(async {
            let cursor = self.collection().await?.find(filter).sort(doc! { "_id": 1 }).await?;
            Ok(cursor.map_ok(|document| read(&document)).try_collect().await?)
        })
        .await
    }

    async fn collection(&self) -> Result<&Collection<Document>, ScopeSetError> {
        let connect = || async {
            let mut options = ClientOptions::parse(self.address.clone()).await?;
            options.app_name.get_or_insert_with(|| "status-backend".to_owned());
            options.server_selection_timeout = Some(SELECTION);
            options.connect_timeout = Some(SELECTION);
            let database = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
            let collection = Client::with_options(options)?.database(&database).collection(COLLECTION);
            // The original has none; without it every look at a control reads the whole collection.
            let named = IndexOptions::builder().name("control".to_owned()).build();
            let index = IndexModel::builder().keys(doc! { "controlId": 1, "_id": 1 }).options(named).build();
            collection.create_index(index).await?;
            Ok(collection)
        };
        self.collection.get_or_try_init(connect).await
    }
}

async fn within<T>(operation: impl Future<Output = Result<T, ScopeSetError>>) -> Result<T, ScopeSetError> {
    tokio::time::timeout(OPERATION, operation).await.unwrap_or(Err(ScopeSetError::Silent))
}

/// As the original's driver stores a number of JavaScript.
fn number(value: f64) -> Bson {
    let whole = value as i32;
    if f64::from(whole).to_bits() == value.to_bits() { Bson::Int32(whole) } else { Bson::Double(value) }
}

fn document(scopes: ScopeMap) -> Document {
    scopes.0.into_iter().map(|(name, value)| (name, Bson::String(value))).collect()
}

/// Whatever the document holds: others may have written it. A scope without a value says nothing and is left out.
fn read(document: &Document) -> ScopeSet {
    let text = |value: &Bson| match value {
        Bson::Null => None,
        Bson::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let scopes = document.get_document("scopes").ok();
    let scopes = scopes.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
    ScopeSet {
        id: document.get_object_id("_id").map(ObjectId::to_hex).unwrap_or_default(),
        control_id: match document.get("controlId") {
            Some(Bson::Int32(whole)) => f64::from(*whole),
            Some(Bson::Int64(whole)) => *whole as f64,
            Some(Bson::Double(number)) => *number,
            _ => f64::NAN,
        },
        scopes: ScopeMap(scopes.collect()),
        version: match document.get("__v") {
            Some(Bson::Int32(version)) => *version,
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_the_original_is_read_whatever_its_numbers_are() {
        let id = ObjectId::parse_str("67ae0f1a7d6afdc94d9699da").unwrap();
        for control in [Bson::Int32(7), Bson::Int64(7), Bson::Double(7.0)] {
            let set = read(&doc! { "_id": id, "controlId": control,
            "scopes": { "z": "*", "a": 5, "gone": null, "flag": true }, "__v": 3 });
            let text = serde_json::to_string(&set).unwrap();
            let wanted =
                r#"{"_id":"67ae0f1a7d6afdc94d9699da","controlId":7,"scopes":{"z":"*","a":"5","flag":"true"},"__v":3}"#;
            assert_eq!(text, wanted);
        }
        let bare = serde_json::to_string(&read(&doc! { "_id": id, "controlId": 1.5 })).unwrap();
        assert_eq!(bare, r#"{"_id":"67ae0f1a7d6afdc94d9699da","controlId":1.5,"scopes":{},"__v":0}"#);
    }

    #[test]
    fn numbers_are_stored_as_the_originals_driver_does() {
        assert_eq!(number(7.0), Bson::Int32(7));
        assert_eq!(number(-7.0), Bson::Int32(-7));
        assert_eq!(number(7.5), Bson::Double(7.5));
        assert_eq!(number(3e9), Bson::Double(3e9));
    }
}
