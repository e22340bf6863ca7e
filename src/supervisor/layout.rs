//! Where things lie below the data directory.

use std::path::{Path, PathBuf};

/// The data directory and the names in it. Makes nothing: see [`super::assembly`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    data_dir: PathBuf,
}

impl Layout {
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into() }
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub fn volumes(&self) -> PathBuf {
        self.data_dir.join("volumes")
    }

    pub fn logs(&self) -> PathBuf {
        self.data_dir.join("logs")
    }

    /// Log of reeve itself when it runs detached.
    pub fn own_log(&self) -> PathBuf {
        self.logs().join("reeve.log")
    }

    pub fn run(&self) -> PathBuf {
        self.data_dir.join("run")
    }

    /// Where services ask the control API. Not in `run`, which their accounts may not enter.
    pub fn services_socket(&self) -> PathBuf {
        self.data_dir.join("services.sock")
    }

    /// One reeve per data directory holds this lock.
    pub fn lock(&self) -> PathBuf {
        self.run().join("lock")
    }

    pub fn leases(&self) -> PathBuf {
        self.run().join("leases")
    }

    pub fn state(&self) -> PathBuf {
        self.data_dir.join("state.json")
    }

    /// What was built last, if this is the data directory beside `services.toml`; that of every other stack over it, too.
    pub fn builds(&self) -> PathBuf {
        self.data_dir.join("builds")
    }

    pub fn secrets(&self) -> PathBuf {
        self.data_dir.join("secrets.env")
    }

    pub fn parts_lock(&self) -> PathBuf {
        self.data_dir.join("parts.lock")
    }

    /// Run directories of all services.
    pub fn services(&self) -> PathBuf {
        self.data_dir.join("services")
    }

    /// `${self.run_dir}` of one service.
    pub fn service(&self, name: &str) -> PathBuf {
        self.services().join(name)
    }
}
