//! The indexes: the original's two, and ours, without which every look reads a whole collection.
//!
//! Ours never refuse a document, so that a database stays good for the original.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::{Result, Store, StoreError};
use crate::telemetry::chain;

/// For one index of a database that is full already; the server goes on when nobody waits any more.
const BUILD: Duration = Duration::from_secs(60);

impl Store {
    /// Makes those that are missing. One that the data forbid is told and left out, as in the original.
    pub async fn prepare(&self) -> Result<()> {
        let of_the_original = IndexOptions::builder().unique(true).build();
        index(&self.templates, doc! { "id": 1 }, Some(of_the_original)).await?;
        index(&self.states, doc! { "agreementId": 1 }, None).await?;
        let named = |name: &str| Some(IndexOptions::builder().name(name.to_owned()).build());
        let key = doc! { "agreementId": 1, "stateType": 1, "id": 1, "period.from": 1, "period.to": 1 };
        index(&self.states, key, named("key")).await?;
        index(&self.agreements, doc! { "id": 1 }, named("id")).await?;
        index(&self.bills, doc! { "agreementId": 1, "billId": 1 }, named("bill")).await?;
        index(&self.overrides, doc! { "agreement": 1, "guarantee": 1 }, named("guarantee")).await
    }
}

async fn index<T: Send + Sync>(
    collection: &Collection<T>,
    keys: Document,
    options: Option<IndexOptions>,
) -> Result<()> {
    let index = IndexModel::builder().keys(keys.clone()).options(options).build();
    let made = tokio::time::timeout(BUILD, collection.create_index(index)).await;
    match made.map(|made| made.map_err(StoreError::from)) {
        Ok(Err(error @ StoreError::Failed(_))) => {
            tracing::warn!(collection = collection.name(), %keys, error = chain(&error), "an index cannot be made");
            Ok(())
        }
        Ok(done) => done.map(drop),
        Err(_) => Err(StoreError::Silent),
    }
}
