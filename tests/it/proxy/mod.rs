//! `reeve serve proxy`: the real binary in front of services that behave, or do not, as a script says.

mod acme;
mod assets;
mod faults;
mod forwarding;
mod framing;
mod handover;
mod harness;
mod http2;
mod limits;
mod readiness;
mod reload;
mod stop;
mod tls;
mod upgrades;
mod upstream;
mod websockets;
