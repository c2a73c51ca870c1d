//! What comes out of a hub, and what else it has words for.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::session::{Chunk, Link};

/// A session's number. None comes twice.
pub type SessionId = u64;

/// Something to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the application which of these subprotocols a new session is to have, and answer with
    /// [`Hub::choose`](super::Hub::choose).
    Choose {
        /// The connection.
        link: Link,
        /// What the client offers, the most wanted first; each is a token of HTTP's, and none comes twice.
        protocols: Vec<String>,
    },
    /// Give the application a new session.
    Begin {
        /// Its number.
        session: SessionId,
        /// The connection that made it.
        link: Link,
        /// A name for logs. It is not the token.
        name: String,
        /// The application's subprotocol; empty: none.
        protocol: String,
    },
    /// Send a frame.
    Frame {
        /// On this connection.
        link: Link,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Send a frame with messages of the outbox.
    Messages {
        /// On this connection.
        link: Link,
        /// Whose outbox it is.
        session: SessionId,
        /// Which messages.
        chunk: Chunk,
    },
    /// Give the application so many of the oldest messages that arrived on the connection whose frame was told of last.
    Deliver {
        /// Whose they are.
        session: SessionId,
        /// How many.
        count: usize,
    },
    /// Throw so many of the oldest messages that arrived there away.
    Discard(usize),
    /// Forget so many of the oldest messages of the outbox: they were taken.
    Release {
        /// Whose outbox it is.
        session: SessionId,
        /// How many.
        count: usize,
    },
    /// Close a connection. What it says from now on has no meaning.
    Close {
        /// Which one.
        link: Link,
        /// The close code.
        code: u16,
        /// The close reason.
        reason: Cow<'static, str>,
    },
    /// Tell the application that its session has no connection, and waits for one.
    Detached(SessionId),
    /// Tell it that the session has one again.
    Resumed(SessionId),
    /// Tell it that the session has ended. What is left in the outbox was not taken, as far as anybody knows.
    Ended {
        /// Which one.
        session: SessionId,
        /// The code of the BYE, or of the close.
        code: u16,
        /// The reason.
        reason: String,
    },
    /// Call [`Hub::turn_ended`](super::Hub::turn_ended) at the end of this turn of the event loop.
    AwaitTurn,
}

/// What is known of who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// The list of origins decides.
    Listed,
    /// The application lets it in.
    Allowed,
    /// Its page may not connect.
    Foreign,
    /// It is not who it says it is.
    Unauthenticated,
}

/// How things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sessions.
    pub sessions: usize,
    /// Those of them that have a connection.
    pub attached: usize,
    /// Connections, those that have no session yet included.
    pub connections: usize,
    /// What sessions hold of messages that are not taken, both ways, in bytes; 32 are added for each message. With what waits for
    /// room in an outbox, where a driver [tells](super::Hub::waiting) of that.
    pub held_bytes: u64,
    /// How much of that is held by sessions without a connection.
    pub detached_bytes: u64,
}
