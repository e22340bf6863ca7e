//! placeholder

pub mod output;
pub mod probe;
