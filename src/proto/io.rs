//! What goes into the machine and what comes out of it.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::event::{Close, Event};
use super::time::Time;
use crate::session::Chunk;

/// The number of an attempt, and of the connection it leads to. Rises by one with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub(super) u32);

impl Generation {
    /// The generation of this number, as [`number`](Self::number) gave it to a driver that can't keep one.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The attempt's number since the start: 1 for the first.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Whether a message may be sent now; what [`Connection::admits`](super::Connection::admits) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Queue it, and say so with [`Input::Send`].
    Accept,
    /// The outbox is full: ask again when it has shrunk.
    Wait,
    /// The outbox is full, and the policy refuses what does not fit.
    Reject,
    /// Larger than the whole outbox.
    TooBig,
    /// The socket is closing or closed.
    Closed,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Begin. The first input, once.
    Connect,
    /// The application sent a message of this size, which [`Connection::admits`](super::Connection::admits) accepted.
    Send {
        /// Its size in bytes.
        size: usize,
    },
    /// The application took messages out of the inbox, the oldest first.
    Taken {
        /// How many.
        count: u64,
    },
    /// Send what is queued, then close for good.
    Close {
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
        /// How long all of it may take.
        timeout: Duration,
    },
    /// Close for good at once; nothing more is sent.
    Abort,
    /// The question for a URL was answered.
    UrlReady(Generation),
    /// The question for a URL failed.
    UrlFailed(Generation),
    /// The socket could not even be made: the browser refuses the URL.
    OpenFailed(Generation),
    /// The socket is open.
    Opened(Generation),
    /// The socket is open, without the subprotocol that a session needs.
    WrongProtocol(Generation),
    /// A message of this size arrived and waits as the youngest in the driver's hands.
    Message(Generation, usize),
    /// In a session: a text frame arrived that is none.
    Malformed(Generation),
    /// The turn of [`Output::AwaitTurn`] has ended.
    TurnEnded,
    /// The socket reported an error; its end is to follow, and is taken for granted if it does not.
    Error(Generation),
    /// The socket has begun to close by itself and takes nothing more.
    Closing(Generation),
    /// The socket has ended.
    Closed {
        /// Which one.
        generation: Generation,
        /// How.
        close: Close,
        /// What the application's own policy says, where it has one and an opinion: whether to come back.
        retry: Option<bool>,
    },
    /// How many bytes the socket still holds: the answer to [`Output::Measure`].
    Buffered(usize),
    /// The timer of [`Output::SetTimer`] fired. Early is harmless.
    Timer,
    /// Something happened to the page.
    Page(Signal),
}

/// What happens to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The browser went online.
    Online,
    /// The browser went offline.
    Offline,
    /// The page became visible.
    Visible,
    /// The page was hidden: another tab, a locked screen.
    Hidden,
    /// The page is left, and perhaps kept to come back (bfcache).
    Left,
    /// The page is left for good.
    Unloaded,
    /// A page that was left and kept is shown again.
    Returned,
    /// The machine or the page slept and woke up.
    Woke,
}

/// Something to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ask the application for the URL; answer with [`Input::UrlReady`] or [`Input::UrlFailed`].
    AskUrl(Generation),
    /// Make a socket.
    Open(Generation),
    /// Hand messages to the socket, counted from 1 at the first ever accepted.
    Transmit {
        /// The first one's number.
        first: u64,
        /// How many.
        count: u64,
    },
    /// In a session: hand these messages of the outbox to the socket, in one frame. They stay in the outbox.
    Batch(Chunk),
    /// In a session: send this binary frame.
    Frame(Vec<u8>),
    /// Report [`Input::TurnEnded`] when the present turn of the event loop has ended: as a task of its own, not a timer.
    AwaitTurn,
    /// Forget the oldest messages of the outbox: they were handed on, or taken, or had to make room.
    Release {
        /// How many.
        count: u64,
    },
    /// Hand the oldest messages that arrived to the application's inbox.
    Deliver {
        /// How many.
        count: usize,
    },
    /// Throw the oldest messages that arrived away.
    Discard {
        /// How many.
        count: usize,
    },
    /// Throw the oldest messages of the application's inbox away: they had to make room.
    Drop {
        /// How many.
        count: u64,
    },
    /// Send the application's heartbeat message, past the outbox.
    Heartbeat,
    /// Say how many bytes the socket still holds, with [`Input::Buffered`].
    Measure,
    /// Begin the closing handshake.
    Close {
        /// The close code; 1005 for none.
        code: u16,
        /// The reason.
        reason: String,
    },
    /// Let go of the socket or the question for a URL: detach, close without waiting, forget.
    Abandon(Generation),
    /// Fire [`Input::Timer`] at this instant instead of any earlier choice; `None`: never.
    SetTimer(Option<Time>),
    /// Tell the application.
    Tell(Event),
}
