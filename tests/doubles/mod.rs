//! Stand-ins for services that tests cannot have: small servers that behave as the vendors' public documents of their
//! APIs say, with knobs for trouble.
//!
//! Every double listens on a free port of its own for as long as it lives, writes down what it was asked, and can be told
//! to fail ([`server::Trouble`]). None of them is a full implementation: what nobody asks is a 404.

pub mod collector;
pub mod github;
pub mod grafana_http;
pub mod node_red;
pub mod openai;
pub mod registry;
pub mod server;

pub use server::{Asked, Server, Trouble};
