//! The STATUS backend: a REST API over PostgreSQL, Dragonfly and MongoDB, started as `reeve serve backend`.
//!
//! Owns every resource of the API. Never imports the supervisor: it is a service like any other and gets what it needs
//! from its environment. A request goes through [`front`] (body, gate, spelling), [`routes`] (guard, parameters), the
//! handler in its resource's file, and [`store`], where all SQL is; failures meet the promised bodies in [`error`].

pub mod agreement;
mod app;
pub mod auth;
pub mod cache;
mod catalog_drafts;
mod catalogs;
pub mod clients;
pub mod compliance;
pub mod computation_request;
mod configuration;
mod cors;
mod documents;
pub mod error;
mod extract;
mod front;
mod gate;
mod gate_watch;
pub mod grafana;
mod guard;
mod instant;
pub mod message_length;
mod openapi;
mod openapi30;
mod origin;
mod params;
mod points;
pub mod populate;
mod root;
mod routes;
mod scope_sets;
mod scopes;
mod script_store;
mod scripts;
mod secrets;
pub mod settings;
mod sign_in;
mod spelling;
mod start;
mod status;
mod store;
mod throttle;
mod two_factor;
mod users;

pub use start::{StartError, run};
