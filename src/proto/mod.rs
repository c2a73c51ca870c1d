//! The connection as a pure state machine: when to connect, wait, send, give up, and what to tell the application.
//!
//! It has no clock, no randomness of its own, no async and no browser: instants come in as arguments, randomness as a
//! seed, and it uses `core` and `alloc` only. It knows the *sizes and order* of messages, never their payloads, which
//! stay in two queues of whoever drives it.
//!
//! How to drive a [`Connection`]:
//!
//! 1. [`Connection::handle`] an [`Input`]: a command, something that the socket, a timer or the page reported.
//! 2. [`Connection::poll`] each [`Output`] and carry it out, until there is none.
//!
//! In a durable session frames go in by [`Connection::frame`] and [`Connection::batch`]. A message of a plain WebSocket may go in
//! by [`Connection::message`], which mostly spares the second step; a [`Row`] says whom to wake for it, and when.
//!
//! Nothing that an output leads to may call `handle` and `poll` recursively; what happens meanwhile waits for the loop.
//! Every attempt has a [`Generation`]; an input that carries an older one has no effect. `browser/` drives it in a
//! page; tests drive it with a clock of their own.
//!
//! This module is public so that it can be bound to other platforms. Its API may change in any release.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backoff;
mod connection;
mod error;
mod event;
mod io;
mod liveness;
mod policy;
mod queue;
mod row;
mod time;
mod timer;

pub use connection::Connection;
pub use error::Failure;
pub use event::{Close, Event, State, Stats};
pub use io::{Admission, Generation, Input, Output, Signal};
pub use policy::{
    Config, ConnectTimeout, Durable, Heartbeat, Inbox, InboxOverflow, OnSessionLost, Outbox, OutboxOverflow, Reconnect,
};
pub use queue::Load;
pub use row::Row;
pub use time::Time;
