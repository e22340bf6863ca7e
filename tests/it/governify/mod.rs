//! What the registry and the director share, with a real MongoDB.

mod log;
mod settings;
