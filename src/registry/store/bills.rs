//! Collection `billsmodels`.

use mongodb::bson::{RawDocumentBuf, doc};
use serde_json::{Map, Value};

use super::bson::id_of;
use super::fields::BILL;
use super::{Result, Rows, Store, StoreError, TURNS, is_duplicate, within};

/// Bills at a time.
const BATCH: u32 = 128;

/// What became of a bill.
#[derive(Debug)]
pub enum BillChange {
    Closed,
    /// It was there; so many were found and changed.
    Changed {
        matched: u64,
        modified: u64,
    },
    /// It was not; as it is stored.
    Made(RawDocumentBuf),
}

impl Store {
    pub async fn bills(&self, agreement: &str) -> Result<Rows> {
        let filter = doc! { "agreementId": agreement };
        within(async { Ok(Rows(self.bills.find(filter).batch_size(BATCH).batch().await?)) }).await
    }

    /// The state of the bill of the period that begins there; within: it may have none.
    pub async fn bill_state(&self, agreement: &str, from: &str) -> Result<Option<Option<String>>> {
        let filter = doc! { "agreementId": agreement, "period.from": from };
        let found = within(async { Ok(self.bills.find_one(filter).await?) }).await?;
        Ok(found.map(|bill| bill.get_str("state").ok().map(str::to_owned)))
    }

    /// New values for a bill that is not closed, or a new bill.
    pub async fn put_bill(&self, agreement: &str, bill: &str, body: &Map<String, Value>) -> Result<BillChange> {
        let mut kept = BILL.keep(body)?;
        let filter = doc! { "agreementId": agreement, "billId": bill };
        for turn in 0..TURNS {
            let found = within(async { Ok(self.bills.find_one(filter.clone()).await?) }).await?;
            if let Some(found) = found {
                if found.get_str("state").is_ok_and(|state| state == "closed") {
                    return Ok(BillChange::Closed);
                }
                if kept.is_empty() {
                    return Ok(BillChange::Changed { matched: 1, modified: 0 });
                }
                let id = found.get_object_id("_id").map_err(|error| StoreError::Refused {
                    code: 0,
                    message: format!("a bill has no usable _id: {error}"),
                })?;
                // Whoever closes it meanwhile is respected.
                let open = doc! { "_id": id, "state": { "$ne": "closed" } };
                let change = doc! { "$set": kept.change()? };
                let done = within(async { Ok(self.bills.update_one(open, change).await?) }).await?;
                if done.matched_count > 0 {
                    return Ok(BillChange::Changed { matched: done.matched_count, modified: done.modified_count });
                }
                continue;
            }
            kept.fill("agreementId", agreement);
            kept.fill("billId", bill);
            let document = kept.document(id_of(&["bill", agreement, bill], turn))?;
            let inserted = within(async {
                match self.bills.insert_one(&document).await {
                    Ok(_) => Ok(true),
                    Err(error) if is_duplicate(&error) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            });
            if inserted.await? {
                return Ok(BillChange::Made(document));
            }
        }
        Err(StoreError::Restless)
    }

    /// How many there were.
    pub async fn delete_bills(&self, agreement: &str) -> Result<u64> {
        within(async { Ok(self.bills.delete_many(doc! { "agreementId": agreement }).await?.deleted_count) }).await
    }
}
