//! What can go wrong in the Rust face, and how a socket ended.

use std::fmt;
use std::string::String;
use std::vec::Vec;

use crate::codec::{EncodeError, Payload};
use crate::proto::Failure;

/// Why [`connect`](super::Builder::connect) refuses to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL can't be used.
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The name of a subprotocol can't be used.
    Protocol {
        /// The name.
        protocol: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An option makes no sense.
    Option {
        /// The builder's method.
        option: &'static str,
        /// What it takes.
        reason: &'static str,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, reason } => write!(f, "the URL {url:?} can't be used: {reason}"),
            Self::Protocol { protocol, reason } => write!(f, "the subprotocol {protocol:?} can't be used: {reason}"),
            Self::Option { option, reason } => write!(f, "the option `{option}` can't be used: {reason}"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Why a message was not accepted. It was not sent, and will not be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The socket is closing or closed; [`closed`](super::Socket::closed) says why.
    Closed,
    /// The outbox is full: wait with [`send`](super::Sender::send), or raise its bounds.
    Full,
    /// The message is larger than the whole outbox may be, or than the server of a durable socket takes.
    TooBig {
        /// Its size in bytes.
        size: usize,
    },
    /// The codec can't express it.
    Encode(EncodeError),
    /// From `flush`: the server has lost the session, and nobody knows what became of messages that had gone out;
    /// [`Event::SessionLost`](super::Event::SessionLost) has them.
    SessionLost,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the socket is closing or closed; the message was not accepted"),
            Self::Full => f.write_str("the outbox is full; wait for room with `send`, or raise its bounds"),
            Self::TooBig { size } => write!(
                f,
                "the message has {size} bytes, more than the whole outbox may hold, or the server takes; split it, or raise the bound"
            ),
            Self::Encode(error) => error.fmt(f),
            Self::SessionLost => f.write_str("the server has lost the session; what became of the messages is unknown"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            _ => None,
        }
    }
}

/// Why `close` refuses its arguments. The socket stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// A page may close with 1000 and 3000 to 4999 only.
    Code(u16),
    /// The reason is longer than the 123 bytes that fit into a close frame.
    Reason {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "a page can't close with {code}: use 1000, or 3000 to 4999"),
            Self::Reason { bytes } => write!(f, "the close reason has {bytes} bytes; at most 123 fit"),
        }
    }
}

impl std::error::Error for CloseError {}

/// A second [`split`](super::Socket::try_split): the messages have a receiver already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitError;

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the socket was split before: keep the first receiver; a second sender is a clone of the first")
    }
}

impl std::error::Error for SplitError {}

/// How a socket closed for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The close code; 1006 where there was none because the link broke.
    pub code: u16,
    /// The reason that came with it.
    pub reason: String,
    /// Whether both sides closed in an orderly way.
    pub was_clean: bool,
    /// Why, where it was not a `close` of this side.
    pub failure: Option<Failure>,
    /// The messages that were accepted and not handed on; of a durable socket also those that went out and are not
    /// known to be taken.
    pub unacknowledged: Vec<Payload>,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the socket is closed for good (code {}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, ", {:?}", self.reason)?;
        }
        f.write_str(")")?;
        if let Some(failure) = self.failure {
            write!(f, ": {failure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Closed {}
