//! Collection `overridesmodels`: one document per agreement and guarantee, with the list of its overrides.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use serde_json::{Map, Value};

use super::bson::{Writer, id_of, names};
use super::{Result, Store, StoreError, TURNS, is_duplicate, within};

/// What became of a new override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    Stored,
    /// There is one of the same id, priority and period.
    Exists,
}

/// What became of one to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    Removed,
    Unknown,
}

impl Store {
    /// The document that holds the list.
    pub async fn overrides(&self, agreement: &str, guarantee: &str) -> Result<Option<RawDocumentBuf>> {
        let filter = doc! { "agreement": agreement, "guarantee": guarantee };
        within(async { Ok(self.overrides.find_one(filter).await?) }).await
    }

    /// At the end of the list, unless it is there.
    pub async fn insert_override(&self, agreement: &str, guarantee: &str, body: &Map<String, Value>) -> Result<Stored> {
        let new = document(body)?;
        let list = doc! { "agreement": agreement, "guarantee": guarantee };
        let mut without = list.clone();
        without.insert("overrides", doc! { "$not": { "$elemMatch": same(&new) } });
        for turn in 0..TURNS {
            let push = doc! { "$push": { "overrides": new.clone() } };
            let appended =
                within(async { Ok(self.overrides.update_one(without.clone(), push).await?.matched_count > 0) });
            if appended.await? {
                return Ok(Stored::Stored);
            }
            if self.overrides(agreement, guarantee).await?.is_some() {
                return Ok(Stored::Exists);
            }
            let mut first = Writer::default();
            first.id("_id", id_of(&["overrides", agreement, guarantee], turn));
            first.string("agreement", agreement).string("guarantee", guarantee).array("overrides", |list| {
                list.json("0", &Value::Object(body.clone()));
            });
            first.integer("__v", 0);
            let first = first.finish().map_err(StoreError::Unbuilt)?;
            let inserted = within(async {
                match self.overrides.insert_one(&first).await {
                    Ok(_) => Ok(true),
                    Err(error) if is_duplicate(&error) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            });
            if inserted.await? {
                return Ok(Stored::Stored);
            }
        }
        Err(StoreError::Restless)
    }

    /// Every one that has all members of the body, if one of its id, priority and period is there.
    pub async fn remove_override(
        &self,
        agreement: &str,
        guarantee: &str,
        body: &Map<String, Value>,
    ) -> Result<Removed> {
        let wanted = document(body)?;
        let list = doc! { "agreement": agreement, "guarantee": guarantee,
        "overrides": { "$elemMatch": same(&wanted) } };
        // Compared as they are: nothing of what the caller sent is an operator.
        let members: Document =
            wanted.into_iter().map(|(name, value)| (name, Bson::Document(doc! { "$eq": value }))).collect();
        let pull = doc! { "$pull": { "overrides": members } };
        let found = within(async { Ok(self.overrides.update_one(list, pull).await?.matched_count > 0) }).await?;
        Ok(if found { Removed::Removed } else { Removed::Unknown })
    }

    /// Of every guarantee of the agreement. How many documents there were.
    pub async fn delete_overrides(&self, agreement: &str) -> Result<u64> {
        within(async { Ok(self.overrides.delete_many(doc! { "agreement": agreement }).await?.deleted_count) }).await
    }
}

fn document(body: &Map<String, Value>) -> Result<Document> {
    let mut writer = Writer::default();
    for (name, value) in body {
        names(value)?;
        writer.json(name, value);
    }
    Document::try_from(writer.finish().map_err(StoreError::Unbuilt)?).map_err(StoreError::Unbuilt)
}

/// What makes two overrides the same one.
fn same(one: &Document) -> Document {
    let member = |name: &str, inner: &str| {
        let inner = one.get_document(name).ok().and_then(|document| document.get(inner));
        doc! { "$eq": inner.cloned().unwrap_or(Bson::Null) }
    };
    doc! {
        "id": { "$eq": one.get("id").cloned().unwrap_or(Bson::Null) },
        "scope.priority": member("scope", "priority"),
        "period.from": member("period", "from"),
    }
}
