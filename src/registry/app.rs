//! What every handler can reach. Cloned per request: a pointer.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use super::engine::{Clock, Collector, Context};
use super::settings::Settings;
use super::store::{Store, StoreError, json};
use super::token::Token;
use crate::governify::dates;
use crate::governify::infrastructure::Infrastructure;
use crate::serve::Lifecycle;
use crate::telemetry;

#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
pub struct Shared {
    pub settings: Settings,
    pub lifecycle: Lifecycle,
    pub store: Store,
    pub infrastructure: Infrastructure,
    pub collector: Collector,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// This moment, and the zone of this machine.
    pub fn clock(&self) -> Clock {
        Clock { now: telemetry::wall_clock(), local: dates::local() }
    }

    /// What a computation works with.
    pub fn context<'a>(&'a self, token: &'a Token) -> Context<'a, Store> {
        Context {
            collector: &self.collector,
            infrastructure: &self.infrastructure,
            states: &self.store,
            token: token.as_deref(),
        }
    }

    /// A stored agreement, for the engine to read.
    pub async fn agreement(&self, id: &str) -> Result<Option<Value>, StoreError> {
        let Some(document) = self.store.agreement(id).await? else { return Ok(None) };
        let mut text = Vec::with_capacity(document.as_bytes().len() + 64);
        json::document(&mut text, &document)?;
        serde_json::from_slice(&text).map(Some).map_err(StoreError::Unread)
    }
}
