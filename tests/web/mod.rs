//! Tests of the Rust face in a real browser, against the real echo server. One file for each subject; the binaries
//! `web_window` and `web_worker` run all of them, each in its place.

mod callbacks;
mod closing;
mod connecting;
mod costs;
mod delivery;
mod durable;
mod memory;
mod messages;
mod readme;
mod reconnecting;
mod refusals;
mod rows;
mod server;
