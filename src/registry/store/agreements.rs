//! Collection `agreementmodels`.

use mongodb::bson::{RawDocumentBuf, doc};
use mongodb::options::ReturnDocument;
use serde_json::{Map, Value};

use super::bson::{Writer, id_of};
use super::fields::AGREEMENT;
use super::{Result, Rows, Store, StoreError, TURNS, is_duplicate, within};

/// Agreements at a time: a hundred of the usual ones come at once, and large ones do not fill the memory.
const BATCH: u32 = 128;

/// What became of a new agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    New,
    Exists,
    /// It has no id, or an empty one.
    Nameless,
}

impl Store {
    /// Every agreement, in the order of the database.
    pub async fn agreements(&self) -> Result<Rows> {
        within(async { Ok(Rows(self.agreements.find(doc! {}).batch_size(BATCH).batch().await?)) }).await
    }

    pub async fn agreement(&self, id: &str) -> Result<Option<RawDocumentBuf>> {
        within(async { Ok(self.agreements.find_one(doc! { "id": id }).await?) }).await
    }

    pub async fn has_agreement(&self, id: &str) -> Result<bool> {
        let found =
            within(async { Ok(self.agreements.find_one(doc! { "id": id }).projection(doc! { "_id": 1 }).await?) });
        Ok(found.await?.is_some())
    }

    /// A new one and its first, empty state. Two requests for the same id at the same time make one agreement: it is
    /// inserted under an `_id` that follows from its id, which the server takes once. The original's are random, so the
    /// look before it stays.
    pub async fn insert_agreement(&self, body: &Map<String, Value>) -> Result<Made> {
        let kept = AGREEMENT.keep(body)?;
        let Some(id) = kept.text("id").filter(|id| !id.is_empty()) else { return Ok(Made::Nameless) };
        for turn in 0..TURNS {
            if self.has_agreement(id).await? {
                return Ok(Made::Exists);
            }
            let document = kept.document(id_of(&["agreement", id], turn))?;
            let inserted = within(async {
                match self.agreements.insert_one(&document).await {
                    Ok(_) => Ok(true),
                    // Somebody was faster; or the agreement of that `_id` has got another id since.
                    Err(error) if is_duplicate(&error) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            });
            if inserted.await? {
                self.insert_first_state(id).await?;
                return Ok(Made::New);
            }
        }
        Err(StoreError::Restless)
    }

    async fn insert_first_state(&self, agreement: &str) -> Result<()> {
        let mut writer = Writer::default();
        writer.id("_id", mongodb::bson::oid::ObjectId::new()).string("agreementId", agreement);
        writer.document("scope", |_| {}).array("records", |_| {}).integer("__v", 0);
        let document = writer.finish().map_err(StoreError::Unbuilt)?;
        within(async { Ok(self.states.insert_one(&document).await.map(drop)?) }).await
    }

    /// New values for the fields that are there; the whole agreement afterwards, if there is such a one.
    pub async fn update_agreement(&self, id: &str, body: &Map<String, Value>) -> Result<Option<RawDocumentBuf>> {
        let kept = AGREEMENT.keep(body)?;
        // The server refuses a change of nothing.
        if kept.is_empty() {
            return self.agreement(id).await;
        }
        let change = doc! { "$set": kept.change()? };
        within(async {
            let update = self.agreements.find_one_and_update(doc! { "id": id }, change);
            Ok(update.return_document(ReturnDocument::After).await?)
        })
        .await
    }

    /// Whether there was one.
    pub async fn delete_agreement(&self, id: &str) -> Result<bool> {
        within(async { Ok(self.agreements.delete_one(doc! { "id": id }).await?.deleted_count > 0) }).await
    }

    /// All of them, and every state.
    pub async fn delete_agreements(&self) -> Result<()> {
        within(async { Ok(self.agreements.delete_many(doc! {}).await.map(drop)?) }).await?;
        self.delete_states().await
    }
}
