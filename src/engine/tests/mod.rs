//! Table scenarios named after the behaviour, and a seeded simulation with a shadow model.

mod fixture;
mod scenario;
mod sim;
mod stacks;
mod start;
mod stop;
mod trouble;
mod world;
