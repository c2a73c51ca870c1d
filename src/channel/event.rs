//! What happens to a socket, as a stream.

use std::pin::Pin;
use std::string::String;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::Vec;

use futures_channel::mpsc;
use futures_core::Stream;

use crate::codec::Payload;
use crate::proto::{self, State};

/// Something that happened to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An attempt to connect began.
    Connecting,
    /// A connection is open.
    Open {
        /// Whether it goes on with a session; never on a plain WebSocket.
        resumed: bool,
    },
    /// An open connection was lost, and will be tried again. The last one is told by [`Closed`](Self::Closed) alone.
    Disconnected {
        /// The close code; 1006 where there was none because the link broke.
        code: u16,
        /// The reason that came with it.
        reason: String,
        /// Whether both sides closed in an orderly way.
        was_clean: bool,
        /// The time until the next attempt; `None` while offline or put aside by the browser.
        retry_in: Option<Duration>,
    },
    /// The server has lost the session of a durable socket, and a new one begins: the next event is its
    /// [`Open`](Self::Open). What never went out goes out in it.
    SessionLost {
        /// Messages that had gone out, the oldest first: nobody knows whether they arrived. Empty where they are sent
        /// again, as [`OnSessionLost::Resend`](crate::OnSessionLost::Resend) asks for.
        unacknowledged: Vec<Payload>,
        /// How many are sent again; 0 where they are given back.
        resent: usize,
    },
    /// The socket is closed for good, and the stream ends; [`Socket::closed`](super::Socket::closed) says why.
    Closed,
}

impl Event {
    /// What the Rust face tells of what the machine tells.
    pub(super) fn from_proto(event: &proto::Event, unacknowledged: Vec<Payload>) -> Option<Self> {
        Some(match event {
            proto::Event::StateChange {
                state: State::Connecting,
                ..
            } => Self::Connecting,
            proto::Event::StateChange { .. } => return None,
            proto::Event::Open { resumed } => Self::Open { resumed: *resumed },
            proto::Event::SessionLost { unknown, returned } => Self::SessionLost {
                unacknowledged,
                resent: if *returned { 0 } else { *unknown },
            },
            proto::Event::Disconnected { close, retry_in } => Self::Disconnected {
                code: close.code,
                reason: close.reason.clone(),
                was_clean: close.was_clean,
                retry_in: *retry_in,
            },
            proto::Event::Closed { .. } => Self::Closed,
        })
    }
}

/// The events of a socket, from the call of [`Socket::events`](super::Socket::events) on.
///
/// It keeps up to 256 that were not read; a reader slower than that misses the ones that follow, but not
/// [`SessionLost`](Event::SessionLost), which has messages, and not that the stream ends.
#[derive(Debug)]
pub struct Events {
    pub(super) events: mpsc::Receiver<Event>,
}

impl Events {
    /// How many events wait for a slow reader.
    pub(super) const CAPACITY: usize = 256;

    /// The next event; `None` once the socket is closed for good.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        Pin::new(&mut self.events).poll_next(cx)
    }
}
