//! What every handler and the scheduler can reach. Cloned per request: a pointer.

use std::ops::Deref;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::sync::Notify;

use super::error::Fault;
use super::fetch::Fetcher;
use super::folder::{Folder, FolderError};
use super::runner::Runner;
use super::settings::Settings;
use crate::serve::Lifecycle;

#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
pub struct Shared {
    pub settings: Settings,
    pub lifecycle: Lifecycle,
    pub folder: Arc<Folder>,
    pub runner: Runner,
    pub fetcher: Fetcher,
    /// In which a date without a zone is read.
    pub zone: TimeZone,
    /// Somebody changed the folder, perhaps.
    pub changed: Arc<Notify>,
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

    /// Work on the folder, on a thread that may wait for the disk.
    pub async fn on_folder<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, FolderError> + Send + 'static,
    ) -> Result<T, Fault> {
        let folder = Arc::clone(&self.folder);
        match tokio::task::spawn_blocking(move || work(&folder)).await {
            Ok(done) => Ok(done?),
            Err(error) => {
                tracing::error!(%error, "work on the folder of tasks was interrupted");
                Err(Fault::failed("Error when reading tasks..."))
            }
        }
    }
}
