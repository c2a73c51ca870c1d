//! What goes in and out of a connection, whatever WebSocket library carries it.

use std::string::String;
use std::vec::Vec;

use crate::codec::Payload;

/// A WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The close frame: its code and reason, where it has them.
    Close(Option<(u16, String)>),
    /// What the library refuses to read, with the close code for it: 1009 where it is too large, 1007 where it is no UTF-8, 1002
    /// for whatever else WebSocket forbids. The last item of a stream. It ends the session, as the same bytes would come again,
    /// and closes the connection with the code. Never sent.
    Broken(u16, String),
    /// A ping or a pong of the WebSocket itself, which its library answers; or part of a message that is still under way, where
    /// the library can tell. A sign of life, and no more. Never sent.
    Control,
}

impl From<Payload> for Message {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Text(text) => Self::Text(text),
            Payload::Bytes(bytes) => Self::Binary(bytes),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Without a close frame.
    Lost,
    /// The client closed it. 1005: without a code.
    Left {
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
    },
    /// The server closed it.
    Closed {
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
    },
}
