//! `reeve serve backend` over HTTP: the real binary on real PostgreSQL, Valkey and MongoDB, a fresh database per test.

pub mod data;
pub mod governed;
pub mod harness;

mod assistants;
mod auth;
mod catalog_points;
mod catalogs;
mod computation_runs;
mod computations;
mod configuration;
mod control_panels;
mod controls;
mod documents;
mod github;
mod grafana;
mod guards;
mod outage;
mod points;
mod populate;
mod readme;
mod registry_answers;
mod registry_client;
mod schema;
mod scope_sets;
mod scopes;
mod scripts;
mod secrets;
mod sign_in;
mod system;
mod threads;
mod traces;
mod two_factor;
mod upstreams;
mod users;
