//! What the backend says to Grafana and understands of it: dashboard and panel bodies, and the SQL of panels.
//!
//! Pure: never sends a request, never executes the SQL it writes or reads.

pub mod dashboard;
pub mod gauge;
pub mod panel;
pub mod panel_view;
pub mod sql;
pub mod sql_parser;
