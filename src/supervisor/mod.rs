//! placeholder

pub mod handle;
pub mod history;
pub mod output;
pub mod probe;
pub mod why;
