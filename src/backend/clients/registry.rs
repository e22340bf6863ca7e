//! The registry: agreements, and the states of their guarantees.

use std::time::Duration;

use serde_json::Value;

use super::UpstreamError;
use super::upstream::{ClientError, Upstream, UpstreamSpec};

/// States are computed while we wait: flows run, and send us their rows.
const STATES: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub struct Registry {
    pub(super) upstream: Upstream,
}

impl Registry {
    pub fn new(url: Option<&str>) -> Result<Self, ClientError> {
        Ok(Self { upstream: Upstream::new(UpstreamSpec::new("the registry", url))? })
    }

    /// The agreement as it is stored, with what the store added to it.
    pub async fn agreement(&self, id: &str) -> Result<Option<Value>, UpstreamError> {
        self.upstream.get(&["api", "v6", "agreements", id]).found().await
    }

    pub async fn create_agreement(&self, agreement: &Value) -> Result<(), UpstreamError> {
        self.upstream.post(&["api", "v6", "agreements"]).body(agreement).done().await
    }

    pub async fn update_agreement(&self, id: &str, agreement: &Value) -> Result<(), UpstreamError> {
        self.upstream.put(&["api", "v6", "agreements", id]).body(agreement).done().await
    }

    /// The states of an agreement's guarantees between two times, computed anew with the caller's token.
    pub async fn guarantees(
        &self,
        id: &str,
        from: Option<&str>,
        to: Option<&str>,
        token: Option<&str>,
    ) -> Result<Vec<Value>, UpstreamError> {
        let period = [("from", from), ("to", to)];
        self.upstream
            .get(&["api", "v6", "states", id, "guarantees"])
            .query(period.into_iter().filter_map(|(name, value)| Some((name, value?))))
            .query([("newPeriodsFromGuarantees", "false")])
            .token(token)
            .within(STATES)
            // Asking starts computations.
            .once()
            .json()
            .await
    }
}
