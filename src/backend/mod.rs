//! The STATUS backend: a REST API over PostgreSQL, Dragonfly and MongoDB, started as `reeve serve backend`.
//!
//! Owns every resource of the API. Never imports the supervisor: it is a service like any other and gets what it needs
//! from its environment. A request goes through [`front`] (body, gate, spelling), [`routes`] (guard, parameters), the
//! handler in its resource's file, and [`store`], where all SQL is; failures meet the promised bodies in [`error`].

mod app;
mod cache;
mod configuration;
mod cors;
mod documents;
pub mod error;
mod extract;
mod front;
mod gate;
mod gate_watch;
mod guard;
mod openapi;
mod openapi30;
mod params;
mod root;
mod routes;
mod scope_sets;
mod scopes;
mod script_store;
mod scripts;
pub mod settings;
mod spelling;
mod start;
mod store;

pub use start::{StartError, run};
