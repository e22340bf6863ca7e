//! `reeve serve backend` over HTTP: the real binary on real PostgreSQL, Valkey and MongoDB, a fresh database per test.

mod data;
mod harness;

mod auth;
mod catalogs;
mod documents;
mod grafana;
mod outage;
mod points;
mod scopes;
mod traces;
