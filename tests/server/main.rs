//! Durable sessions as a server has them, against a client that says exactly what a test wants. No network, and a clock that
//! moves when nobody has anything to do.
#![cfg(all(feature = "server", not(target_arch = "wasm32")))]

mod client;
#[allow(dead_code, reason = "others use the rest of it")]
#[path = "../support/random.rs"]
mod random;

mod ends;
mod flow;
mod handshake;
mod limits;
mod nodes;
mod payloads;
mod resume;
mod slow;
