//! The Governify registry: agreements and the states of their guarantees over MongoDB, started as `reeve serve registry`.
//!
//! Owns every address of the original's API, version 6. Never imports the supervisor: it is a service like any other and
//! gets what it needs from its environment. A request goes through [`crate::governify::front`] (body, spelling,
//! compression), [`routes`], the handler in its resource's file, and either [`store`], where everything about MongoDB is,
//! or [`engine`], which computes states; failures meet the promised shapes in [`error`].

mod agreements;
mod answer;
mod app;
mod bills;
mod body;
mod computed;
pub mod engine;
mod error;

mod filtered;
mod guarantees;
mod health;
mod metrics;
mod openapi;
mod overrides;
mod pages;
mod pointer;
mod pricing;
mod quotas;
mod routes;
mod schemas;
mod settings;
mod start;
mod states;
mod store;
mod templates;
mod token;

pub use start::{StartError, run};
