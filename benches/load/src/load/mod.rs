//! All of the command but its start.
//!
//! - flags: the command line, and which module does the work.
//! - compare: echo, side by side with a plain tokio-tungstenite server.
//! - idle: sessions that are held and do nothing.
//! - echo: one load, on a server that runs or one of its own.
//! - baseline: the plain tokio-tungstenite server.
//! - server: server processes, the core they run on, and what /proc says of them.
//! - wire, plain, durable: connections, and the two ways to talk over one.
//! - texts: what is sent.
//! - numbers: medians, and how numbers are written.

mod baseline;
mod compare;
mod durable;
mod echo;
mod flags;
mod idle;
mod numbers;
mod plain;
mod server;
mod texts;
mod wire;

pub(crate) use self::flags::run;
