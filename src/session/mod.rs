//! Durable sessions as pure logic: frames and their bytes, what each direction owes, and the server's half.
//! `PROTOCOL.md` says why each rule is there.
//!
//! Like [`proto`](crate::proto) it has no clock, no randomness, no async and no payloads: sizes and positions go in and come
//! out. [`frame`] turns bytes into frames and back; [`Outgoing`] and [`Incoming`] are the two directions as one end
//! sees them; [`Client`] is what a client remembers between connections, which [`Connection`](crate::proto::Connection)
//! drives; [`Server`] is the other end of one session, for whoever runs servers.
//!
//! This module is public so that it can be bound to other platforms. Its API may change in any release.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod fault;
pub mod frame;
mod incoming;
mod outgoing;
pub(crate) mod server;

pub use client::{Client, Greeting};
pub use fault::Fault;
pub use frame::{Batch, Bye, Control, FromClient, FromServer, Hello, Kind, Malformed, Part, Welcome};
pub(crate) use incoming::ACK_BESIDE;
pub use incoming::Incoming;
pub use outgoing::{Chunk, Outgoing};
pub use server::{Event, Frame, Link, Output, Record, Refusal, Server, Settings};

/// The WebSocket subprotocol that a client offers, alone, and a server selects.
pub const PROTOCOL: &str = "tautline.v1";
/// The last position, and the largest number of the wire: what a JavaScript number holds exactly.
pub const LAST: u64 = (1 << 53) - 1;
/// How many bytes of payload a frame may have where it holds more than one message.
pub const FRAME_BYTES: usize = 64 * 1024;
/// How many bytes of a message one position stands for.
const BYTES_PER_POSITION: usize = 4096;
/// An inbox without bounds still has a window: far from [`LAST`].
const MOST_WINDOW: u64 = 1 << 32;

/// How many positions a message of this size takes up.
pub const fn span(size: usize) -> u64 {
    1 + (size / BYTES_PER_POSITION) as u64
}

/// The window, in positions, of an inbox with these bounds: at least 1.
pub const fn window(messages: usize, bytes: usize) -> u64 {
    let by_bytes = bytes / BYTES_PER_POSITION;
    let least = if messages < by_bytes { messages } else { by_bytes } as u64;
    match least {
        0 => 1,
        1..=MOST_WINDOW => least,
        _ => MOST_WINDOW,
    }
}
