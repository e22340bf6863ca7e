//! The STATUS backend: a REST API over PostgreSQL, Dragonfly and MongoDB, started as `reeve serve backend`.
//!
//! Owns every resource of the API. Never imports the supervisor: it is a service like any other and gets what it needs
//! from its environment. A request goes through [`front`] (body, gate, spelling), [`routes`] (guard, parameters), the
//! handler in its resource's file, and [`store`], where all SQL is; failures meet the promised bodies in [`error`].

pub mod account;
mod agreement;
mod app;
mod assistants;
pub mod auth;
pub mod cache;
mod catalog_drafts;
mod catalog_points;
mod catalogs;
pub mod clients;
mod compliance;
mod computation_batch;
mod computation_flags;
mod computation_request;
mod computations;
mod configuration;
mod control_computations;
mod control_drafts;
mod control_panels;
mod controls;
mod cors;
mod documents;
pub mod error;
mod extract;
mod front;
mod gate;
mod gate_watch;
mod github;
mod grafana;
mod guard;
mod instant;
mod message_length;
mod openapi;
mod origin;
mod params;
mod period;
mod points;
pub mod populate;
mod root;
mod routes;
mod rules;
mod scope_sets;
mod scopes;
mod script_store;
mod scripts;
mod secret_refs;
mod secrets;
pub mod settings;
mod sign_in;
mod start;
mod status;
mod store;
mod system;
mod threads;
mod throttle;
mod two_factor;
mod unbroken;
mod users;

pub use start::{StartError, run};
