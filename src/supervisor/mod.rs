//! placeholder
pub mod handle;
pub mod history;
pub mod why;
