//! The STATUS backend: a REST API over PostgreSQL, Dragonfly and MongoDB, started as `reeve serve backend`.
//!
//! Owns every resource of the API. Never imports the supervisor: it is a service like any other and gets what it needs
//! from its environment.

pub mod agreement;
pub mod compliance;
pub mod computation_request;
pub mod grafana;
pub mod message_length;
