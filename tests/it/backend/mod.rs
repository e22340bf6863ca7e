//! `reeve serve backend` over HTTP: the real binary on real PostgreSQL, Valkey and MongoDB, a fresh database per test.

mod data;
mod harness;

mod configuration;
mod documents;
mod outage;
mod scope_sets;
mod scopes;
mod scripts;
