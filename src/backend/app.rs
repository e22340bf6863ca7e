//! What every handler can reach. Cloned per request: a pointer.

use std::ops::Deref;
use std::sync::Arc;

use super::gate::Gate;
use super::settings::Settings;
use super::store::{ScopeSets, Store};
use crate::serve::Lifecycle;

#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
pub struct Shared {
    pub settings: Settings,
    pub lifecycle: Lifecycle,
    pub gate: Gate,
    pub gate_turn: tokio::sync::Mutex<()>,
    pub spelling: crate::serve::spelling::Spelling,
    pub store: Store,
    pub scope_sets: ScopeSets,
    pub cache: Cache,
    pub auth: super::auth::Auth,
    pub clients: super::clients::Clients,
    pub system: super::system::System,
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

    /// The gate as the database has it now.
    pub async fn refresh_gate(&self) -> Result<(), super::store::StoreError> {
        // One at a time: what was read before a change never replaces what was read after it.
        let _turn = self.gate_turn.lock().await;
        self.gate.replace(self.store.rules().await?);
        Ok(())
    }
}

pub use super::cache::Cache;
