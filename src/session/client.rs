//! What a client remembers of its session from connection to connection, and how the two agree on where they are.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::fault::Fault;
use super::frame::{self, Welcome};
use super::incoming::Incoming;
use super::outgoing::Outgoing;

/// A client's half of a session.
#[derive(Clone)]
pub struct Client {
    /// What the client sends.
    pub outgoing: Outgoing,
    /// What the client receives.
    pub incoming: Incoming,
    protocols: Vec<String>,
    /// The one that the server chose.
    protocol: String,
    /// Empty where there is no session.
    token: String,
    /// Of the last HELLO.
    attempt: u64,
    /// The session can't go on: the next HELLO asks for a new one.
    broken: bool,
    /// The limit that the last HELLO gave, where it asked for a new session.
    offered: Option<u64>,
    /// What the server said of itself.
    resume_ms: u64,
    heartbeat_ms: u64,
    max_message: u64,
}

/// What a WELCOME comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// The first session.
    New,
    /// The session goes on; so many messages of the outbox were taken meanwhile.
    Resumed {
        /// How many, the oldest of the outbox.
        released: usize,
    },
    /// The session is gone, and another one begins: of the oldest messages of the outbox nobody knows what became.
    Lost {
        /// How many.
        unknown: usize,
    },
}

/// Without the token, which is as good as a password.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("outgoing", &self.outgoing)
            .field("incoming", &self.incoming)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// No session yet. The window is in positions, the largest message to receive in bytes.
    pub const fn new(window: u64, max_message: u64, protocols: Vec<String>) -> Self {
        Self {
            outgoing: Outgoing::new(0),
            incoming: Incoming::new(window, max_message),
            protocols,
            protocol: String::new(),
            token: String::new(),
            attempt: 0,
            broken: false,
            offered: None,
            resume_ms: 0,
            heartbeat_ms: 0,
            max_message: u64::MAX,
        }
    }

    /// Adds to the application's subprotocols.
    pub fn offer(&mut self, protocol: String) {
        self.protocols.push(protocol);
    }

    /// The first frame of a connection: a HELLO.
    pub fn hello(&mut self) -> Vec<u8> {
        self.attempt += 1;
        let (token, taken, limit) = if self.has_session() {
            self.offered = None;
            let (taken, limit) = self.incoming.tell();
            (self.token.as_str(), taken, limit)
        } else {
            let limit = self.incoming.limit_of_new();
            self.offered = Some(limit);
            ("", 0, limit)
        };
        let numbers = [taken, limit, self.attempt, self.incoming.max_message()];
        frame::hello(token, numbers, &self.protocols)
    }

    /// The answer to [`hello`](Self::hello). `resend`: messages of unknown outcome stay in the outbox and go out again;
    /// otherwise they are to be taken out of it.
    ///
    /// # Errors
    /// Where it can't be true. The connection is to be dropped; the next HELLO asks for a new session.
    pub fn welcome(&mut self, welcome: Welcome, resend: bool) -> Result<Greeting, Fault> {
        let greeting = self.agree(&welcome, resend);
        self.broken = greeting.is_err();
        if greeting.is_ok() {
            self.token = welcome.token;
            self.resume_ms = welcome.resume_ms;
            self.heartbeat_ms = welcome.heartbeat_ms;
            self.max_message = welcome.max_message;
            self.protocol = welcome.protocol;
        }
        greeting
    }

    fn agree(&mut self, welcome: &Welcome, resend: bool) -> Result<Greeting, Fault> {
        let knows_protocol = welcome.protocol.is_empty() || self.protocols.contains(&welcome.protocol);
        if welcome.token.is_empty() || !knows_protocol {
            return Err(Fault::Unexpected);
        }
        if welcome.resumed {
            let goes_on = self.offered.is_none() && welcome.token == self.token && welcome.protocol == self.protocol;
            if !goes_on || welcome.max_message < self.max_message {
                return Err(Fault::Unexpected);
            }
            let released = self.outgoing.resume(welcome.taken, welcome.limit)?;
            return Ok(Greeting::Resumed { released });
        }
        if welcome.taken != 0 || welcome.token == self.token {
            return Err(Fault::Unexpected);
        }
        let is_first = self.token.is_empty();
        // The limit of a HELLO that named a session was that session's.
        self.incoming.renew(self.offered);
        let unknown = self.outgoing.unacknowledged();
        if !resend {
            self.outgoing.drop_sent();
        }
        self.outgoing.renew(welcome.limit);
        Ok(if is_first {
            Greeting::New
        } else {
            Greeting::Lost { unknown }
        })
    }

    /// Whether the server knows a session of this client's, as far as the client can tell.
    pub fn has_session(&self) -> bool {
        !self.token.is_empty() && !self.broken
    }

    /// The application's subprotocol that the server chose; empty: none.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// How long the session outlives a connection, in milliseconds.
    pub const fn resume_ms(&self) -> u64 {
        self.resume_ms
    }

    /// How long the server is silent at most, in milliseconds; 0: as long as it likes.
    pub const fn heartbeat_ms(&self) -> u64 {
        self.heartbeat_ms
    }

    /// The largest message that the server takes, in bytes.
    pub const fn max_message(&self) -> u64 {
        self.max_message
    }
}
