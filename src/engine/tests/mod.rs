//! Scenarios and the seeded simulation.
