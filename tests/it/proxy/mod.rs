//! `reeve serve proxy`: the real binary in front of services that behave, or do not, as a script says.

mod assets;
mod faults;
mod forwarding;
mod framing;
mod handover;
mod harness;
mod limits;
mod stop;
mod tls;
mod upgrades;
mod upstream;
