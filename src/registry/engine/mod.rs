//! The state engine: from an agreement and a question to the states of its guarantees, metrics and penalties.
//!
//! Owns every rule of the computation: periods, queries, what a collector is asked and how its answer is read, objectives,
//! the order of results. Never knows HTTP routes or the database: states leave through [`States`].
//!
//! Data: [`asked`] (from the address to queries) → [`calculate`] (plan, fetch through [`collector`] many at a time, then
//! [`calc`] and [`objective`] in the order of the agreement) → [`state::Put`]. Everything but `collector`, `fetch` and
//! `calculate` is pure: time is an argument.

pub mod agreement;
pub mod asked;
pub mod calc;
pub mod calculate;
pub mod collector;
mod fetch;
mod items;
pub mod objective;
pub mod period;
pub mod pricing;
pub mod query;
pub mod request;
mod rule_text;
pub mod rules;
pub mod state;

pub use agreement::Agreement;
pub use calculate::{CalcError, Context};
pub use collector::{Collector, CollectorSettings};
pub use state::{Put, Record, StateKey, StateType, States};

/// A JSON object; the order of its members is kept.
pub type Map = serde_json::Map<String, serde_json::Value>;

/// The moment, and the zone that dates without one are in.
#[derive(Debug, Clone)]
pub struct Clock {
    pub now: jiff::Timestamp,
    pub local: jiff::tz::TimeZone,
}
