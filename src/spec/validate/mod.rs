//! Merged files into validated values; every problem is reported with the place of the value that it is about.

mod build;
mod depends;
mod names;
mod policy;
mod probe;
mod service;
mod shared;
mod stack;
mod steps;
mod values;

pub use depends::{cycles, edge_of, refuse_impossible};
pub use names::{Names, ServiceNames, check_name};
pub use service::{Wanted, service};
pub use shared::{refuse_shared_ports, refuse_shared_volumes};
pub use stack::{networks, part, secrets, stack, volumes};
pub use values::{At, Context};
