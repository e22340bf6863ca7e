//! Collection `templatemodels`.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{RawDocumentBuf, doc};
use serde_json::{Map, Value};

use super::fields::AGREEMENT;
use super::{Result, Rows, Store, is_duplicate, within};

/// Templates at a time.
const BATCH: u32 = 128;

impl Store {
    /// Those whose id the pattern finds.
    pub async fn templates(&self, pattern: &str) -> Result<Rows> {
        let filter = doc! { "id": { "$regex": pattern } };
        within(async { Ok(Rows(self.templates.find(filter).batch_size(BATCH).batch().await?)) }).await
    }

    pub async fn template(&self, id: &str) -> Result<Option<RawDocumentBuf>> {
        within(async { Ok(self.templates.find_one(doc! { "id": id }).await?) }).await
    }

    /// As it is stored; nothing when there is one of that id.
    pub async fn insert_template(&self, body: &Map<String, Value>) -> Result<Option<RawDocumentBuf>> {
        let document = AGREEMENT.keep(body)?.document(ObjectId::new())?;
        within(async {
            match self.templates.insert_one(&document).await {
                Ok(_) => Ok(Some(document.clone())),
                Err(error) if is_duplicate(&error) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Whether there was one.
    pub async fn delete_template(&self, id: &str) -> Result<bool> {
        within(async { Ok(self.templates.delete_one(doc! { "id": id }).await?.deleted_count > 0) }).await
    }
}
