//! The echo server that Tautline's tests and demo run against: it returns every WebSocket message, serves the demo
//! page, and misbehaves on request.
//!
//! The binary `tautline-echo` is a thin shell around this library, and its `--help` documents the HTTP side: the
//! paths, and the faults a connection can ask for. A test embeds the server instead:
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use tautline_echo::{Config, Server};
//!
//! let server = Server::start(Config::default())?;
//! let url = server.url("/echo?close=4000&after=3");
//! assert!(url.starts_with("ws://127.0.0.1:"));
//! server.stop().await;
//! # std::io::Result::Ok(()) }).unwrap();
//! ```
//!
//! From the socket inwards: `accept` takes TCP connections and hands them to hyper, `http` routes requests, `upgrade`
//! turns one into a WebSocket, whose path is its `work`; `echo` or `durable` holds the conversation and `ending` ends it.
//! `names` remembers connections that carry a name, and `control` gives orders to them while they are open.

mod accept;
mod config;
mod control;
mod durable;
mod echo;
mod ending;
mod faults;
mod files;
mod frame;
mod handshake;
mod http;
mod names;
mod origin;
mod query;
mod server;
mod upgrade;
mod wire;
mod work;

pub use self::{config::Config, server::Server};
