//! What comes out of a session at a server, and what else it has words for.

use alloc::string::String;

use crate::session::frame::Control;
use crate::session::outgoing::Chunk;

/// A connection's number, as whoever runs the server gave it.
pub type Link = u64;

/// Something to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Hand so many of the oldest messages that arrived to the application.
    Deliver(usize),
    /// Throw so many of the oldest messages that arrived away.
    Discard(usize),
    /// Forget so many of the oldest messages of the outbox: they were taken.
    Release(usize),
    /// Close a connection, with this code and reason. It is not this session's any more.
    Drop {
        /// Which one.
        link: Link,
        /// The close code.
        code: u16,
        /// The close reason.
        reason: &'static str,
    },
    /// Tell the application.
    Tell(Event),
}

/// What an application is told of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has no connection; it waits for one.
    Detached,
    /// It has a connection again.
    Resumed,
    /// It has ended. What is left in the outbox was not taken, as far as anybody knows.
    Ended {
        /// The code of the BYE, or the close code.
        code: u16,
        /// The reason.
        reason: String,
    },
}

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A control frame.
    Control(Control),
    /// Messages of the outbox.
    Chunk(Chunk),
}

/// Why a HELLO does not resume a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It comes late, from a connection that its client has given up: close that one with 4409; nothing else changes.
    Late,
    /// The two don't agree on where they are: this session has ended, and the client gets a new one.
    Lost,
}

/// What a store keeps of a session, beside the payloads that are not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The highest attempt.
    pub attempt: u64,
    /// The last position that the server's application has taken.
    pub taken: u64,
    /// The highest limit ever granted.
    pub granted: u64,
    /// The last position that the client's application has taken.
    pub acknowledged: u64,
    /// The last position ever sent.
    pub sent_to: u64,
    /// The highest limit that the client ever gave.
    pub limit: u64,
}
