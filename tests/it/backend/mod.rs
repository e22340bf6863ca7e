//! `reeve serve backend` over HTTP: the real binary on real PostgreSQL, Valkey and MongoDB, a fresh database per test.

mod data;
mod harness;

mod auth;
mod catalogs;
mod configuration;
mod documents;
mod outage;
mod points;
mod scope_sets;
mod scopes;
mod scripts;
mod traces;
