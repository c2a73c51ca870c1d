//! Durable sessions for servers: every message exactly once and in order, both ways, over as many connections as it takes.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod builder;
mod commit;
mod connection;
mod core;
mod event;
mod frames;
mod memory;
mod message;
mod registry;
mod session;
mod sessions;
mod store;
mod token;
mod welcome;

pub use builder::Builder;
pub use event::{Ended, Event, Events};
pub use memory::MemoryStore;
pub use message::{Message, Parting, Peer};
pub use session::{SendError, Sender, Session};
pub use sessions::{Sessions, Shutdown, Stats};
pub use store::{Claim, Claimed, Commit, Identity, Store, StoreError, Stored, Tombstone, Verdict};
pub use token::Key;
