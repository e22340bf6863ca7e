//! From computation rows to compliance, and from guarantee states to points. Pure: rows and states are arguments.

pub mod group;
pub mod points;
pub mod step;
