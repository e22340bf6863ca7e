//! The operator's API: HTTP/1.1 and JSON over a unix socket that only the stack's owner and root can reach, and over a
//! second one for services that were granted it.
//!
//! Owns the wire types, the socket and both ends of the conversation. Never decides anything about a service: requests go
//! to the supervisor's handle, answers come from its view.

pub mod client;
mod peer;
pub mod server;
pub mod show;
pub mod socket;
pub mod wire;

#[cfg(test)]
mod tests;
