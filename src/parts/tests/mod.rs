//! Whole installs: against an HTTP server of the test's own, against the registries, and with trouble on the way.

mod machine;
mod registry;
mod server;
mod support;
mod url;
