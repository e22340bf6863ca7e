//! HTTP plumbing that every service of ours shares: bind, health, drain, request ids, metrics.
