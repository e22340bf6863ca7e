//! The stack that this backend is part of (`/system`): services, logs, events; and to start, stop and restart one.
//!
//! For administrators. Everything is asked of reeve's control API, over the socket that a service finds when
//! `services.toml` grants it one; a backend that was started by itself answers 503. Nothing is kept here.

pub mod actions;
mod failure;
pub mod services;
mod shape;
pub mod streams;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::error::ApiError;
use crate::control::client::{Client, ClientError};

/// Streams at a time, of all administrators together. reeve gives one service half of its 64 connections; the rest of
/// them is for single questions.
const STREAMS: usize = 24;

/// The way to reeve, if there is one.
#[derive(Debug)]
pub struct System {
    client: Option<Client>,
    streams: Arc<Semaphore>,
}

impl System {
    pub fn new(socket: Option<&Path>) -> Result<Self, ClientError> {
        let client = socket.map(Client::at).transpose()?;
        Ok(Self { client, streams: Arc::new(Semaphore::new(STREAMS)) })
    }

    fn reeve(&self) -> Result<&Client, ApiError> {
        self.client.as_ref().ok_or_else(failure::no_way)
    }
}
