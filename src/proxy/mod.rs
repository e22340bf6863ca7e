//! The reverse proxy in front of the platform, started as `reeve serve proxy`.
//!
//! Owns what lies between a client's connection and a service's: a request comes in through [`listen`], its framing is
//! looked at by [`guard`] before any other code reads it, [`front`] judges it and finds its route, and [`forward`] or
//! [`assets`] answers. [`table`], [`balance`], [`breaker`], [`framing`] and [`headers`] are pure. Never starts a service,
//! and never imports another service of ours.

mod access_log;
mod acme;
mod assets;
mod balance;
mod body;
mod breaker;
mod crowd;
mod discovery;
mod embedded;
mod entrance;
mod error;
mod file;
mod forward;
mod found;
mod framing;
mod front;
mod guard;
mod headers;
mod known;
mod listen;
mod metrics;
mod page;
mod patience;
mod pool;
mod range;
mod rate;
mod settings;
mod shelf;
mod site;
mod start;
mod table;
mod tls;
mod tunnel;
mod upstream;
mod worker;

pub use start::{StartError, run};
