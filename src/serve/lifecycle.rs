//! Where a server is in its life: starting, serving, draining. Shared by health answers and the accept loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Cloned to whoever must know; the stop is sent once.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    started: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { started: Arc::default(), stop: watch::Sender::new(false) }
    }
}

impl Lifecycle {
    /// Everything that had to be made ready is.
    pub fn set_started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// Whether new work is welcome: started, and not asked to stop.
    pub fn is_open(&self) -> bool {
        self.started.load(Ordering::Acquire) && !*self.stop.borrow()
    }

    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Returns when the stop has been asked for.
    pub async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // Fails only when the sender is gone, and we hold it.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_only_between_start_and_stop() {
        let life = Lifecycle::default();
        assert!(!life.is_open());
        life.set_started();
        assert!(life.is_open());
        life.stop();
        assert!(!life.is_open() && life.is_stopping());
    }
}
